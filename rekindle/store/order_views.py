"""Orders as their owners see them: found through their jobs, with what became of their HD."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import ColumnElement, Select, and_, select, tuple_
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from rekindle.contracts.orders import Product
from rekindle.contracts.statuses import AttemptKind, AttemptStatus, JobStatus
from rekindle.models import Attempt, Entitlement, Job, Order, OrderRefund, User
from rekindle.store.pages import Cursor

_Columns = tuple[Order, UUID, Attempt, str]
"""Of one row; the last two may be null."""


@dataclass(frozen=True)
class OrderView:
    """An order with what stands beside it.

    Attributes:
        job_id: of its job, which is there.
        hd: the attempt that makes its HD; None until somebody begins.
        object_key: of the HD object, while its owner has the right to read it.
        refunds: in the order of their numbers.
    """

    order: Order
    job_id: UUID
    hd: Attempt | None
    object_key: str | None
    refunds: Sequence[OrderRefund]


@dataclass(frozen=True)
class HdAccess:
    """An order of one HD result, and the key of its object while its owner may read that."""

    order: Order
    object_key: str | None


async def of_subject(
    session: AsyncSession, order_id: UUID, *, issuer: str, subject: str
) -> OrderView | None:
    """The order if its job belongs to that subject and was not deleted. Two statements."""
    found = await _read(session, _owned(issuer, subject).where(col(Order.id) == order_id))
    return found[0] if found else None


async def page(
    session: AsyncSession, *, issuer: str, subject: str, limit: int, after: Cursor | None
) -> Sequence[OrderView]:
    """A subject's orders, newest first. Two statements.

    Args:
        limit: at most so many.
        after: continue behind this place.
    """
    statement = (
        _owned(issuer, subject)
        .order_by(col(Order.created_at).desc(), col(Order.id).desc())
        .limit(limit)
    )
    if after is not None:
        place = tuple_(col(Order.created_at), col(Order.id))
        statement = statement.where(place < (after.created_at, after.row_id))
    return await _read(session, statement)


async def of_attempts(session: AsyncSession, attempts: Iterable[Attempt]) -> Sequence[Order]:
    """All orders of these attempts, oldest first.

    One statement, or none when no attempt has succeeded: nothing else is ever sold.
    """
    sold = [each for each in attempts if each.status == AttemptStatus.SUCCEEDED]
    if not sold:
        return []
    statement = (
        select(Order)
        .where(
            col(Order.job_id).in_({each.job_id for each in sold}),  # for the sake of its index
            col(Order.attempt_id).in_([each.id for each in sold]),
        )
        .order_by(col(Order.created_at), col(Order.id))
    )
    return (await session.execute(statement)).scalars().all()


async def hd_of_attempt(
    session: AsyncSession, job_id: UUID, attempt_id: UUID, product: Product
) -> Sequence[HdAccess]:
    """Every order of a product of an attempt, newest first, in one statement."""
    statement = (
        select(Order, col(Entitlement.object_key))
        .outerjoin(Entitlement, _is_entitled())
        .where(
            col(Order.job_id) == job_id,
            col(Order.attempt_id) == attempt_id,
            col(Order.product) == product,
        )
        .order_by(col(Order.created_at).desc(), col(Order.id).desc())
    )
    return [HdAccess(order, key) for order, key in (await session.execute(statement)).all()]


def _owned(issuer: str, subject: str) -> Select[*_Columns]:
    """Orders of a subject, each with its HD attempt and the object that may be read."""
    makes_hd = and_(
        col(Attempt.job_id) == col(Order.job_id),  # for the sake of its index
        col(Attempt.order_id) == col(Order.id),
        col(Attempt.kind) == AttemptKind.HD,
    )
    return (
        select(Order, col(Job.id), Attempt, col(Entitlement.object_key))
        .join(Job, col(Job.id) == col(Order.job_id))
        .join(User, col(User.id) == col(Job.user_id))
        .outerjoin(Attempt, makes_hd)
        .outerjoin(Entitlement, _is_entitled())
        .where(
            col(User.issuer) == issuer,
            col(User.subject) == subject,
            col(Job.status) != JobStatus.DELETED,
        )
    )


def _is_entitled() -> ColumnElement[bool]:
    return and_(col(Entitlement.order_id) == col(Order.id), col(Entitlement.revoked_at).is_(None))


async def _read(session: AsyncSession, statement: Select[*_Columns]) -> list[OrderView]:
    rows = (await session.execute(statement)).all()
    if not rows:
        return []
    ledger = (
        select(OrderRefund)
        .where(col(OrderRefund.order_id).in_([order.id for order, *_ in rows]))
        .order_by(col(OrderRefund.order_id), col(OrderRefund.number))
    )
    refunds: dict[UUID, list[OrderRefund]] = {order.id: [] for order, *_ in rows}
    for row in (await session.execute(ledger)).scalars():
        refunds[row.order_id].append(row)
    return [OrderView(order, job_id, hd, key, refunds[order.id]) for order, job_id, hd, key in rows]
