"""Our ledger beside the cloud's bills. Money is US dollars, exactly."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal

from rekindle.rules.costs import NOTHING, Period, PodLife, pods_time

LATE = timedelta(hours=1)
"""How late a row of a bill may come."""


@dataclass(frozen=True)
class Billed:
    """What the cloud billed for one pod in one hour.

    Attributes:
        pod: the pod's name in our ledger; None for one that is not in it.
        cloud_id: as the cloud calls it.
        gpu_usd: for the GPU: its seconds at the pod's rate.
        other_usd: for its disk.
    """

    pod: PodLife | None
    cloud_id: str
    starts_at: datetime
    gpu_usd: Decimal
    other_usd: Decimal


@dataclass(frozen=True)
class Beside:
    """Ledger and bill under one heading.

    Attributes:
        name: a day, a class or a pod; a pod that is not in our ledger goes by its cloud id.
        ledger_usd: None where we know of no pod.
        gpu_usd, other_usd: as billed.
        is_settled: whether no row of the bill is to come any more.
    """

    name: str
    ledger_usd: Decimal | None
    gpu_usd: Decimal
    other_usd: Decimal
    is_settled: bool

    @property
    def difference_usd(self) -> Decimal:
        """What was billed for GPUs beyond what our ledger says; negative where it was less."""
        return self.gpu_usd - (self.ledger_usd or NOTHING)


TOTAL = "total"


def whole_hours(period: Period) -> Period:
    """The period from the beginning of its first hour: bills are by the hour."""
    begin = period.begin.astimezone(UTC).replace(minute=0, second=0, microsecond=0)
    return Period(begin, period.end)


def by_day(pods: Sequence[PodLife], bills: Sequence[Billed], period: Period) -> tuple[Beside, ...]:
    """Every day of the period, with all pods of our ledger."""
    ours = [bill for bill in bills if bill.pod is not None]
    return tuple(
        _beside(
            f"{day.begin:%Y-%m-%d}",
            pods,
            [bill for bill in ours if day.begin <= bill.starts_at < day.end],
            day,
            now=period.end,
        )
        for day in period.days()
    )


def by_pod(pods: Sequence[PodLife], bills: Sequence[Billed], period: Period) -> tuple[Beside, ...]:
    """Every pod that the ledger or the bill names, those of the ledger first."""
    ours = _by(lambda pod: pod.pod_id, pods, bills, period)
    strange: dict[str, list[Billed]] = {}
    for bill in bills:
        if bill.pod is None:
            strange.setdefault(bill.cloud_id, []).append(bill)
    return ours + tuple(stranger(name, each) for name, each in sorted(strange.items()))


def by_class(
    pods: Sequence[PodLife], bills: Sequence[Billed], period: Period
) -> tuple[Beside, ...]:
    """Every GPU class."""
    return _by(lambda pod: pod.gpu_class, pods, bills, period)


def total(pods: Sequence[PodLife], bills: Sequence[Billed], period: Period) -> Beside:
    """All pods of our ledger."""
    ours = [bill for bill in bills if bill.pod is not None]
    return _beside(TOTAL, pods, ours, period, now=period.end)


def stranger(name: str, bills: Iterable[Billed]) -> Beside:
    """What was billed for pods that are not in our ledger."""
    kept = list(bills)
    gpu = sum((bill.gpu_usd for bill in kept), NOTHING)
    other = sum((bill.other_usd for bill in kept), NOTHING)
    return Beside(name, None, gpu, other, is_settled=True)


def _by(
    heading: Callable[[PodLife], str],
    pods: Sequence[PodLife],
    bills: Sequence[Billed],
    period: Period,
) -> tuple[Beside, ...]:
    lives: dict[str, dict[str, PodLife]] = {}
    billed: dict[str, list[Billed]] = {}
    for pod in (*pods, *(bill.pod for bill in bills if bill.pod)):
        lives.setdefault(heading(pod), {})[pod.pod_id] = pod
    for bill in bills:
        if bill.pod is not None:
            billed.setdefault(heading(bill.pod), []).append(bill)
    return tuple(
        _beside(name, list(each.values()), billed.get(name, ()), period, now=period.end)
        for name, each in sorted(lives.items())
    )


def _beside(
    name: str,
    pods: Sequence[PodLife],
    bills: Iterable[Billed],
    period: Period,
    *,
    now: datetime,
) -> Beside:
    kept = list(bills)
    return Beside(
        name,
        pods_time(pods, period).usd,
        sum((bill.gpu_usd for bill in kept), NOTHING),
        sum((bill.other_usd for bill in kept), NOTHING),
        is_settled=all(_is_settled(pod, period, now) for pod in pods),
    )


def _is_settled(pod: PodLife, period: Period, now: datetime) -> bool:
    last = min(pod.ended_at or now, period.end)
    return last < now - LATE or pod.rented_at >= period.end


def seconds_billed(gpu_usd: Decimal, usd_per_hour: Decimal) -> timedelta:
    """For how long a GPU was billed.

    Args:
        gpu_usd: for its seconds alone.
        usd_per_hour: its rate, not 0.
    """
    return timedelta(seconds=float(gpu_usd / usd_per_hour * 3600))


ENDS_DIFFER = timedelta(seconds=2)
"""Two ends of a pod that are nearer than that are the same."""


def corrected_end(pod: PodLife, gpu_usd: Mapping[str, Decimal]) -> datetime | None:
    """When a pod really ended, by its complete bill; None where the ledger is right.

    Args:
        pod: whose end nobody of ours saw.
        gpu_usd: billed for GPUs, by the pod's name.
    """
    billed = gpu_usd.get(pod.pod_id)
    if not billed or not pod.usd_per_hour or pod.ended_at is None:
        return None
    end = pod.rented_at + seconds_billed(billed, pod.usd_per_hour)
    return end if abs(end - pod.ended_at) > ENDS_DIFFER else None
