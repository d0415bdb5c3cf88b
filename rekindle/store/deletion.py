"""Deletion of jobs: marked first, undone or claimed, then erased with everything that has a row.

Whoever decides something of a job's deletion has the job's turn (`rekindle.store.events`), which
who changes its orders takes as well: no order is paid between the look at it and the deletion.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import (
    ColumnElement,
    CompoundSelect,
    Delete,
    Select,
    Text,
    Update,
    Uuid,
    cast,
    delete,
    func,
    literal,
    null,
    or_,
    select,
    text,
    union,
    update,
)
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from rekindle.contracts.deletion import Deletion, DeletionState, JobWork
from rekindle.contracts.events import EventKind
from rekindle.contracts.orders import OrderStatus
from rekindle.contracts.statuses import UNFINISHED, JobStatus
from rekindle.errors import OrderUndelivered
from rekindle.models import (
    Attempt,
    Entitlement,
    IdempotencyKey,
    Job,
    Order,
    OrderItem,
    Upload,
    User,
)
from rekindle.store import events, orders

UNDELIVERED = (OrderStatus.PAID, OrderStatus.RENDERING)
"""Somebody has paid, and has nothing for it yet."""


@dataclass(frozen=True)
class Marked:
    """A job that is deleted, and what that meant for its orders.

    Attributes:
        given_up: orders that nobody had paid: wake them, so that their pages close.
    """

    job: Job
    given_up: Sequence[UUID]


async def find(session: AsyncSession, job_id: UUID, *, issuer: str, subject: str) -> Job | None:
    """The subject's job, deleted or not, with its turn. Two statements."""
    is_theirs = (
        select(col(Job.id))
        .join(User, col(User.id) == col(Job.user_id))
        .where(col(Job.id) == job_id, col(User.issuer) == issuer, col(User.subject) == subject)
    )
    return await _with_turn(session, is_theirs)


async def by_id(session: AsyncSession, job_id: UUID) -> Job | None:
    """A job, whoever it belongs to, with its turn. Two statements."""
    return await _with_turn(session, select(col(Job.id)).where(col(Job.id) == job_id))


async def mark(session: AsyncSession, job: Job, *, undo: timedelta) -> Marked:
    """Delete a job: nobody sees it from now on. Idempotent: one that is deleted stays as it is.

    Args:
        job: with its turn.
        undo: how long it may be had back.

    Raises:
        OrderUndelivered: a paid order of it has not been delivered.
    """
    if job.status == JobStatus.DELETED:
        return Marked(job, ())
    found = await orders.with_job(session, job.id)
    if any(each.status in UNDELIVERED for each in found):
        raise OrderUndelivered
    unpaid = [each for each in found if OrderStatus(each.status).is_unpaid and not each.closed_at]
    for each in unpaid:
        # An order over several photos takes no turn, so it may have been paid this very moment.
        if not await orders.close(session, each.id):
            raise OrderUndelivered
    given_up = [each.id for each in unpaid]
    now = func.clock_timestamp()
    await _tell(
        session,
        job.id,
        EventKind.JOB_DELETED,
        status=JobStatus.DELETED,
        deleted_at=now,
        undo_until=now + literal(undo),
    )
    await session.refresh(job)
    return Marked(job, given_up)


async def undo(session: AsyncSession, job: Job) -> bool:
    """Have a deleted job back. Returns False when it is too late; one that is kept stays so.

    Args:
        job: with its turn.
    """
    if job.status != JobStatus.DELETED:
        return True
    return await _tell(
        session,
        job.id,
        EventKind.JOB_UNDELETED,
        col(Job.undo_until) > func.clock_timestamp(),
        status=JobStatus.ACTIVE,
        deleted_at=null(),
        undo_until=null(),
    )


async def state(session: AsyncSession, job_id: UUID) -> Deletion:
    """How the deletion of a job stands."""
    statement = select(col(Job.status), col(Job.undo_until)).where(col(Job.id) == job_id)
    row = (await session.execute(statement)).one_or_none()
    if row is None:
        return Deletion(state=DeletionState.GONE)
    status, undo_until = row
    if status != JobStatus.DELETED:
        return Deletion(state=DeletionState.KEPT)
    return Deletion(state=DeletionState.DELETED, undo_until=undo_until)


async def claim(session: AsyncSession, job_id: UUID, undo_until: datetime) -> bool:
    """End the time in which a deleted job may be had back. Idempotent.

    Args:
        undo_until: as it was known.

    Returns:
        False when the job is wanted, or was deleted anew.
    """
    taken = (
        update(Job)
        .where(
            col(Job.id) == (select(events.turn_at(job_id).c.job_id).scalar_subquery()),
            col(Job.status) == JobStatus.DELETED,
            col(Job.undo_until) <= undo_until,
        )
        .values(undo_until=func.least(col(Job.undo_until), func.clock_timestamp()))
        .returning(col(Job.id))
    )
    return (await session.execute(taken)).first() is not None


