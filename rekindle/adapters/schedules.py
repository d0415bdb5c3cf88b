"""Schedules kept by Temporal."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Sequence
from contextlib import asynccontextmanager
from datetime import timedelta

from temporalio.client import (
    Client,
    Schedule,
    ScheduleActionExecutionStartWorkflow,
    ScheduleActionStartWorkflow,
    ScheduleAlreadyRunningError,
    ScheduleDescription,
    ScheduleIntervalSpec,
    ScheduleOverlapPolicy,
    SchedulePolicy,
    ScheduleSpec,
    ScheduleUpdate,
    ScheduleUpdateInput,
)
from temporalio.service import RPCError, RPCStatusCode

from rekindle.contracts import queues
from rekindle.contracts.fleet import AUTOSCALE_PODS, AUTOSCALE_SCHEDULE
from rekindle.contracts.sweep import SWEEP, SWEEP_SCHEDULE
from rekindle.errors import WorkflowsUnavailable
from rekindle.ports.schedules import Applied, PlannedSchedule, ScheduleStatus
from rekindle.settings import Settings

PATIENCE_SECONDS = 10.0
CATCH_UP = timedelta(minutes=1)
"""Runs missed for longer than this are not made up for; Temporal's default is a year."""
_LEAST_TIME = timedelta(minutes=5)
"""A run may take this long, or ten times its interval: one that hangs would stop all others."""


def planned(settings: Settings) -> tuple[PlannedSchedule, ...]:
    """Every schedule that a deployment with these settings has."""
    return (
        PlannedSchedule(
            name=AUTOSCALE_SCHEDULE,
            workflow=AUTOSCALE_PODS,
            task_queue=queues.CONTROL,
            every_seconds=settings.autoscale_seconds,
        ),
        PlannedSchedule(
            name=SWEEP_SCHEDULE,
            workflow=SWEEP,
            task_queue=queues.CONTROL,
            every_seconds=settings.sweep_seconds,
        ),
    )


class TemporalSchedules:
    """See `ports.schedules.Schedules`."""

    def __init__(self, client: Client, planned: Sequence[PlannedSchedule]) -> None:
        """Keep these schedules through `client`."""
        self._client = client
        self._planned = tuple(planned)

    @property
    def planned(self) -> Sequence[PlannedSchedule]:
        """See `Schedules.planned`."""
        return self._planned

    async def apply(self, planned: PlannedSchedule) -> Applied:
        """See `Schedules.apply`."""
        wanted = _schedule(planned)
        changed = False

        def change(found: ScheduleUpdateInput) -> ScheduleUpdate | None:
            nonlocal changed
            present = found.description.schedule
            changed = not _same(present, wanted)
            wanted.state = present.state
            return ScheduleUpdate(wanted) if changed else None

        async with _patience():
            try:
                await self._client.create_schedule(planned.name, wanted)
            except ScheduleAlreadyRunningError:
                await self._client.get_schedule_handle(planned.name).update(change)
                return Applied.UPDATED if changed else Applied.UNCHANGED
        return Applied.CREATED

    async def status(self, name: str) -> ScheduleStatus | None:
        """See `Schedules.status`."""
        async with _patience():
            try:
                return _status(await self._client.get_schedule_handle(name).describe())
            except RPCError as error:
                if error.status is RPCStatusCode.NOT_FOUND:
                    return None
                raise

    async def pause(self, name: str, note: str) -> bool:
        """See `Schedules.pause`."""
        return await _taken(self._client.get_schedule_handle(name).pause(note=note))

    async def resume(self, name: str, note: str) -> bool:
        """See `Schedules.resume`."""
        return await _taken(self._client.get_schedule_handle(name).unpause(note=note))

    async def trigger(self, name: str) -> bool:
        """See `Schedules.trigger`."""
        return await _taken(self._client.get_schedule_handle(name).trigger())


async def _taken(command: Awaitable[None]) -> bool:
    """Whether there was a schedule to take the command."""
    async with _patience():
        try:
            await command
        except RPCError as error:
            if error.status is RPCStatusCode.NOT_FOUND:
                return False
            raise
    return True


@asynccontextmanager
async def _patience() -> AsyncIterator[None]:
    """Wait for an answer, but not for ever."""
    try:
        async with asyncio.timeout(PATIENCE_SECONDS):
            yield
    except (TimeoutError, RPCError, RuntimeError) as error:
        # RuntimeError is how a lazy client says that it cannot connect.
        raise WorkflowsUnavailable(repr(error)) from error


def _schedule(planned: PlannedSchedule) -> Schedule:
    every = timedelta(seconds=planned.every_seconds)
    return Schedule(
        action=ScheduleActionStartWorkflow(
            planned.workflow,
            id=planned.name,
            task_queue=planned.task_queue,
            execution_timeout=max(10 * every, _LEAST_TIME),
        ),
        spec=ScheduleSpec(intervals=[ScheduleIntervalSpec(every=every)]),
        policy=SchedulePolicy(overlap=ScheduleOverlapPolicy.SKIP, catchup_window=CATCH_UP),
    )


def _same(present: Schedule, wanted: Schedule) -> bool:
    """Whether a schedule does what another one would, paused or not."""
    return (present.policy, present.spec.intervals, _start(present)) == (
        wanted.policy,
        wanted.spec.intervals,
        _start(wanted),
    )


def _start(schedule: Schedule) -> tuple[str, str, str, timedelta | None]:
    action = schedule.action
    if not isinstance(action, ScheduleActionStartWorkflow):
        raise TypeError("a schedule starts workflows and does nothing else")
    return action.workflow, action.id, action.task_queue, action.execution_timeout


def _status(found: ScheduleDescription) -> ScheduleStatus:
    schedule, info = found.schedule, found.info
    workflow, _, task_queue, _ = _start(schedule)
    intervals = schedule.spec.intervals
    return ScheduleStatus(
        name=found.id,
        workflow=workflow,
        task_queue=task_queue,
        every_seconds=intervals[0].every.total_seconds() if len(intervals) == 1 else None,
        paused=schedule.state.paused,
        note=schedule.state.note or None,
        runs=info.num_actions,
        left_out=info.num_actions_skipped_overlap,
        running=tuple(
            run.workflow_id
            for run in info.running_actions
            if isinstance(run, ScheduleActionExecutionStartWorkflow)
        ),
        last_at=info.recent_actions[-1].started_at if info.recent_actions else None,
        next_at=info.next_action_times[0] if info.next_action_times else None,
    )
