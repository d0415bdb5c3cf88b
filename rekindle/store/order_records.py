"""Orders as operators see them: with everything that stands beside them."""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from rekindle.contracts.orders import OrderStatus, hd_attempt_id
from rekindle.models import Attempt, Entitlement, Order, OrderRefund, PaymentEventRecord
from rekindle.store import orders, refunds


@dataclass(frozen=True)
class OrderRecord:
    """An order and what belongs to it.

    Attributes:
        ledger: in the order of its numbers.
        entitlement: also when it is revoked; None when there never was one.
        hd: the attempt that makes its HD; None until somebody begins, or once its job is gone.
        events: that name it, oldest first.
    """

    order: Order
    ledger: Sequence[OrderRefund]
    entitlement: Entitlement | None
    hd: Attempt | None
    events: Sequence[PaymentEventRecord]


async def record(session: AsyncSession, order_id: UUID) -> OrderRecord | None:
    """Everything about an order."""
    order = await orders.by_id(session, order_id)
    if order is None:
        return None
    events = (
        select(PaymentEventRecord)
        .where(col(PaymentEventRecord.order_id) == order_id)
        .order_by(col(PaymentEventRecord.received_at), col(PaymentEventRecord.event_id))
    )
    return OrderRecord(
        order=order,
        ledger=await refunds.of_order(session, order_id),
        entitlement=await session.get(Entitlement, order_id),
        hd=await session.get(Attempt, hd_attempt_id(order_id)),
        events=(await session.execute(events)).scalars().all(),
    )


async def newest(
    session: AsyncSession, *, status: OrderStatus | None, job_id: UUID | None, limit: int
) -> Sequence[Order]:
    """Orders, newest first.

    Args:
        status: only those that stand so.
        job_id: only those of this job.
        limit: at most so many.
    """
    statement = (
        select(Order).order_by(col(Order.created_at).desc(), col(Order.id).desc()).limit(limit)
    )
    if status is not None:
        statement = statement.where(col(Order.status) == status)
    if job_id is not None:
        statement = statement.where(col(Order.job_id) == job_id)
    return (await session.execute(statement)).scalars().all()