async def work(session: AsyncSession, job_id: UUID) -> JobWork:
    """What was ever begun for a job, as its rows tell. Three statements."""

    async def ids(statement: Select[UUID] | CompoundSelect[UUID]) -> tuple[UUID, ...]:
        return tuple((await session.execute(statement)).scalars())

    return JobWork(
        attempt_ids=await ids(select(col(Attempt.id)).where(col(Attempt.job_id) == job_id)),
        order_ids=await ids(
            union(
                select(col(Order.id)).where(col(Order.job_id) == job_id),
                select(col(OrderItem.order_id)).where(col(OrderItem.job_id) == job_id),
            )
        ),
        upload_ids=await ids(select(col(Upload.id)).where(col(Upload.job_id) == job_id)),
    )


async def unfinished(session: AsyncSession, job_id: UUID) -> Sequence[UUID]:
    """Attempts of a job that have not ended."""
    statement = select(col(Attempt.id)).where(
        col(Attempt.job_id) == job_id, col(Attempt.status).in_(UNFINISHED)
    )
    return (await session.execute(statement)).scalars().all()


async def erase(session: AsyncSession, job_id: UUID) -> bool:
    """Delete a deleted job's row and every row that belongs to it. Idempotent.

    Its orders stay, with their payments and refunds, and tell of nobody: neither the job nor the
    key of an object. Replies that are kept under an idempotency key and name the job go.

    Returns:
        False when there was no such deleted job.
    """
    job = await by_id(session, job_id)
    if job is None or job.status != JobStatus.DELETED:
        return False
    its_orders = select(col(Order.id)).where(col(Order.job_id) == job_id)
    await _execute(
        session,
        update(Entitlement).where(col(Entitlement.order_id).in_(its_orders)).values(object_key=""),
    )
    its_items = col(OrderItem.job_id) == job_id, col(OrderItem.object_key).is_not(None)
    await _execute(session, update(OrderItem).where(*its_items).values(object_key=""))
    await _execute(session, delete(Job).where(col(Job.id) == job_id))
    in_body = text("position(convert_to(:job_id, 'UTF8') in body) > 0").bindparams(
        job_id=str(job_id)
    )
    in_headers = cast(col(IdempotencyKey.headers), Text).contains(str(job_id))
    await _execute(session, delete(IdempotencyKey).where(or_(in_body, in_headers)))
    return True


async def _execute(session: AsyncSession, change: Update | Delete) -> None:
    await session.execute(change, execution_options={"synchronize_session": False})


async def overdue(session: AsyncSession, *, since: timedelta, most: int) -> Sequence[UUID]:
    """Deleted jobs that should have been erased for so long; of too many, any."""
    statement = (
        select(col(Job.id))
        .where(
            col(Job.status) == JobStatus.DELETED,
            col(Job.undo_until) <= func.clock_timestamp() - literal(since),
        )
        .order_by(func.random())
        .limit(most)
    )
    return (await session.execute(statement)).scalars().all()


async def expired(session: AsyncSession, *, age: timedelta, most: int) -> Sequence[UUID]:
    """Jobs that are older than they may become, and that nothing holds; of too many, any."""
    holds = select(col(Order.job_id)).where(
        col(Order.job_id) == col(Job.id), col(Order.status).in_(UNDELIVERED)
    )
    holds_among = (
        select(col(OrderItem.job_id))
        .join(Order, col(Order.id) == col(OrderItem.order_id))
        .where(col(OrderItem.job_id) == col(Job.id), col(Order.status).in_(UNDELIVERED))
    )
    statement = (
        select(col(Job.id))
        .where(
            col(Job.status) != JobStatus.DELETED,
            col(Job.created_at) <= func.clock_timestamp() - literal(age),
            ~holds.exists(),
            ~holds_among.exists(),
        )
        .order_by(func.random())
        .limit(most)
    )
    return (await session.execute(statement)).scalars().all()


async def _with_turn(session: AsyncSession, found: Select[UUID]) -> Job | None:
    job_id = (await session.execute(select(events.turn(found).c.job_id))).scalar_one_or_none()
    return None if job_id is None else await _reread(session, job_id)


async def _reread(session: AsyncSession, job_id: UUID) -> Job | None:
    """The row as it is now: the statement that waited for the turn saw what was before."""
    statement = select(Job).where(col(Job.id) == job_id)
    again = statement.execution_options(populate_existing=True)
    return (await session.execute(again)).scalar_one_or_none()


async def _tell(
    session: AsyncSession,
    job_id: UUID,
    kind: EventKind,
    *conditions: ColumnElement[bool],
    **values: Any,
) -> bool:
    """Change a job where the conditions hold, and tell so."""
    changed = (
        update(Job)
        .where(col(Job.id) == job_id, *conditions)
        .values(version=Job.version + 1, updated_at=func.clock_timestamp(), **values)
        .returning(col(Job.id).label("job_id"), col(Job.status).label("status"))
        .cte("changed")
    )
    data = events.data({"status": changed.c.status})
    nobody = cast(null(), Uuid())
    return (await session.execute(events.telling(changed, kind, nobody, data))).first() is not None
