"""Schedules: workflows that run again and again by the clock."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Protocol


@dataclass(frozen=True)
class PlannedSchedule:
    """A schedule as the settings want it.

    Attributes:
        name: the schedule's id; the ids of its runs begin with it.
        workflow: name of the workflow, which takes no input.
        task_queue: on which it runs.
        every_seconds: time between two runs. A run that falls due while the one before is still
            under way is left out.
    """

    name: str
    workflow: str
    task_queue: str
    every_seconds: float


class Applied(StrEnum):
    """What applying a schedule did."""

    CREATED = "created"
    UPDATED = "updated"
    UNCHANGED = "unchanged"


@dataclass(frozen=True)
class ScheduleStatus:
    """A schedule as it is.

    Attributes:
        every_seconds: None when it runs by something else than one interval.
        note: why it is paused or not, in an operator's words.
        runs: how many were started so far.
        left_out: how many were not, because the one before was still under way.
        running: ids of workflows that are under way.
        last_at: when the last one was started.
        next_at: when the next one is due, paused or not.
    """

    name: str
    workflow: str
    task_queue: str
    every_seconds: float | None
    paused: bool
    note: str | None
    runs: int
    left_out: int
    running: tuple[str, ...]
    last_at: datetime | None
    next_at: datetime | None


class Schedules(Protocol):
    """Keeps schedules. Every call raises `WorkflowsUnavailable` after some seconds."""

    @property
    def planned(self) -> Sequence[PlannedSchedule]:
        """All that the settings want."""
        ...

    async def apply(self, planned: PlannedSchedule) -> Applied:
        """Make the schedule what is planned. Idempotent; a paused one stays paused."""
        ...

    async def status(self, name: str) -> ScheduleStatus | None:
        """How a schedule is; None when there is none of that name."""
        ...

    async def pause(self, name: str, note: str) -> bool:
        """Start no further run. Idempotent. Returns False when there is no such schedule."""
        ...

    async def resume(self, name: str, note: str) -> bool:
        """Go on by the clock; what was missed is not made up for. Otherwise as `pause`."""
        ...

    async def trigger(self, name: str) -> bool:
        """Run once now, paused or not, unless a run is under way.

        Returns False when there is no such schedule.
        """
        ...
