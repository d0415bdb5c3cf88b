"""Jobs."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from uuid import UUID

from sqlalchemy import (
    ColumnElement,
    Select,
    Uuid,
    and_,
    bindparam,
    exists,
    func,
    select,
    update,
)
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from rekindle.contracts.events import EventKind
from rekindle.contracts.statuses import UNFINISHED, AttemptStatus, JobStatus
from rekindle.models import Attempt, Job, User
from rekindle.store import events
from rekindle.store.arrays import is_among
from rekindle.store.pages import Cursor, newest_first


@dataclass(frozen=True)
class JobFilter:
    """Which jobs are wanted; what is None does not matter.

    Attributes:
        status: as `rules.jobs.job_status` has it.
        has_restore: whether a restoration of it has succeeded.
        created_after: made later than that.
        created_before: made earlier than that.
    """

    status: JobStatus | None = None
    has_restore: bool | None = None
    created_after: datetime | None = None
    created_before: datetime | None = None

    def conditions(self) -> list[ColumnElement[bool]]:
        """The same in SQL."""
        found: list[ColumnElement[bool]] = []
        if self.status is not None:
            is_wanted = self.status is JobStatus.COMPLETED
            found.append(_is_completed() if is_wanted else ~_is_completed())
        if self.has_restore is not None:
            chosen = col(Job.selected_restore_id)
            found.append(chosen.is_not(None) if self.has_restore else chosen.is_(None))
        if self.created_after is not None:
            found.append(col(Job.created_at) > self.created_after)
        if self.created_before is not None:
            found.append(col(Job.created_at) < self.created_before)
        return found


def _is_completed() -> ColumnElement[bool]:
    of_job = col(Attempt.job_id) == col(Job.id)
    return and_(
        exists().where(of_job, col(Attempt.status) == AttemptStatus.SUCCEEDED),
        ~exists().where(of_job, col(Attempt.status).in_(UNFINISHED)),
    )


ANY = JobFilter()
"""Every job."""


async def record(session: AsyncSession, job: Job) -> None:
    """Write a new job's row. Idempotent: a row that exists is left alone."""
    values = job.model_dump(exclude={"created_at", "updated_at"})
    await session.execute(insert(Job).values(values).on_conflict_do_nothing())


async def by_id(session: AsyncSession, job_id: UUID) -> Job | None:
    """A job, whoever it belongs to."""
    return (await session.execute(select(Job).where(col(Job.id) == job_id))).scalar_one_or_none()


async def known(session: AsyncSession, job_ids: Collection[UUID]) -> set[UUID]:
    """Those of the jobs that there are, deleted ones that are not erased yet included."""
    ids = col(Job.id)
    return set((await session.execute(select(ids).where(is_among(ids, job_ids)))).scalars())


async def of_subject(
    session: AsyncSession, job_id: UUID, *, issuer: str, subject: str
) -> Job | None:
    """The job if it belongs to that subject and was not deleted."""
    statement = selected(job_id, issuer=issuer, subject=subject)
    return (await session.execute(statement)).scalar_one_or_none()


def selected(job_id: UUID, *, issuer: str, subject: str) -> Select[Job]:
    """The statement of `of_subject`; the job's `User` is joined to it."""
    return (
        select(Job)
        .join(User, col(User.id) == col(Job.user_id))
        .where(
            col(Job.id) == job_id,
            col(Job.status) != JobStatus.DELETED,
            col(User.issuer) == issuer,
            col(User.subject) == subject,
        )
    )


async def page(
    session: AsyncSession,
    *,
    issuer: str,
    subject: str,
    limit: int,
    after: Cursor | None,
    wanted: JobFilter = ANY,
) -> Sequence[Job]:
    """A subject's jobs, newest first.

    Args:
        wanted: only these.
        limit: at most so many rows.
        after: continue behind this place.
    """
    statement = (
        select(Job)
        .join(User, col(User.id) == col(Job.user_id))
        .where(
            col(User.issuer) == issuer,
            col(User.subject) == subject,
            col(Job.status) != JobStatus.DELETED,
            *wanted.conditions(),
        )
    )
    paged = newest_first(statement, Job, limit=limit, after=after)
    return (await session.execute(paged)).scalars().all()


async def choose(session: AsyncSession, job_id: UUID, attempt_id: UUID) -> None:
    """Make a restoration the selected one, and tell so. Idempotent."""
    await _point(session, job_id, "selected_restore_id", attempt_id, EventKind.JOB_SELECTED)


async def animated(session: AsyncSession, job_id: UUID, attempt_id: UUID) -> None:
    """Make a clip the latest one, and tell so. Idempotent."""
    await _point(session, job_id, "latest_animation_id", attempt_id, EventKind.JOB_ANIMATED)


async def _point(
    session: AsyncSession, job_id: UUID, name: str, attempt_id: UUID, kind: EventKind
) -> None:
    """Have a column of the job name an attempt."""
    told = {"chosen_by": job_id, "chosen": attempt_id}
    await session.execute(_pointing(name, kind), told)


@cache
def _pointing(name: str, kind: EventKind) -> Select[int, None]:
    """The statement of `_point`, made once: making it takes longer than the database does."""
    job_id, attempt_id = (bindparam(each, type_=Uuid()) for each in ("chosen_by", "chosen"))
    turn = events.turn(select(job_id))
    column = col(getattr(Job, name))
    changed = (
        update(Job)
        .where(col(Job.id) == turn.c.job_id, column.is_distinct_from(attempt_id))
        .values(
            {name: attempt_id, "version": Job.version + 1, "updated_at": func.clock_timestamp()}
        )
        .returning(col(Job.id).label("job_id"), column.label("chosen"))
        .cte("changed")
    )
    chosen = changed.c.chosen
    return events.telling(changed, kind, chosen, events.data({name: chosen}))
