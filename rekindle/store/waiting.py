"""Who waits before whom, and for how long: read from attempts, pods and what was measured.

One statement, whatever is asked for. Of other people's attempts it gives a number and a sum, and
nothing leaves this module but what `rekindle.rules.waiting` makes of them.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import (
    CTE,
    ColumnElement,
    Float,
    Row,
    Select,
    Text,
    Uuid,
    and_,
    any_,
    bindparam,
    extract,
    false,
    func,
    select,
)
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from rekindle.contracts.statuses import UNFINISHED, AttemptKind, AttemptStatus, Stage
from rekindle.models import Attempt, GpuUse, JobEvent, PodRecord
from rekindle.models.pods import PodState
from rekindle.rules.waiting import USUAL_GRAPH_SECONDS, ClassPods, PodHold, Waiting, waiting

_COMING = (PodState.LAUNCHING, PodState.BOOTING)

_USES_OF_A_GRAPH = 50
_USES_AT_ALL = 500
"""The latest, by their index: a graph that is not among them counts as never measured."""
_BOOTS_OF_A_CLASS = 20
_PODS_AT_ALL = 200
"""The open ones and those that ended last, by their index."""


@dataclass(frozen=True)
class WaitingAttempt:
    """An unfinished attempt, and how it waits.

    Attributes:
        place: the last event of its job that this includes; 0 without any.
        source_id: the attempt that it works on; None for the photo itself.
        order_id: of the order that HD belongs to.
    """

    attempt_id: UUID
    job_id: UUID
    status: AttemptStatus
    progress: float
    waiting: Waiting
    place: int
    kind: AttemptKind = AttemptKind.RESTORE
    source_id: UUID | None = None
    order_id: UUID | None = None


async def of_attempts(
    session: AsyncSession, attempt_ids: Collection[UUID], typical: Mapping[str, float]
) -> dict[UUID, Waiting]:
    """How these attempts wait, by their ids; those that have ended are left out.

    Args:
        typical: seconds each graph takes that was not measured lately, by its name.
    """
    found = await _read(session, _OF_ATTEMPTS, attempt_ids, typical)
    return {each.attempt_id: each.waiting for each in found}


async def of_jobs(
    session: AsyncSession, job_ids: Collection[UUID], typical: Mapping[str, float]
) -> Sequence[WaitingAttempt]:
    """The unfinished attempts of these jobs, oldest first; see `of_attempts`."""
    return await _read(session, _OF_JOBS, job_ids, typical)


async def _read(
    session: AsyncSession,
    statement: Select[Any],
    ids: Collection[UUID],
    typical: Mapping[str, float],
) -> list[WaitingAttempt]:
    given = {"ids": list(ids), "graphs": list(typical), "seconds": list(typical.values())}
    return [_waiting_attempt(row) for row in (await session.execute(statement, given)).all()]


def _waiting_attempt(row: Row[Any]) -> WaitingAttempt:
    status = AttemptStatus(row.status)
    told = waiting(
        status,
        Stage(row.stage),
        progress=row.progress,
        seconds=row.seconds,
        position=row.position or 0,
        ahead_seconds=row.ahead or 0.0,
        pods=ClassPods(tuple(row.free_in or ()), tuple(row.booting or ()), row.boot_seconds),
        pod=_hold(row),
    )
    return WaitingAttempt(
        row.id,
        row.job_id,
        status,
        row.progress,
        told,
        row.place,
        AttemptKind(row.kind),
        row.source_id,
        row.order_id,
    )


def _hold(row: Row[Any]) -> PodHold:
    if row.pod_ended:
        return PodHold.GONE
    return PodHold.AWAY if row.pod_state == PodState.UNREACHABLE else PodHold.HELD


def _statement(column: UUID) -> Select[Any]:
    """The statement for unfinished attempts of which this column is among the given ids."""
    unfinished = _unfinished(col(column) == any_(bindparam("ids", type_=ARRAY(Uuid()))))
    line, ready = _line(unfinished), _ready(unfinished)
    booting, boots = _booting(), _boots()
    place = (
        select(func.coalesce(func.max(col(JobEvent.id)), 0))
        .where(col(JobEvent.job_id) == unfinished.c.job_id)
        .scalar_subquery()
    )
    return (
        select(
            *(unfinished.c[name] for name in _TOLD),
            line.c.position,
            line.c.ahead,
            ready.c.free_in,
            booting.c.booting,
            boots.c.boot_seconds,
            col(PodRecord.state).label("pod_state"),
            col(PodRecord.terminated_at).is_not(None).label("pod_ended"),
            place.label("place"),
        )
        .outerjoin(line, line.c.id == unfinished.c.id)
        .outerjoin(ready, ready.c.gpu_class == unfinished.c.gpu_class)
        .outerjoin(booting, booting.c.gpu_class == unfinished.c.gpu_class)
        .outerjoin(boots, boots.c.gpu_class == unfinished.c.gpu_class)
        .outerjoin(PodRecord, col(PodRecord.id) == unfinished.c.pod_id)
        .where(unfinished.c.wanted)
        .order_by(unfinished.c.created_at, unfinished.c.id)
    )


_OF_ATTEMPT = ("id", "job_id", "kind", "source_id", "order_id", "status", "stage", "progress")
_TOLD = (*_OF_ATTEMPT, "seconds")


def _unfinished(wanted: ColumnElement[bool]) -> CTE:
    """All unfinished attempts of the classes of the wanted ones, with the seconds they take."""
    measured, given = _measured(), _typical()
    is_open = col(Attempt.status).in_(UNFINISHED)
    classes = select(col(Attempt.gpu_class)).where(is_open, wanted)
    names = (*_OF_ATTEMPT, "gpu_class", "priority", "created_at", "pod_id")
    return (
        select(
            *(getattr(Attempt, name) for name in names),
            func.coalesce(measured.c.seconds, given.c.seconds, USUAL_GRAPH_SECONDS).label(
                "seconds"
            ),
            wanted.label("wanted"),
        )
        .outerjoin(measured, measured.c.graph == col(Attempt.graph))
        .outerjoin(given, given.c.graph == col(Attempt.graph))
        .where(is_open, col(Attempt.gpu_class).in_(classes))
        .cte("unfinished")
    )


def _typical() -> CTE:
    pairs = func.unnest(
        bindparam("graphs", type_=ARRAY(Text())), bindparam("seconds", type_=ARRAY(Float()))
    )
    named = pairs.table_valued("graph", "seconds", name="given").render_derived()
    return select(named.c.graph, named.c.seconds).cte("typical")


def _measured() -> CTE:
    """What each graph took on average, of its latest good runs."""
    latest = (
        select(col(GpuUse.graph), col(GpuUse.gpu_seconds), col(GpuUse.ended_at))
        .where(col(GpuUse.error_code).is_(None))
        .order_by(col(GpuUse.ended_at).desc())
        .limit(_USES_AT_ALL)
        .subquery("latest_uses")
    )
    number = func.row_number().over(partition_by=latest.c.graph, order_by=latest.c.ended_at.desc())
    uses = select(latest, number.label("number")).subquery("uses")
    return (
        select(uses.c.graph, func.avg(uses.c.gpu_seconds).label("seconds"))
        .where(uses.c.number <= _USES_OF_A_GRAPH)
        .group_by(uses.c.graph)
        .cte("measured")
    )


def _line(unfinished: CTE) -> CTE:
    """Each queued attempt's position, and the seconds of work queued before it."""
    order: Any = {
        "partition_by": unfinished.c.gpu_class,
        "order_by": (unfinished.c.priority, unfinished.c.created_at, unfinished.c.id),
    }
    ahead = func.sum(unfinished.c.seconds).over(**order, rows=(None, -1))
    return (
        select(
            unfinished.c.id,
            func.row_number().over(**order).label("position"),
            func.coalesce(ahead, 0.0).label("ahead"),
        )
        .where(unfinished.c.status == AttemptStatus.QUEUED)
        .cte("line")
    )


