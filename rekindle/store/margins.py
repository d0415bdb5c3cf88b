"""What paid orders brought, and what their GPU time cost."""

from collections import defaultdict
from collections.abc import Sequence
from decimal import Decimal
from uuid import UUID

from sqlalchemy import Numeric, cast, func, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from rekindle.contracts.orders import OrderStatus, hd_attempt_id, hd_item_attempt_id
from rekindle.models import Attempt, GpuUse, Order, OrderItem, OrderRefund
from rekindle.rules.costs import NOTHING, Period
from rekindle.rules.margins import OrderMargin
from rekindle.store import order_items
from rekindle.store.arrays import is_among


async def of_orders(session: AsyncSession, period: Period) -> tuple[OrderMargin, ...]:
    """Every order that was paid within a period, the newest first."""
    statement = (
        select(Order)
        .where(col(Order.paid_at) >= period.begin, col(Order.paid_at) < period.end)
        .order_by(col(Order.paid_at).desc(), col(Order.id))
    )
    orders = (await session.execute(statement)).scalars().all()
    items = await order_items.of_orders(session, [each.id for each in orders])
    made = {each.id: _made(each, items[each.id]) for each in orders}
    made_from = await _sources(session, sorted(set().union(*made.values())))
    attempts = {
        key: ids | {made_from[a] for a in ids & made_from.keys()} for key, ids in made.items()
    }
    costs = await _costs(session, sorted(set().union(*attempts.values())))
    given = await _given_back(session, orders)
    return tuple(
        OrderMargin(
            order_id=each.id,
            product=each.product,
            status=each.status,
            paid_at=each.paid_at,
            price=each.amount,
            given_back=given[each.id],
            currency=each.currency,
            gpu_usd=sum((costs.get(a, NOTHING) for a in attempts[each.id]), NOTHING),
        )
        for each in orders
        if each.paid_at is not None
    )


def _made(order: Order, items: Sequence[OrderItem]) -> set[UUID]:
    """What an order sold, and its HD: all of its attempts but those they were made from."""
    found = {hd_item_attempt_id(order.id, each.number) for each in items}
    found |= {each.attempt_id for each in items}
    return found | ({hd_attempt_id(order.id), order.attempt_id} if order.attempt_id else set())


async def _sources(session: AsyncSession, attempt_ids: Sequence[UUID]) -> dict[UUID, UUID]:
    """What attempts were made from, as long as their rows are there."""
    statement = select(col(Attempt.id), col(Attempt.source_id)).where(
        is_among(col(Attempt.id), attempt_ids),
        col(Attempt.source_id).is_not(None),
    )
    rows = (await session.execute(statement)).all()
    return {made: source for made, source in rows if source is not None}


async def _costs(session: AsyncSession, attempt_ids: Sequence[UUID]) -> dict[UUID, Decimal]:
    """What all tries of each attempt cost, US dollars."""
    usd = func.sum(cast(col(GpuUse.gpu_seconds), Numeric) * col(GpuUse.usd_per_hour) / 3600)
    statement = (
        select(col(GpuUse.attempt_id), usd)
        .where(
            is_among(col(GpuUse.attempt_id), attempt_ids),
            col(GpuUse.usd_per_hour).is_not(None),
        )
        .group_by(col(GpuUse.attempt_id))
    )
    return {each: Decimal(cost) for each, cost in (await session.execute(statement)).all()}


async def _given_back(session: AsyncSession, orders: Sequence[Order]) -> dict[UUID, int]:
    """What goes back of each order's price by our ledger; all of it when the order is refunded.

    An order that is refunded, or disputed, keeps nothing, whoever took it back.
    """
    over = (OrderStatus.REFUNDED, OrderStatus.REFUNDING, OrderStatus.DISPUTED)
    given: dict[UUID, int] = defaultdict(int)
    counted = (
        select(col(OrderRefund.order_id), func.sum(col(OrderRefund.amount)))
        .join(Order, col(Order.id) == col(OrderRefund.order_id))
        .where(
            is_among(col(OrderRefund.order_id), [each.id for each in orders]),
            col(OrderRefund.payment_id) == col(Order.payment_id),
            col(OrderRefund.void_at).is_(None),
        )
        .group_by(col(OrderRefund.order_id))
    )
    for order_id, amount in (await session.execute(counted)).all():
        given[order_id] = int(amount)
    for order in orders:
        whole = order.amount if order.status in over else given[order.id]
        given[order.id] = min(whole, order.amount)
    return given
