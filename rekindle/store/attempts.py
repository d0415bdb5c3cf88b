"""Attempts of every kind: written by idempotent activities, never backwards.

Every write is guarded: a final status is never left, progress never falls, and a write of an
earlier try (a frozen worker that wakes up) changes nothing. A write that changes something tells so
in the same statement (`rekindle.store.events`).
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, partial
from typing import Any
from uuid import UUID

from sqlalchemy import (
    Case,
    ColumnElement,
    Select,
    Text,
    Update,
    bindparam,
    case,
    func,
    inspect,
    literal,
    or_,
    select,
    update,
)
from sqlalchemy.dialects.postgresql import Insert, insert
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from rekindle.contracts.events import EventKind, attempt_ended
from rekindle.contracts.renders import GraphOutput, RenderInput
from rekindle.contracts.statuses import UNFINISHED, AttemptKind, AttemptStatus, Stage
from rekindle.models import Attempt, Job
from rekindle.store import events, uses
from rekindle.store.uses import Use

_TOLD = ("kind", "status", "stage", "progress", "error_code")
_TOLD_OF_ORDER = ("order_id", "stage", "progress")
_NAMED = ("job_id", "id", "source_id", "order_id", *_TOLD)


@dataclass(frozen=True)
class Result:
    """What an attempt came to.

    Attributes:
        key: of the master, or of the HD result.
        sha256: of that object, hex digits.
        width: pixels.
        height: pixels.
        preview_key: None for HD, which needs none.
        thumbnail_key: the same.
        seconds: length of a clip.
        fps: frames of a clip in a second.
    """

    key: str
    sha256: str
    width: int
    height: int
    preview_key: str | None = None
    thumbnail_key: str | None = None
    seconds: float | None = None
    fps: float | None = None


def queued(render: RenderInput) -> Attempt:
    """The row of an attempt that has just been accepted."""
    return Attempt(
        id=render.attempt_id,
        job_id=render.job_id,
        kind=render.kind,
        source_id=render.source_id,
        order_id=render.order_id,
        graph=render.graph,
        graph_version=render.graph_version,
        gpu_class=render.gpu_class,
        priority=render.priority,
        parameters=dict(render.parameters),
        stamp=render.stamp,
    )


async def record(session: AsyncSession, attempt: Attempt) -> None:
    """Write a new attempt's row. Idempotent: a row that exists is left alone.

    Nothing is written of a job that was erased meanwhile.
    """
    values = attempt.model_dump(exclude={"created_at"})
    await session.execute(_recording(), _new(values))


@cache
def _recording() -> Select[int, None]:
    """The statement of `record`."""
    names = inspect(Attempt).columns.keys()
    given = _given(*names)
    turn = events.turn(select(col(Job.id)).where(col(Job.id) == given["job_id"]))
    values: dict[str, ColumnElement[Any]] = {
        **given,
        "job_id": turn.c.job_id,
        "created_at": func.clock_timestamp(),
    }
    added = (
        insert(Attempt)
        .from_select(list(values), select(*values.values()).select_from(turn))
        .on_conflict_do_nothing()
    )
    return _telling(added, EventKind.ATTEMPT_QUEUED)


async def by_id(session: AsyncSession, attempt_id: UUID) -> Attempt | None:
    """An attempt of any kind, as it is now."""
    statement = (
        select(Attempt)
        .where(col(Attempt.id) == attempt_id)
        .execution_options(populate_existing=True)
    )
    return (await session.execute(statement)).scalar_one_or_none()


async def by_ids(session: AsyncSession, attempt_ids: Iterable[UUID]) -> Mapping[UUID, Attempt]:
    """Those of the attempts that there are, by their ids."""
    statement = (
        select(Attempt)
        .where(col(Attempt.id).in_(list(attempt_ids)))
        .execution_options(populate_existing=True)
    )
    return {each.id: each for each in (await session.execute(statement)).scalars()}


async def of_job(
    session: AsyncSession, job_id: UUID, attempt_id: UUID, kind: AttemptKind | None = None
) -> Attempt | None:
    """One attempt of a job; of that kind, if one is given."""
    statement = select(Attempt).where(col(Attempt.id) == attempt_id, col(Attempt.job_id) == job_id)
    if kind is not None:
        statement = statement.where(col(Attempt.kind) == kind)
    return (await session.execute(statement)).scalar_one_or_none()


async def of_jobs(
    session: AsyncSession, job_ids: Sequence[UUID], kind: AttemptKind | None = None
) -> Sequence[Attempt]:
    """All attempts of these jobs, oldest first, in one statement; of that kind, if one is given."""
    statement = (
        select(Attempt)
        .where(col(Attempt.job_id).in_(job_ids))
        .order_by(col(Attempt.created_at), col(Attempt.id))
    )
    if kind is not None:
        statement = statement.where(col(Attempt.kind) == kind)
    return (await session.execute(statement)).scalars().all()


async def status_of(session: AsyncSession, attempt_id: UUID) -> AttemptStatus | None:
    """How an attempt stands; None when there is none."""
    statement = select(col(Attempt.status)).where(col(Attempt.id) == attempt_id)
    found = (await session.execute(statement)).scalar_one_or_none()
    return None if found is None else AttemptStatus(found)


async def advance(
    session: AsyncSession,
    attempt_id: UUID,
    *,
    try_number: int,
    stage: Stage,
    progress: float,
    pod_id: str,
    use: Use | None = None,
) -> bool:
    """Note that a try runs and how far it is. Returns False when that changed nothing.

    Args:
        progress: 0..1 over the whole attempt; a smaller value than the stored one is ignored.
        use: what the try used, once its graph has ended; recorded in any case.
    """
    told = _new(
        {
            "id": attempt_id,
            "try_number": try_number,
            "stage": stage,
            "progress": progress,
            "pod_id": pod_id,
        }
    )
    return await _done(session, _advancing, told, use)


@cache
def _advancing() -> Select[int, None]:
    """The statement of `advance`."""
    id_, try_number, stage, progress, pod_id = _given(
        "id", "try_number", "stage", "progress", "pod_id"
    ).values()
    return _changing(
        id_,
        EventKind.ATTEMPT_PROGRESS,
        col(Attempt.try_number) <= try_number,
        or_(
            col(Attempt.status) != AttemptStatus.RUNNING,
            col(Attempt.stage).is_distinct_from(stage),
            col(Attempt.progress) < progress,
            col(Attempt.pod_id).is_distinct_from(pod_id),
            col(Attempt.try_number) < try_number,
        ),
        try_number=try_number,
        status=AttemptStatus.RUNNING,
        stage=stage,
        progress=func.greatest(Attempt.progress, progress),
        pod_id=pod_id,
        started_at=func.coalesce(Attempt.started_at, func.clock_timestamp()),
    )


async def succeed(
    session: AsyncSession,
    attempt_id: UUID,
    output: GraphOutput,
    result: Result,
) -> bool:
    """Record the result. Returns False when the attempt had already ended.

    What its last try used is recorded in any case, by the same statement.
    """
    used = Use(
        attempt_id=attempt_id,
        try_number=output.try_number,
        pod_id=output.pod_id,
        gpu_seconds=output.engine_seconds,
    )
    told = _new(
        {
            "id": attempt_id,
            "pod_id": output.pod_id,
            "engine_seconds": output.engine_seconds,
            "master_key": result.key,
            "master_sha256": result.sha256,
            "width": result.width,
            "height": result.height,
            "preview_key": result.preview_key,
            "thumbnail_key": result.thumbnail_key,
            "seconds": result.seconds,
            "fps": result.fps,
        }
    )
    return await _done(session, _succeeding, told, used)


@cache
def _succeeding() -> Select[int, None]:
    """The statement of `succeed`."""
    given = _given(
        "id",
        "pod_id",
        "engine_seconds",
        "master_key",
        "master_sha256",
        "width",
        "height",
        "preview_key",
        "thumbnail_key",
        "seconds",
        "fps",
    )
    return _changing(
        given.pop("id"),
        EventKind.ATTEMPT_SUCCEEDED,
        status=AttemptStatus.SUCCEEDED,
        stage=None,
        progress=1.0,
        finished_at=func.clock_timestamp(),
        **given,
    )


async def close(
    session: AsyncSession,
    attempt_id: UUID,
    status: AttemptStatus,
    *,
    error_code: str | None = None,
    error_message: str | None = None,
) -> bool:
    """Record an end without a result. Returns False when the attempt had already ended."""
    told = _new({"id": attempt_id, "error_code": error_code, "error_message": error_message})
    return await _done(session, partial(_closing, status), told)


@cache
def _closing(status: AttemptStatus) -> Select[int, None]:
    """The statement of `close`."""
    given = _given("id", "error_code", "error_message")
    return _changing(
        given.pop("id"),
        attempt_ended(status),
        status=status,
        stage=None,
        finished_at=func.clock_timestamp(),
        **given,
    )


def _given(*names: str) -> dict[str, ColumnElement[Any]]:
    """Parameters of a statement that is made once, by the columns whose types they have.

    Making one of these statements takes longer than the database does. The parameters have names
    of their own, since an UPDATE keeps the columns' names for itself: see `_new`.
    """
    columns = inspect(Attempt).columns
    return {name: bindparam(f"new_{name}", type_=columns[name].type) for name in names}


def _new(values: Mapping[str, object]) -> dict[str, object]:
    """Values for what `_given` made."""
    return {f"new_{name}": value for name, value in values.items()}


def _changing(
    attempt_id: ColumnElement[UUID],
    kind: EventKind,
    *conditions: ColumnElement[bool],
    **values: Any,
) -> Select[int, None]:
    """Change an attempt that has not ended, where the conditions hold, and tell so.

    The statement has a row when it changed something.
    """
    turn = events.turn(select(col(Attempt.job_id)).where(col(Attempt.id) == attempt_id))
    change = (
        update(Attempt)
        .where(
            col(Attempt.id) == attempt_id,
            col(Attempt.job_id) == turn.c.job_id,  # wait for it
            col(Attempt.status).in_(UNFINISHED),
            *conditions,
        )
        .values(version=Attempt.version + 1, **values)
    )
    return _telling(change, kind)


async def _done(
    session: AsyncSession,
    made: Callable[[], Select[int, None]],
    told: Mapping[str, object],
    use: Use | None = None,
) -> bool:
    """Execute a change; whether it changed something.

    Args:
        use: recorded along with it, whether or not the attempt changes.
    """
    if use is None:
        found = await session.execute(made(), told)
    else:
        found = await session.execute(_using(made), {**told, **uses.parameters(use)})
    return found.first() is not None


@cache
def _using(made: Callable[[], Select[int, None]]) -> Select[int, None]:
    """A change that records a use of a GPU along with it."""
    return made().add_cte(uses.writing().cte("use"))


def _telling(change: Insert | Update, kind: EventKind) -> Select[int, None]:
    """The change of an attempt, with its event: of its order, where it is at HD."""
    changed = change.returning(*(getattr(Attempt, name) for name in _NAMED)).cte("changed")
    is_hd = changed.c.kind == AttemptKind.HD

    def either(of_order: ColumnElement[Any], of_attempt: ColumnElement[Any]) -> Case[Any]:
        return case((is_hd, of_order), else_=of_attempt)

    def data(names: Sequence[str]) -> ColumnElement[Any]:
        return events.data({name: changed.c[name] for name in names})

    return events.telling(
        changed,
        either(literal(EventKind.ORDER_PROGRESS, Text()), literal(kind, Text())),
        either(changed.c.source_id, changed.c.id),
        either(data(_TOLD_OF_ORDER), data(_TOLD)),
    )
