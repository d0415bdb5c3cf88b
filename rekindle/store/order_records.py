"""Orders as operators see them: with everything that stands beside them."""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import or_, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from rekindle.contracts.orders import OrderStatus, hd_attempt_id
from rekindle.models import (
    Attempt,
    Entitlement,
    Order,
    OrderItem,
    OrderRefund,
    PaymentEventRecord,
)
from rekindle.store import order_items, orders, refunds


@dataclass(frozen=True)
class OrderRecord:
    """An order and what belongs to it.

    Attributes:
        ledger: in the order of its numbers.
        entitlement: also when it is revoked; None when there never was one.
        hd: the attempt that makes its HD; None until somebody begins, or once its job is gone.
        events: that name it, oldest first.
        items: of an order over several photos, each with its own HD and its own right to it.
    """

    order: Order
    ledger: Sequence[OrderRefund]
    entitlement: Entitlement | None
    hd: Attempt | None
    events: Sequence[PaymentEventRecord]
    items: Sequence[OrderItem]


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
        items=await order_items.of_order(session, order),
    )


async def newest(
    session: AsyncSession, *, status: OrderStatus | None, job_id: UUID | None, limit: int
) -> Sequence[Order]:
    """Orders, newest first.

    Args:
        status: only those that stand so.
        job_id: only those of this job, alone or among others.
        limit: at most so many.
    """
    statement = (
        select(Order).order_by(col(Order.created_at).desc(), col(Order.id).desc()).limit(limit)
    )
    if status is not None:
        statement = statement.where(col(Order.status) == status)
    if job_id is not None:
        among = select(col(OrderItem.order_id)).where(col(OrderItem.job_id) == job_id)
        statement = statement.where(or_(col(Order.job_id) == job_id, col(Order.id).in_(among)))
    return (await session.execute(statement)).scalars().all()
