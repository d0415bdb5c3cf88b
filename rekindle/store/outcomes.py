"""What an order comes to, read and written as one: its state, its ledger, its entitlement."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import CompoundSelect, func, or_, select, union, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from rekindle.contracts.orders import HdState, OrderStatus, Product
from rekindle.models import Entitlement, Order, OrderRefund, PaymentEventRecord
from rekindle.rules.orders import OrderState, Outcome
from rekindle.rules.refunds import AskedRefund
from rekindle.store import order_items, orders, refunds


async def state(session: AsyncSession, order: Order) -> OrderState:
    """What the rules need to know of an order; take its `lock` first where it matters."""
    rows = await refunds.of_order(session, order.id)
    items = await order_items.of_order(session, order)
    return OrderState(
        order_id=order.id,
        amount=order.amount,
        currency=order.currency,
        expires_at=order.expires_at,
        is_closed=order.closed_at is not None,
        hd=HdState(order.hd),
        payment_id=order.payment_id,
        refunds=tuple(map(asked, rows)),
        items=order_items.states(items),
    )


def asked(row: OrderRefund) -> AskedRefund:
    """A row of the ledger as the rules know it."""
    is_void = row.void_at is not None
    return AskedRefund(row.number, row.payment_id, row.amount, row.refund_id, is_void, row.item)


async def payment_ids(session: AsyncSession, order: Order) -> list[str]:
    """The payments that anybody ever named for an order, in their alphabetical order."""
    named: CompoundSelect[str] = union(
        select(col(PaymentEventRecord.payment_id)).where(
            col(PaymentEventRecord.order_id) == order.id,
            col(PaymentEventRecord.payment_id).is_not(None),
        ),
        select(col(OrderRefund.payment_id)).where(col(OrderRefund.order_id) == order.id),
    )
    found = set((await session.execute(named)).scalars().all())
    return sorted(found | ({order.payment_id} if order.payment_id else set()))


async def record(
    session: AsyncSession, order: Order, outcome: Outcome, *, object_key: str
) -> Sequence[OrderRefund] | None:
    """Write what an order came to: status, ledger, entitlement. Idempotent.

    Args:
        order: as it was before the provider was read; its version decides.
        outcome: of `reconcile`, computed from that order and the ledger at that time.
        object_key: of the HD object; items of an order over several photos have their own.

    Returns:
        The rows of the ledger whose call is to be made now, each with its own key; None, and
        nothing is written, when the order has changed meanwhile: read everything again.
    """
    now = await orders.lock(session, order.id)
    if now is None or now.version != order.version:
        return None
    await _record_status(session, now, outcome)
    for number, refund_id in outcome.found.items():
        await refunds.answer(session, order.id, number, refund_id)
    await refunds.void(session, order.id, outcome.void)
    added = [await refunds.append(session, order.id, wanted) for wanted in outcome.refunds]
    if added or outcome.void:
        await orders.change(session, order.id)  # whoever read the ledger before begins anew
    if order.product == Product.ALBUM:
        await order_items.entitle(session, order.id, outcome.entitled_items)
    else:
        await _entitle(session, order.id, object_key if outcome.is_entitled else None)
    calls = {*outcome.repeat, *added}
    return [row for row in await refunds.of_order(session, order.id) if row.number in calls]


async def granted_key(session: AsyncSession, order_id: UUID) -> str | None:
    """The key of the HD object that the order ever gave the right to, revoked or not."""
    statement = select(col(Entitlement.object_key)).where(col(Entitlement.order_id) == order_id)
    return (await session.execute(statement)).scalar_one_or_none()


async def _record_status(session: AsyncSession, now: Order, outcome: Outcome) -> None:
    """Change the order's row if that changes anything."""
    time, changes = func.clock_timestamp(), dict[str, Any]()
    if outcome.status != now.status:
        changes["status"] = outcome.status
        if outcome.status is OrderStatus.DELIVERED:
            changes["delivered_at"] = func.coalesce(Order.delivered_at, time)
    if outcome.payment_id != now.payment_id:
        changes["payment_id"] = outcome.payment_id
        changes["paid_at"] = func.coalesce(Order.paid_at, time)
    if outcome.is_closed and now.closed_at is None:
        changes["closed_at"] = time
    if changes:
        await orders.change(session, now.id, **changes)


async def _entitle(session: AsyncSession, order_id: UUID, object_key: str | None) -> None:
    """Grant the right to an object, anew if it was revoked; None revokes."""
    if object_key is None:
        revoked = (
            update(Entitlement)
            .where(col(Entitlement.order_id) == order_id, col(Entitlement.revoked_at).is_(None))
            .values(revoked_at=func.clock_timestamp())
        )
        await session.execute(revoked)
        return
    new = insert(Entitlement).values(order_id=order_id, object_key=object_key)
    granted = new.on_conflict_do_update(
        index_elements=[col(Entitlement.order_id)],
        where=or_(
            col(Entitlement.revoked_at).is_not(None),
            col(Entitlement.object_key) != new.excluded.object_key,
        ),
        set_={
            "object_key": new.excluded.object_key,
            "granted_at": func.clock_timestamp(),
            "revoked_at": None,
        },
    )
    await session.execute(granted)
