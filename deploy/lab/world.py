"""The world a policy is tried in: how pods boot and are lost, and what a policy may see of it."""

from bisect import bisect_left
from collections import deque
from dataclasses import dataclass, field
from enum import Enum, auto
from typing import Protocol


@dataclass(frozen=True)
class World:
    """How pods behave.

    Attributes:
        boot: seconds from asking for a pod until it serves; with `boot_most`, the least.
        boot_most: boots take any time between the two, evenly; None makes them all alike.
        boot_failures: share (0..1) of pods that are paid for their boot and never serve.
        lost_per_day: how many times a pod that serves for a day is lost on average (Poisson).
        max_pods: pods allowed.
        seed: of the boots and losses.
    """

    boot: float = 120.0
    boot_most: float | None = None
    boot_failures: float = 0.0
    lost_per_day: float = 0.0
    max_pods: int = 100
    seed: int = 0

    @property
    def boot_mean(self) -> float:
        """Mean seconds of a boot."""
        return self.boot if self.boot_most is None else (self.boot + self.boot_most) / 2

    @property
    def boot_p90(self) -> float:
        """Seconds that nine of ten boots do not exceed."""
        return self.boot if self.boot_most is None else 0.1 * self.boot + 0.9 * self.boot_most


class State(Enum):
    """What a pod of the laboratory is doing; one that is gone is not listed."""

    BOOTING = auto()
    IDLE = auto()
    BUSY = auto()
    LEAVING = auto()


@dataclass(slots=True, eq=False)
class Pod:
    """One pod.

    Attributes:
        number: the lowest that was free when it was asked for.
        asked_at: from then on it is paid.
        since: when it came into its state.
        job: index of the job it works on; -1 without.
    """

    number: int
    asked_at: float
    state: State = State.BOOTING
    since: float = 0.0
    job: int = -1


@dataclass(slots=True)
class View:
    """What a policy sees at `now`; it changes nothing here.

    Attributes:
        arrivals: when the jobs of the trace arrive; only the first `arrived` are to be read.
        now: seconds since the trace began.
        arrived: how many jobs have arrived.
        pods: all that are open, by number.
        queues: indices of waiting jobs by priority, the oldest first.
    """

    arrivals: tuple[float, ...]
    now: float = 0.0
    arrived: int = 0
    pods: dict[int, Pod] = field(default_factory=dict)
    queues: dict[int, deque[int]] = field(default_factory=dict)

    @property
    def waiting(self) -> int:
        """Jobs that wait."""
        return sum(map(len, self.queues.values()))

    def count(self, *states: State) -> int:
        """Pods in one of these states."""
        return sum(1 for pod in self.pods.values() if pod.state in states)

    def recent(self, seconds: float) -> int:
        """Jobs that arrived within the last `seconds`."""
        return self.arrived - bisect_left(self.arrivals, self.now - seconds, hi=self.arrived)


@dataclass(frozen=True)
class Orders:
    """What a policy wants done: how many pods to start, and which to drain."""

    start: int = 0
    drain: tuple[int, ...] = ()


NOTHING = Orders()


class Controller(Protocol):
    """A policy in the laboratory.

    Attributes:
        name: in tables.
        every: seconds between two looks; None looks after every event instead.
        idle_seconds: look also when a pod has been idle for so long; None for no such look.
    """

    @property
    def name(self) -> str: ...  # noqa: D102

    @property
    def every(self) -> float | None: ...  # noqa: D102

    @property
    def idle_seconds(self) -> float | None: ...  # noqa: D102

    def look(self, view: View) -> Orders:
        """Decide. Called every `every` seconds, and at once when a job finds no free pod."""
        ...
