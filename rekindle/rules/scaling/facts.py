"""What the autoscaling policy is told and what it answers. Money is US dollars, time seconds."""

from dataclasses import dataclass, replace
from enum import StrEnum

from rekindle.rules.scaling.cron import Prewarm


@dataclass(frozen=True)
class ClassPolicy:
    """What an operator allows and wants for one GPU class.

    Attributes:
        min_pods: pods kept at any time that the ceiling allows.
        max_pods: pods allowed; their numbers are 0 .. max_pods - 1.
        warm_spares: idle pods kept beside the busy ones while there is work.
        prewarm: pods kept at certain times; they are started one boot time earlier.
        idle_seconds: a pod idle for less is never drained, except at the ceiling.
        scale_in_stabilization_seconds: nothing is drained while the youngest ready pod is younger.
        target_wait_seconds: a job that waits longer for a GPU is late.
        late_seconds: seconds of pod time worth paying to spare one job from being late. The one
            knob between cost and waiting; 0 leaves only the backlog and the idle time-out.
        backlog_seconds: a queued job may begin this long after a pod started now would be ready
            before one more pod is started for it.
        usd_per_hour: most the fleet may cost in a clock hour; None sets no limit.
        usd_per_day: most it may cost in a day (UTC); None sets no limit.
        class_usd_per_hour, class_usd_per_day: most this class alone may, below the fleet's limits.
        paid_reserve: share (0..1) of all limits that only waiting paid work may use.
    """

    max_pods: int
    min_pods: int = 0
    warm_spares: int = 0
    prewarm: tuple[Prewarm, ...] = ()
    idle_seconds: float = 120.0
    scale_in_stabilization_seconds: float = 0.0
    target_wait_seconds: float = 15.0
    late_seconds: float = 2200.0
    backlog_seconds: float = 60.0
    usd_per_hour: float | None = None
    usd_per_day: float | None = None
    class_usd_per_hour: float | None = None
    class_usd_per_day: float | None = None
    paid_reserve: float = 0.2


@dataclass(frozen=True)
class Waiting:
    """Queued work of one priority.

    Attributes:
        paid: whether somebody has paid for it (a lost render's next try counts as what it was).
        jobs: how many attempts wait for a GPU.
        seconds: their expected GPU time in all.
    """

    paid: bool
    jobs: int
    seconds: float


@dataclass(frozen=True)
class Recent:
    """How many jobs arrived within the last `window_seconds`; see `habits.WINDOWS`."""

    window_seconds: float
    jobs: int


@dataclass(frozen=True)
class Demand:
    """The work of one class.

    Attributes:
        queued: what waits for a GPU, one entry per priority.
        running: expected remaining GPU seconds of each running job.
        recent: arrivals in windows that end now, in any order; empty when nobody counted them.
    """

    queued: tuple[Waiting, ...] = ()
    running: tuple[float, ...] = ()
    recent: tuple[Recent, ...] = ()

    @property
    def queued_jobs(self) -> int:
        """Attempts that wait for a GPU."""
        return sum(waiting.jobs for waiting in self.queued)

    @property
    def queued_seconds(self) -> float:
        """Their expected GPU time."""
        return sum(waiting.seconds for waiting in self.queued)

    @property
    def paid_jobs(self) -> int:
        """Paid attempts among them."""
        return sum(waiting.jobs for waiting in self.queued if waiting.paid)


class PodPhase(StrEnum):
    """Where in its life a pod is."""

    LAUNCHING = "launching"
    BOOTING = "booting"
    READY = "ready"
    UNREACHABLE = "unreachable"
    DRAINING = "draining"

    @property
    def counts(self) -> bool:
        """Whether it is or will be capacity."""
        return self in (PodPhase.LAUNCHING, PodPhase.BOOTING, PodPhase.READY)


@dataclass(frozen=True)
class PodFact:
    """One pod that is open, in whatever phase: it holds its number and costs money.

    Attributes:
        number: 0 .. max_pods - 1, unique.
        phase: where in its life it is.
        usd_per_hour: what it is billed at; 0 until that is known.
        age_seconds: since it was asked for.
        ready_in: expected seconds until it is ready; None takes the measured boot less its age.
        idle_for: seconds since it last had work; None unless ready and without work.
    """

    number: int
    phase: PodPhase
    usd_per_hour: float = 0.0
    age_seconds: float = 0.0
    ready_in: float | None = None
    idle_for: float | None = None

    @property
    def is_idle(self) -> bool:
        """Whether it is ready and has nothing to do."""
        return self.phase is PodPhase.READY and self.idle_for is not None


@dataclass(frozen=True)
class Measured:
    """What earlier pods and jobs of the class took.

    Attributes:
        boot_p50: seconds from asking for a pod until it serves, median.
        boot_p90: the same, of the slowest tenth.
        work_mean: mean GPU seconds of a job.
    """

    boot_p50: float = 120.0
    boot_p90: float = 180.0
    work_mean: float = 30.0


@dataclass(frozen=True)
class Money:
    """What was spent, for all classes that share the limits.

    Attributes:
        hour: US dollars since the present clock hour began, open pods included up to now.
        day: the same since the present day (UTC) began.
        candidate: US dollars an hour that a pod started now would cost.
        elsewhere: US dollars an hour of open pods of other classes under the same limits.
        class_hour, class_day: of `hour` and `day`, what this class cost.
    """

    hour: float = 0.0
    day: float = 0.0
    candidate: float = 0.0
    elsewhere: float = 0.0
    class_hour: float = 0.0
    class_day: float = 0.0

    def of_class(self) -> "Money":
        """What this class alone has spent."""
        return replace(self, hour=self.class_hour, day=self.class_day, elsewhere=0.0)


class Reason(StrEnum):
    """Why, in words for operators."""

    MINIMUM = "minimum"
    PREWARM = "pre-warm"
    BACKLOG = "backlog"
    SPARE = "warm spare"
    FORECAST = "forecast"
    MAXIMUM = "maximum"
    CEILING = "ceiling"
    PAID_RESERVE = "paid reserve"
    IDLE = "idle"
    STEADY = "steady"


@dataclass(frozen=True)
class Decision:
    """What to do now.

    Attributes:
        wanted: pods that should be there (launching, booting or ready).
        start: free numbers of pods to start, ascending.
        drain: numbers of idle pods to drain, ascending; never one that works.
        finish: numbers of working pods that the ceiling no longer covers, ascending: they should
            end what they hold and take nothing more. A drain for `GpuPod`, told apart because a
            ceiling that waited for idleness would not be one while a backlog lasts.
        reasons: what decided, most decisive first; never empty.
    """

    wanted: int
    start: tuple[int, ...] = ()
    drain: tuple[int, ...] = ()
    finish: tuple[int, ...] = ()
    reasons: tuple[Reason, ...] = (Reason.STEADY,)
