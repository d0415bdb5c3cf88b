"""How long an attempt has to wait, from what is known of its GPU class at one moment.

Attempts are taken by priority, then by age. Temporal's matching does the same but for fairness: it
lets users take turns, so a position is near the truth, not a promise.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum, auto

from rekindle.contracts.statuses import AttemptStatus, Stage

USUAL_BOOT_SECONDS = 120.0
"""A boot until the first one of its class has been measured: image present, models on a volume."""

USUAL_GRAPH_SECONDS = 30.0
"""A graph that was never measured and is not installed any more."""

_SHORTEST_BOOT_SECONDS = 1.0

_LEAST_LEFT = 0.1
"""Share of a usual boot that one which takes longer is still expected to need."""

_STEPS = ((10.0, 1), (60.0, 5), (300.0, 15), (math.inf, 60))
"""Up to so many seconds an ETA is told in steps of so many: a false precision changes all the time.

Each bound is a multiple of the steps on both sides of it, so that rounding keeps the order.
"""


@dataclass(frozen=True)
class ClassPods:
    """The pods of one GPU class.

    Attributes:
        free_in: of each ready pod, seconds of work that it still has.
        booting: of each pod on its way, seconds since it was rented.
        boot_seconds: how long boots of this class usually take; None before any was measured.
    """

    free_in: tuple[float, ...] = ()
    booting: tuple[float, ...] = ()
    boot_seconds: float | None = None

    @property
    def ready_in(self) -> tuple[float, ...]:
        """Of each pod, ready or on its way, seconds until it can take further work."""
        coming = (boot_left(elapsed, self.boot_seconds) for elapsed in self.booting)
        return (*self.free_in, *coming)


class PodHold(Enum):
    """What an attempt has of the pod that it began on."""

    HELD = auto()
    AWAY = auto()
    """It does not answer at present."""
    GONE = auto()


@dataclass(frozen=True)
class Waiting:
    """What an unfinished attempt waits for, and how long, as it is told.

    Attributes:
        queue_position: 1 is next; None once it has a pod.
        eta_seconds: until it is done, rounded; None where nothing is known.
        boot_progress: 0..1, how far the GPU it waits for has started; None unless provisioning.
    """

    stage: Stage
    queue_position: int | None = None
    eta_seconds: int | None = None
    boot_progress: float | None = None

    @property
    def is_queued(self) -> bool:
        """Whether it has not begun yet."""
        return self.queue_position is not None


def waiting(
    status: AttemptStatus,
    stage: Stage,
    *,
    progress: float,
    seconds: float,
    position: int,
    ahead_seconds: float,
    pods: ClassPods,
    pod: PodHold = PodHold.HELD,
) -> Waiting:
    """How an unfinished attempt stands.

    One whose pod is gone is the next to get another. Nobody knows how long a server is away, nor
    how long one that others use as well lets a begun attempt stand in line (stage `queued`).

    Args:
        status: queued or running.
        stage: as stored.
        progress: 0..1, as stored.
        seconds: how long its graph usually takes.
        position: among the queued ones of its class, from 1.
        ahead_seconds: of work of those queued before it.
        pods: of its class.
        pod: whether it still has the one that it began on.
    """
    if status is AttemptStatus.QUEUED:
        return _for_a_pod(seconds, ahead_seconds, pods, position)
    if stage is Stage.FINALIZING:  # which needs no pod
        return Waiting(stage, eta_seconds=rounded(running_eta(seconds, progress)))
    if pod is PodHold.GONE:
        return _for_a_pod(seconds, 0.0, pods, None)
    if pod is PodHold.AWAY or stage is Stage.QUEUED:
        return Waiting(stage)
    return Waiting(stage, eta_seconds=rounded(running_eta(seconds, progress)))


def _for_a_pod(
    seconds: float, ahead_seconds: float, pods: ClassPods, position: int | None
) -> Waiting:
    """Of an attempt that has no pod yet, or no more."""
    eta = queued_eta(seconds, ahead_seconds=ahead_seconds, pods=pods)
    booting = not pods.free_in and bool(pods.booting)
    return Waiting(
        Stage.PROVISIONING if booting else Stage.QUEUED,
        queue_position=position,
        eta_seconds=None if eta is None else rounded(eta),
        boot_progress=boot_progress(pods) if booting else None,
    )


def running_eta(seconds: float, progress: float) -> float:
    """Seconds until a running attempt is done; never negative.

    Args:
        seconds: how long its graph usually takes.
        progress: 0..1 over the whole attempt.
    """
    return max(seconds, 0.0) * min(max(1.0 - progress, 0.0), 1.0)


def queued_eta(seconds: float, *, ahead_seconds: float, pods: ClassPods) -> float | None:
    """Seconds until a queued attempt is done; None without any pod, ready or on its way.

    The work ahead is spread over the pods as if it could be cut anywhere: many attempts lie ahead
    of whoever waits for long, and then that is nearly true.

    Args:
        seconds: how long its graph usually takes.
        ahead_seconds: of work that comes first.
        pods: who does it.
    """
    start = _level(max(ahead_seconds, 0.0), pods.ready_in)
    return None if start is None else start + max(seconds, 0.0)


def boot_left(elapsed: float, usual: float | None) -> float:
    """Seconds until a booting pod is ready; one that is late always needs a little more.

    Args:
        elapsed: seconds since it was rented.
        usual: seconds a boot usually takes; None before any was measured.
    """
    usual = USUAL_BOOT_SECONDS if usual is None else max(usual, _SHORTEST_BOOT_SECONDS)
    return max(usual - max(elapsed, 0.0), _LEAST_LEFT * usual)


def boot_progress(pods: ClassPods) -> float:
    """How far the pod that will be ready first has started, 0..1 in steps of a twentieth."""
    return max((_boot_share(elapsed, pods.boot_seconds) for elapsed in pods.booting), default=0.0)


def rounded(seconds: float) -> int:
    """An ETA as it is told: rounded up, more coarsely the further away it is."""
    seconds = round(max(seconds, 0.0), 3)  # sums are not exact: 2.0000000000000018 is 2
    step = next(step for bound, step in _STEPS if seconds <= bound)
    return math.ceil(seconds / step) * step


def _boot_share(elapsed: float, usual: float | None) -> float:
    elapsed = max(elapsed, 0.0)
    return math.floor(20 * elapsed / (elapsed + boot_left(elapsed, usual))) / 20


def _level(work: float, ready_in: Sequence[float]) -> float | None:
    """When so many seconds of work are done and somebody is free, begun by each when it is ready.

    As water that is poured into a vessel with steps: it fills the lowest first.
    """
    if not ready_in:
        return None
    steps = sorted(max(moment, 0.0) for moment in ready_in)
    filled = work
    for count, (step, following) in enumerate(zip(steps, [*steps[1:], math.inf], strict=True), 1):
        filled += step
        if filled <= following * count:
            return max(filled / count, step)
    raise AssertionError("the last step has no end")
