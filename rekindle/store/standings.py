"""How much a user has under way, counted within statements that are sent anyway."""

from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from sqlalchemy import ColumnElement, ScalarSelect, Uuid, exists, func, literal, select, true
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import aliased
from sqlalchemy.sql.elements import SQLCoreOperations
from sqlmodel import col

from rekindle.contracts.orders import OrderStatus
from rekindle.contracts.statuses import UNFINISHED, AttemptKind
from rekindle.models import Album, Attempt, Job, Order, User
from rekindle.store import jobs, users

_DAY = timedelta(days=1)
_UNPAID = (OrderStatus.CREATED, OrderStatus.AWAITING_PAYMENT)


@dataclass(frozen=True)
class Standing:
    """What a user has under way.

    Attributes:
        open_attempts: that were asked for and have not ended; HD, which is paid, is not counted.
        jobs_of_day: made in the last 24 hours, whatever became of them.
        bytes_of_day: of their photos.
        seconds_left: until the first of them is 24 hours old; 0 when there is none.
    """

    user_id: UUID
    open_attempts: int
    jobs_of_day: int
    bytes_of_day: int
    seconds_left: float


@dataclass(frozen=True)
class JobToStart:
    """A job in which something is to be started.

    Attributes:
        open_attempts: of its owner, in all jobs.
    """

    job: Job
    open_attempts: int


@dataclass(frozen=True)
class AttemptToSell:
    """An attempt whose HD is to be bought.

    Attributes:
        has_open_order: whether there is an order of it that is not over.
        unpaid_orders: of its owner, of all jobs and albums, that are not over.
    """

    attempt: Attempt
    has_open_order: bool
    unpaid_orders: int


async def remember(session: AsyncSession, *, issuer: str, subject: str) -> Standing:
    """The standing of this subject, who is remembered as by `users.remember`. One statement."""
    user = users.remembering(issuer=issuer, subject=subject).cte("remembered")
    since = func.now() - _DAY
    of_day = (
        select(
            func.count().label("jobs"),
            func.coalesce(func.sum(Job.original_bytes), 0).label("bytes"),
            func.coalesce(func.extract("epoch", func.min(Job.created_at) - since), 0.0).label(
                "seconds_left"
            ),
        )
        .where(col(Job.user_id) == user.c.id, col(Job.created_at) > since)
        .lateral("of_day")
    )
    statement = select(
        user.c.id, _open_attempts(user.c.id), of_day.c.jobs, of_day.c.bytes, of_day.c.seconds_left
    ).select_from(user.join(of_day, true()))
    user_id, open_attempts, made, size, left = (await session.execute(statement)).one()
    return Standing(user_id, open_attempts, made, int(size), float(left))


async def job_to_start(
    session: AsyncSession, job_id: UUID, *, issuer: str, subject: str
) -> JobToStart | None:
    """As `jobs.of_subject`, and still one statement."""
    statement = jobs.selected(job_id, issuer=issuer, subject=subject).add_columns(
        _open_attempts(col(User.id))
    )
    found = (await session.execute(statement)).one_or_none()
    return None if found is None else JobToStart(*found)


async def attempt_to_sell(
    session: AsyncSession, job: Job, attempt_id: UUID
) -> AttemptToSell | None:
    """An attempt of that job; one statement."""
    unpaid = _unpaid_orders(job.user_id)
    is_open = exists().where(col(Order.attempt_id) == attempt_id, col(Order.closed_at).is_(None))
    statement = select(Attempt, is_open, unpaid).where(
        col(Attempt.job_id) == job.id, col(Attempt.id) == attempt_id
    )
    found = (await session.execute(statement)).one_or_none()
    return None if found is None else AttemptToSell(*found)


async def open_attempts(session: AsyncSession, user_id: UUID) -> int:
    """How many attempts of a user have not ended; HD, which is paid, is not counted."""
    return (await session.execute(select(_open_attempts(literal(user_id, Uuid()))))).scalar_one()


async def unpaid_orders(session: AsyncSession, user_id: UUID) -> int:
    """How many unpaid orders of a user are not over, of jobs and albums; one statement."""
    return (await session.execute(select(_unpaid_orders(user_id)))).scalar_one()


def _unpaid_orders(user_id: UUID) -> ColumnElement[int]:
    is_unpaid = col(Order.status).in_(_UNPAID), col(Order.closed_at).is_(None)
    counted = select(func.count()).select_from(Order).where(*is_unpaid)
    alone = counted.join(Job, col(Job.id) == col(Order.job_id)).where(col(Job.user_id) == user_id)
    together = counted.join(Album, col(Album.id) == col(Order.album_id)).where(
        col(Album.user_id) == user_id
    )
    return alone.scalar_subquery() + together.scalar_subquery()


def _open_attempts(user_id: SQLCoreOperations[UUID]) -> ScalarSelect[int]:
    own = aliased(Job)  # else it would be the job of the statement around this
    return (
        select(func.count())
        .select_from(Attempt)
        .join(own, col(own.id) == col(Attempt.job_id))
        .where(
            col(own.user_id) == user_id,
            col(Attempt.status).in_(UNFINISHED),
            col(Attempt.kind) != AttemptKind.HD,
        )
        .scalar_subquery()
    )
