"""What the ledgers of pods and of uses say about a period of time."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from enum import StrEnum
from typing import Any

from sqlalchemy import ColumnElement, Numeric, Text, cast, func, literal, or_, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from rekindle.contracts.statuses import AttemptStatus
from rekindle.models import Attempt, GpuUse, PodRecord
from rekindle.rules.costs import (
    NOTHING,
    Costs,
    Period,
    PodLife,
    Work,
    by_class,
    by_pod,
    joined,
    pods_time,
    without_pods,
)


class Heading(StrEnum):
    """By what work is added up."""

    ATTEMPT = "attempt"
    POD = "pod"
    DAY = "day"
    CLASS = "class"
    GRAPH = "graph"


TOTAL = "total"


@dataclass(frozen=True)
class CostReport:
    """What a period cost, in all and by heading."""

    period: Period
    total: Costs
    groups: tuple[Costs, ...]


async def report(session: AsyncSession, length: timedelta, by: Heading) -> CostReport:
    """What the time until now cost.

    Args:
        length: how far back.
        by: what the groups are; pods are told apart by pod, day and class alone.
    """
    period = Period.last(length, await now(session))
    lives = await pod_lives(session, period)
    whole = (await work(session, period)).get(TOTAL, Work())
    total = Costs(TOTAL, whole, pods_time(lives, period))
    works = await work(session, period, by)
    match by:
        case Heading.DAY:
            days = {f"{day.begin:%Y-%m-%d}": pods_time(lives, day) for day in period.days()}
            return CostReport(period, total, joined(works, days))
        case Heading.POD:
            return CostReport(period, total, joined(works, by_pod(lives, period)))
        case Heading.CLASS:
            return CostReport(period, total, joined(works, by_class(lives, period)))
        case Heading.ATTEMPT | Heading.GRAPH:
            return CostReport(period, total, without_pods(works))


async def now(session: AsyncSession) -> datetime:
    """The time by the clock that wrote the ledgers, in UTC."""
    found: datetime = (await session.execute(select(func.clock_timestamp()))).scalar_one()
    return found.astimezone(UTC)


async def work(session: AsyncSession, period: Period, by: Heading | None = None) -> dict[str, Work]:
    """What tries that ended within the period used, by heading; `TOTAL` without one.

    A try counts where it ended, whole. An attempt whose row is gone counts as delivered when a try
    of it succeeded.
    """
    seconds = cast(col(GpuUse.gpu_seconds), Numeric)
    rate, failed = col(GpuUse.usd_per_hour), col(GpuUse.error_code).is_not(None)
    status = func.coalesce(col(Attempt.status), AttemptStatus.SUCCEEDED.value)
    one_each = func.count(col(GpuUse.attempt_id).distinct())
    heading = _heading(by)
    statement = (
        select(
            heading.label("heading"),
            func.count().label("tries"),
            one_each.label("attempts"),
            one_each.filter(~failed, status == AttemptStatus.SUCCEEDED).label("delivered"),
            func.sum(seconds).label("gpu_seconds"),
            func.sum(seconds).filter(failed).label("wasted_seconds"),
            func.sum(seconds).filter(rate.is_not(None)).label("rented_seconds"),
            func.sum(seconds * rate / 3600).label("usd"),
        )
        .outerjoin(Attempt, col(Attempt.id) == col(GpuUse.attempt_id))
        .where(col(GpuUse.ended_at) >= period.begin, col(GpuUse.ended_at) < period.end)
        .group_by("heading")
    )
    rows = (await session.execute(statement)).mappings().all()
    return {row["heading"]: _work(row) for row in rows}


async def pod_lives(session: AsyncSession, period: Period) -> Sequence[PodLife]:
    """Every pod that was billed within the period."""
    statement = select(PodRecord).where(
        col(PodRecord.rented_at) < period.end,
        or_(col(PodRecord.terminated_at).is_(None), col(PodRecord.terminated_at) > period.begin),
    )
    rows = (await session.execute(statement)).scalars()
    return [life_of(pod) for pod in rows]


def _heading(by: Heading | None) -> ColumnElement[str]:
    match by:
        case None:
            return literal(TOTAL, Text())
        case Heading.ATTEMPT:
            return cast(col(GpuUse.attempt_id), Text)
        case Heading.POD:
            return cast(col(GpuUse.pod_id), Text)
        case Heading.DAY:
            return func.to_char(func.timezone("UTC", col(GpuUse.ended_at)), "YYYY-MM-DD")
        case Heading.CLASS:
            return cast(col(GpuUse.gpu_class), Text)
        case Heading.GRAPH:
            return cast(col(GpuUse.graph), Text)


def _work(row: Any) -> Work:
    sums = ("gpu_seconds", "wasted_seconds", "rented_seconds", "usd")
    return Work(
        tries=row["tries"],
        attempts=row["attempts"],
        delivered=row["delivered"],
        **{name: NOTHING if row[name] is None else Decimal(row[name]) for name in sums},
    )


def life_of(pod: PodRecord) -> PodLife:
    """What a pod was billed for. Raises `ValueError` for one that was never rented."""
    if pod.rented_at is None:
        raise ValueError(f"{pod.id} was never rented")
    return PodLife(
        pod_id=pod.id,
        gpu_class=pod.gpu_class,
        rented_at=pod.rented_at,
        ready_at=pod.ready_at,
        ended_at=pod.terminated_at,
        usd_per_hour=pod.usd_per_hour,
        cost_usd=pod.cost_usd,
    )
