"""What pods and the work on them cost within a period of time. Money is US dollars, exactly."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal

_MICROSECOND = timedelta(microseconds=1)
NOTHING = Decimal(0)


@dataclass(frozen=True)
class Period:
    """From one moment to another; both are aware.

    Attributes:
        begin: included.
        end: not included; never before `begin`.
    """

    begin: datetime
    end: datetime

    @classmethod
    def last(cls, length: timedelta, until: datetime) -> "Period":
        """The time just before `until`."""
        return cls(until - length, until)

    @classmethod
    def hour_of(cls, now: datetime) -> "Period":
        """The clock hour that `now` is in, until now."""
        return cls(now.astimezone(UTC).replace(minute=0, second=0, microsecond=0), now)

    @classmethod
    def day_of(cls, now: datetime) -> "Period":
        """The day (UTC) that `now` is in, until now."""
        return cls(_midnight(now), now)

    @property
    def seconds(self) -> Decimal:
        """How long it is, to the microsecond."""
        return Decimal((self.end - self.begin) // _MICROSECOND) / 1_000_000

    def within(self, other: "Period") -> "Period":
        """What both have in common; empty, at the begin of `other`, when that is nothing."""
        begin, end = max(self.begin, other.begin), min(self.end, other.end)
        return Period(begin, end) if begin <= end else Period(other.begin, other.begin)

    def days(self) -> Iterator["Period"]:
        """Its parts by day (UTC), oldest first."""
        begin = self.begin
        while begin < self.end:
            end = min(_midnight(begin) + timedelta(days=1), self.end)
            yield Period(begin, end)
            begin = end


def _midnight(moment: datetime) -> datetime:
    return moment.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)


@dataclass(frozen=True)
class PodLife:
    """One rented pod.

    Attributes:
        rented_at: from when it is billed.
        ready_at: when it could first work; None when it never could.
        ended_at: None while it is there.
        usd_per_hour: None when nobody knows.
        cost_usd: what it cost in all, once it has ended and that is known.
    """

    pod_id: str
    gpu_class: str
    rented_at: datetime
    ready_at: datetime | None = None
    ended_at: datetime | None = None
    usd_per_hour: Decimal | None = None
    cost_usd: Decimal | None = None


@dataclass(frozen=True)
class PodTime:
    """Time of pods, and its price.

    Attributes:
        seconds: billed.
        boot_seconds: of these, until the pods could first work.
        usd: for all of them.
    """

    seconds: Decimal = NOTHING
    boot_seconds: Decimal = NOTHING
    usd: Decimal = NOTHING

    def __add__(self, other: "PodTime") -> "PodTime":
        """Both together."""
        return PodTime(
            self.seconds + other.seconds,
            self.boot_seconds + other.boot_seconds,
            self.usd + other.usd,
        )


def pod_time(pod: PodLife, period: Period) -> PodTime:
    """What a pod was billed for within a period.

    A pod that has ended and whose cost is known spreads it evenly over its life.
    """
    life = Period(pod.rented_at, max(pod.ended_at or period.end, pod.rented_at))
    seconds = life.within(period).seconds
    boot = Period(life.begin, min(max(pod.ready_at or life.end, life.begin), life.end))
    if pod.ended_at is not None and pod.cost_usd is not None and life.seconds:
        usd = pod.cost_usd * seconds / life.seconds
    else:
        usd = (pod.usd_per_hour or NOTHING) * seconds / 3600
    return PodTime(seconds, boot.within(period).seconds, usd)


def pods_time(pods: Iterable[PodLife], period: Period) -> PodTime:
    """The same for several pods together."""
    return sum((pod_time(pod, period) for pod in pods), PodTime())


def by_pod(pods: Iterable[PodLife], period: Period) -> dict[str, PodTime]:
    """The same for each pod."""
    return {pod.pod_id: pod_time(pod, period) for pod in pods}


def by_class(pods: Iterable[PodLife], period: Period) -> dict[str, PodTime]:
    """The same for each GPU class."""
    found: dict[str, PodTime] = {}
    for pod in pods:
        found[pod.gpu_class] = found.get(pod.gpu_class, PodTime()) + pod_time(pod, period)
    return found


@dataclass(frozen=True)
class Work:
    """What tries that ended within a period used.

    Attributes:
        attempts: to which the tries belong.
        delivered: of these, how many succeeded.
        gpu_seconds: of all tries, wherever they ran.
        wasted_seconds: of these, in tries that failed or were cancelled.
        rented_seconds: of these, on pods that are billed.
        usd: for `rented_seconds`, at the rate of the pod.
    """

    tries: int = 0
    attempts: int = 0
    delivered: int = 0
    gpu_seconds: Decimal = NOTHING
    wasted_seconds: Decimal = NOTHING
    rented_seconds: Decimal = NOTHING
    usd: Decimal = NOTHING


@dataclass(frozen=True)
class Costs:
    """Work and pods under one heading.

    Attributes:
        name: an attempt, pod, day, class or graph; `total` for everything.
        pods: None where pods cannot be told apart so: a pod works for many attempts.
    """

    name: str
    work: Work = Work()
    pods: PodTime | None = None

    @property
    def idle_seconds(self) -> Decimal | None:
        """For how long pods were billed, could work, and did not."""
        if self.pods is None:
            return None
        idle = self.pods.seconds - self.pods.boot_seconds - self.work.rented_seconds
        return max(idle, NOTHING)

    @property
    def idle_share(self) -> Decimal | None:
        """Of the billed time (0..1); None when there is none."""
        return self._share(self.idle_seconds)

    @property
    def boot_share(self) -> Decimal | None:
        """Of the billed time (0..1); None when there is none."""
        return self._share(None if self.pods is None else self.pods.boot_seconds)

    @property
    def busy_ratio(self) -> Decimal | None:
        """GPU seconds by billed seconds (0..1); None when there are none."""
        return self._share(self.work.rented_seconds)

    @property
    def usd_per_delivered(self) -> Decimal | None:
        """What a delivered attempt cost: a share of the pods, else of the work alone."""
        usd = self.work.usd if self.pods is None else self.pods.usd
        return usd / self.work.delivered if self.work.delivered else None

    def _share(self, seconds: Decimal | None) -> Decimal | None:
        if seconds is None or self.pods is None or not self.pods.seconds:
            return None
        return min(seconds / self.pods.seconds, Decimal(1))


def joined(work: Mapping[str, Work], pods: Mapping[str, PodTime]) -> tuple[Costs, ...]:
    """Work and pods by the same headings, in their alphabetical order."""
    return tuple(
        Costs(name, work.get(name, Work()), pods.get(name, PodTime()))
        for name in sorted({*work, *pods})
    )


def without_pods(work: Mapping[str, Work]) -> tuple[Costs, ...]:
    """Work under headings by which pods cannot be told apart, the costliest first."""
    found = (Costs(name, each) for name, each in work.items())
    return tuple(sorted(found, key=lambda c: (-c.work.usd, -c.work.gpu_seconds, c.name)))