def _ready(unfinished: CTE) -> CTE:
    """Of each class, the seconds of work that each of its ready pods still has.

    Without those on which an attempt stands in line behind unknown work.
    """
    uses_gpu = and_(
        unfinished.c.pod_id == col(PodRecord.id),
        unfinished.c.status == AttemptStatus.RUNNING,
        unfinished.c.stage != Stage.FINALIZING,
    )
    left = func.sum(unfinished.c.seconds * (1 - unfinished.c.progress))
    stands_in_line = func.coalesce(func.bool_or(unfinished.c.stage == Stage.QUEUED), false())
    pods = (
        select(col(PodRecord.gpu_class), func.coalesce(left, 0.0).label("free_in"))
        .outerjoin(unfinished, uses_gpu)
        .where(col(PodRecord.terminated_at).is_(None), col(PodRecord.state) == PodState.READY)
        .group_by(col(PodRecord.id), col(PodRecord.gpu_class))
        .having(~stands_in_line)
        .subquery("ready_pods")
    )
    free_in = func.array_agg(pods.c.free_in, type_=ARRAY(Float()))
    return (
        select(pods.c.gpu_class, free_in.label("free_in")).group_by(pods.c.gpu_class).cte("ready")
    )


def _booting() -> CTE:
    """Of each class, the seconds since each pod on its way was rented."""
    elapsed = extract("epoch", func.clock_timestamp() - _rented_at()).cast(Float())
    return (
        select(
            col(PodRecord.gpu_class),
            func.array_agg(elapsed, type_=ARRAY(Float())).label("booting"),
        )
        .where(col(PodRecord.terminated_at).is_(None), col(PodRecord.state).in_(_COMING))
        .group_by(col(PodRecord.gpu_class))
        .cte("booting")
    )


def _boots() -> CTE:
    """The median of each class's latest boots, seconds."""
    took = extract("epoch", col(PodRecord.ready_at) - _rented_at()).cast(Float())
    latest = (
        select(
            col(PodRecord.gpu_class),
            col(PodRecord.ready_at),
            col(PodRecord.token_salt).is_not(None).label("rented"),  # a fixed server never boots
            took.label("seconds"),
        )
        .order_by(col(PodRecord.terminated_at).desc().nulls_first())
        .limit(_PODS_AT_ALL)
        .subquery("latest_pods")
    )
    number = func.row_number().over(
        partition_by=latest.c.gpu_class, order_by=latest.c.ready_at.desc()
    )
    measured = (
        select(latest, number.label("number"))
        .where(latest.c.ready_at.is_not(None), latest.c.rented)
        .subquery("measured_boots")
    )
    median = func.percentile_cont(0.5).within_group(measured.c.seconds)
    return (
        select(measured.c.gpu_class, median.label("boot_seconds"))
        .where(measured.c.number <= _BOOTS_OF_A_CLASS)
        .group_by(measured.c.gpu_class)
        .cte("boots")
    )


def _rented_at() -> ColumnElement[Any]:
    return func.coalesce(PodRecord.rented_at, PodRecord.created_at)


# Made once: making one takes longer than Postgres takes to answer it.
_OF_ATTEMPTS = _statement(Attempt.id)
_OF_JOBS = _statement(Attempt.job_id)
