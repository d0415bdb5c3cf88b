"""The ledger of refunds: a row is written before its call, and never deleted."""

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import func, select, update
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from rekindle.contracts.orders import RefundReason
from rekindle.models import Order, OrderRefund
from rekindle.rules.orders import WantedRefund
from rekindle.store import orders


async def of_order(session: AsyncSession, order_id: UUID) -> Sequence[OrderRefund]:
    """The ledger of an order, in the order of its numbers."""
    statement = (
        select(OrderRefund)
        .where(col(OrderRefund.order_id) == order_id)
        .order_by(col(OrderRefund.number))
    )
    return (await session.execute(statement)).scalars().all()


async def ask(
    session: AsyncSession,
    order: Order,
    payment_id: str,
    amount: int,
    *,
    reason: RefundReason = RefundReason.OPERATOR,
    item: int | None = None,
) -> OrderRefund | None:
    """Write an operator's refund into the ledger, before its call; None if the order changed.

    Args:
        order: as it was when `left` of its payment was computed.
        amount: in the currency's smallest unit.
        reason: another one where it is owed anyway, and only an operator may ask once more.
        item: number of the item whose share is owed.
    """
    now = await orders.lock(session, order.id)
    if now is None or now.version != order.version:
        return None
    wanted = WantedRefund(payment_id, amount, reason, item)
    number = await append(session, order.id, wanted)
    await orders.change(session, order.id)
    return next(row for row in await of_order(session, order.id) if row.number == number)


async def answer(session: AsyncSession, order_id: UUID, number: int, refund_id: str) -> bool:
    """Keep the provider's answer to a refund. Returns False when it was kept already."""
    change = (
        update(OrderRefund)
        .where(
            col(OrderRefund.order_id) == order_id,
            col(OrderRefund.number) == number,
            col(OrderRefund.refund_id).is_(None),
        )
        .values(refund_id=refund_id, answered_at=func.clock_timestamp())
        .returning(col(OrderRefund.number))
    )
    if (await session.execute(change)).first() is None:
        return False
    return await orders.change(session, order_id)


async def void(session: AsyncSession, order_id: UUID, numbers: Sequence[int]) -> None:
    """Note of rows that they can not be carried out any more. Idempotent."""
    change = (
        update(OrderRefund)
        .where(
            col(OrderRefund.order_id) == order_id,
            col(OrderRefund.number).in_(numbers),
            col(OrderRefund.void_at).is_(None),
        )
        .values(void_at=func.clock_timestamp())
    )
    await session.execute(change)


async def append(session: AsyncSession, order_id: UUID, wanted: WantedRefund) -> int:
    """Write a row; the caller holds the order's `lock`. Returns its number."""
    row = OrderRefund(
        order_id=order_id,
        number=len(await of_order(session, order_id)) + 1,
        payment_id=wanted.payment_id,
        amount=wanted.amount,
        reason=wanted.reason,
        item=wanted.item,
    )
    session.add(row)
    await session.flush()
    return row.number
