"""A pod: what was asked for, where it is, which state it is in."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from typing import Any

from simulators.common.clock import Timer
from simulators.runpod.cloud.faults import Subject
from simulators.runpod.cloud.pod_log import PodLog
from simulators.runpod.cloud.workload import Workload

Spec = dict[str, Any]
"""The create call's body with the defaults filled in."""


class Status(StrEnum):
    """The vendor's states of a pod."""

    PROVISIONING = "PROVISIONING"
    STARTING = "STARTING"
    RUNNING = "RUNNING"
    EXITED = "EXITED"
    ERROR = "ERROR"
    TERMINATED = "TERMINATED"


ACTIONS: Mapping[Status, tuple[str, ...]] = {
    Status.PROVISIONING: ("stop", "terminate"),
    Status.STARTING: ("stop", "terminate"),
    Status.RUNNING: ("stop", "restart", "terminate"),
    Status.EXITED: ("start", "terminate"),
    Status.ERROR: ("start", "terminate"),
    Status.TERMINATED: (),
}
"""What may be done in which state, from the description of ``podAction``."""

FREE_OF_CHARGE = frozenset({Status.EXITED, Status.TERMINATED})
"""``cost`` is "0.0 when EXITED or TERMINATED", so every other state costs."""


@dataclass(frozen=True)
class View:
    """A pod's state at one moment.

    Attributes:
        started_at: When it became RUNNING.
        ready_at: When its container's process was started; ``runtime`` is null before.
        is_dead: Its inside is gone although the state does not say so.
    """

    status: Status
    started_at: float | None = None
    ready_at: float | None = None
    is_dead: bool = False


@dataclass(frozen=True)
class Machine:
    """The host a pod was placed on; ``cuda`` is what its driver can do."""

    name: str
    data_center: str
    cuda: str | None


@dataclass(frozen=True)
class Fate:
    """The faults a pod was born with.

    Attributes:
        is_stuck: It stays STARTING.
        is_never_ready: It gets RUNNING, but its container never starts.
        hidden_seconds: How long it is absent from the list.
        stale_seconds: How late its state is reported.
    """

    is_stuck: bool = False
    is_never_ready: bool = False
    hidden_seconds: float = 0.0
    stale_seconds: float = 0.0


@dataclass
class Pod:
    """A pod and everything about it.

    Attributes:
        rate: Dollars an hour.
        key: The pod-scoped API key.
        past: Each state it ever was in, and since when.
        ports: Local port by the port that was asked for, such as ``8001/http``.
        timer: The next step of its boot.
    """

    id: str
    spec: Spec
    machine: Machine
    rate: float
    key: str
    created_at: float
    fate: Fate = Fate()
    past: list[tuple[float, View]] = field(default_factory=list)
    ports: dict[str, int] = field(default_factory=dict)
    workload: Workload | None = None
    timer: Timer | None = None
    log: PodLog = field(default_factory=PodLog)

    @property
    def view(self) -> View:
        """The state it is in."""
        return self.past[-1][1]

    @property
    def status(self) -> Status:
        """The vendor's word for it."""
        return self.view.status

    @property
    def gpu(self) -> str:
        """The GPU type; empty for a pod without one."""
        return str(self.spec.get("gpu", {}).get("id", ""))

    @property
    def gpu_count(self) -> int:
        """How many GPUs it was rented with."""
        return int(self.spec.get("gpu", {}).get("count", 0))

    @property
    def volume_id(self) -> str | None:
        """The network volume it mounts."""
        mounts = self.spec["mounts"].get("network")
        return str(mounts[0]["volumeId"]) if mounts else None

    @property
    def answers(self) -> bool:
        """Whether something may listen inside."""
        return self.status is Status.RUNNING and self.workload is not None

    @property
    def subject(self) -> Subject:
        """What faults select it by."""
        place = self.machine
        return Subject(self.spec["name"], self.gpu, place.data_center, place.name, self.id)

    def reported(self, now: float) -> View:
        """The state as the API tells it, which may be late."""
        if not self.fate.stale_seconds:
            return self.view
        moment = now - self.fate.stale_seconds
        known = [view for at, view in self.past if at <= moment]
        return known[-1] if known else self.past[0][1]

    def is_listed(self, now: float) -> bool:
        """Whether the list shows it."""
        is_hidden = now < self.created_at + self.fate.hidden_seconds
        return not is_hidden and self.reported(now).status is not Status.TERMINATED

    def as_line(self) -> dict[str, Any]:
        """What the journal keeps of its birth."""
        return {
            "pod": self.id,
            "spec": self.spec,
            "machine": asdict(self.machine),
            "rate": self.rate,
            "key": self.key,
            "fate": asdict(self.fate),
        }

    @classmethod
    def from_line(cls, line: dict[str, Any]) -> Pod:
        """A pod as it was born, from its line in the journal."""
        return cls(
            id=line["pod"],
            spec=line["spec"],
            machine=Machine(**line["machine"]),
            rate=line["rate"],
            key=line["key"],
            created_at=line["at"],
            fate=Fate(**line["fate"]),
            past=[(line["at"], View(Status.PROVISIONING))],
        )
