"""Attempts of every kind: written by idempotent activities, never backwards.

Every write is guarded: a final status is never left, progress never falls, and a write of an
earlier try (a frozen worker that wakes up) changes nothing. A write that changes something tells so
in the same statement (`rekindle.store.events`).
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from uuid import UUID

from sqlalchemy import Select, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from rekindle.contracts.renders import GraphOutput, RenderInput
from rekindle.contracts.statuses import AttemptKind, AttemptStatus, Stage
from rekindle.models import Attempt
from rekindle.store import uses
from rekindle.store.attempt_statements import (
    advancing,
    closing,
    parameters,
    recording,
    succeeding,
    using,
)
from rekindle.store.uses import Use


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
    await session.execute(recording(), parameters(values))


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
    told = parameters(
        {
            "id": attempt_id,
            "try_number": try_number,
            "stage": stage,
            "progress": progress,
            "pod_id": pod_id,
        }
    )
    return await _done(session, advancing, told, use)


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
    told = parameters(
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
    return await _done(session, succeeding, told, used)


async def close(
    session: AsyncSession,
    attempt_id: UUID,
    status: AttemptStatus,
    *,
    error_code: str | None = None,
    error_message: str | None = None,
) -> bool:
    """Record an end without a result. Returns False when the attempt had already ended."""
    told = parameters({"id": attempt_id, "error_code": error_code, "error_message": error_message})
    return await _done(session, partial(closing, status), told)


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
        found = await session.execute(using(made), {**told, **uses.parameters(use)})
    return found.first() is not None
