"""The fleet as it is now, for operators: pods, decisions, work and money, in one look."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from rekindle.contracts.statuses import UNFINISHED, AttemptStatus, GpuClass, Stage
from rekindle.models import Attempt, FleetDecision, GpuUse, PodRecord
from rekindle.models.pods import PodState
from rekindle.rules.costs import Period, pods_time
from rekindle.store.costs import now as clock
from rekindle.store.costs import pod_lives


@dataclass(frozen=True)
class OpenPod:
    """A pod that has not ended.

    Attributes:
        age_seconds: since it was asked for.
        idle_seconds: since it last had work, or became ready; None unless it is ready and idle.
        running: attempts that are being staged or rendered on it.
    """

    record: PodRecord
    age_seconds: float
    idle_seconds: float | None
    running: int


@dataclass(frozen=True)
class ClassOverview:
    """One GPU class.

    Attributes:
        decision: the last one of the autoscaler; None when there was none.
        queued: attempts that wait.
        running: attempts that are under way.
        pods: by their number.
        hour_usd, day_usd: what its pods cost, as in `FleetOverview`.
    """

    gpu_class: GpuClass
    decision: FleetDecision | None
    queued: int
    running: int
    pods: tuple[OpenPod, ...]
    hour_usd: Decimal
    day_usd: Decimal


@dataclass(frozen=True)
class FleetOverview:
    """The whole fleet.

    Attributes:
        hour_usd: spent since the present clock hour began.
        day_usd: spent since the present day (UTC) began.
        usd_per_hour: what the open pods cost an hour.
    """

    at: datetime
    hour_usd: Decimal
    day_usd: Decimal
    usd_per_hour: Decimal
    classes: tuple[ClassOverview, ...]


async def overview(session: AsyncSession) -> FleetOverview:
    """Everything, by the clock of the database."""
    at = await clock(session)
    today, hour = Period.day_of(at), Period.hour_of(at)
    lives = await pod_lives(session, today)
    pods = await _open_pods(session, at)
    decisions = {
        row.gpu_class: row for row in (await session.execute(select(FleetDecision))).scalars()
    }
    attempts = await _open_attempts(session)
    by_class = {
        gpu_class: [life for life in lives if life.gpu_class == gpu_class] for gpu_class in GpuClass
    }
    return FleetOverview(
        at=at,
        hour_usd=pods_time(lives, hour).usd,
        day_usd=pods_time(lives, today).usd,
        usd_per_hour=sum((pod.record.usd_per_hour or Decimal(0) for pod in pods), Decimal(0)),
        classes=tuple(
            ClassOverview(
                gpu_class,
                decisions.get(gpu_class),
                attempts[gpu_class, AttemptStatus.QUEUED],
                attempts[gpu_class, AttemptStatus.RUNNING],
                tuple(pod for pod in pods if pod.record.gpu_class == gpu_class),
                pods_time(by_class[gpu_class], hour).usd,
                pods_time(by_class[gpu_class], today).usd,
            )
            for gpu_class in GpuClass
        ),
    )


async def _open_attempts(session: AsyncSession) -> Counter[tuple[str, str]]:
    statement = (
        select(col(Attempt.gpu_class), col(Attempt.status), func.count())
        .where(col(Attempt.status).in_(UNFINISHED))
        .group_by(col(Attempt.gpu_class), col(Attempt.status))
    )
    rows = (await session.execute(statement)).all()
    return Counter({(gpu_class, status): count for gpu_class, status, count in rows})


async def _open_pods(session: AsyncSession, at: datetime) -> Sequence[OpenPod]:
    last_use = (
        select(func.max(col(GpuUse.ended_at)))
        .where(col(GpuUse.pod_id) == col(PodRecord.id))
        .scalar_subquery()
    )
    running = (
        select(func.count())
        .where(
            col(Attempt.pod_id) == col(PodRecord.id),
            col(Attempt.status) == AttemptStatus.RUNNING,
            col(Attempt.stage) != Stage.FINALIZING,  # the GPU is free by then
        )
        .scalar_subquery()
    )
    statement = (
        select(PodRecord, last_use, running)
        .where(col(PodRecord.terminated_at).is_(None))
        .order_by(col(PodRecord.gpu_class), col(PodRecord.number))
    )
    rows = (await session.execute(statement)).all()
    return [_open_pod(record, used_at, count, at) for record, used_at, count in rows]


def _open_pod(record: PodRecord, used_at: datetime | None, running: int, at: datetime) -> OpenPod:
    idle_since = max((moment for moment in (record.ready_at, used_at) if moment), default=None)
    is_idle = record.state == PodState.READY and not running and idle_since is not None
    return OpenPod(
        record=record,
        age_seconds=max((at - record.created_at).total_seconds(), 0.0),
        idle_seconds=max((at - idle_since).total_seconds(), 0.0)
        if is_idle and idle_since
        else None,
        running=running,
    )
