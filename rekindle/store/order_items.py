"""The items of orders over several photos.

Whoever changes an item holds the lock of its order's row. Such an order is told to no job, so its
writers take no job's turn, except whoever makes it (`rekindle.store.album_orders`).
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import Select, and_, func, select, union_all, update
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from rekindle.contracts.orders import HdState, OrderStatus, Product
from rekindle.contracts.statuses import JobStatus
from rekindle.models import Job, Order, OrderItem
from rekindle.rules.order_items import ItemState, hd_of
from rekindle.store import orders

_FINAL = (HdState.READY, HdState.FAILED)
_GRANTED = (OrderStatus.PAID, OrderStatus.RENDERING, OrderStatus.DELIVERED)
_UNSEEN = {"synchronize_session": False}
"""Rows are read again where they are needed."""


@dataclass(frozen=True)
class ItemHd:
    """What became of an item's HD object.

    Attributes:
        error_code: why it failed.
        object_key: of the object that is ready.
    """

    hd: HdState
    error_code: str | None = None
    object_key: str | None = None


@dataclass(frozen=True)
class Sale:
    """An order that is not over, of an attempt: alone, or as one of several.

    Attributes:
        item: of the order; None of an order of that attempt alone.
    """

    order: Order
    item: OrderItem | None

    @property
    def hd(self) -> HdState:
        """What became of the attempt's HD object."""
        return HdState(self.order.hd if self.item is None else self.item.hd)

    @property
    def status(self) -> OrderStatus:
        """Where the order stands."""
        return OrderStatus(self.order.status)

    @property
    def is_readable(self) -> bool:
        """Whether its HD object may be read, as far as the order tells."""
        return self.hd is HdState.READY and self.status in _GRANTED


async def of_orders(
    session: AsyncSession, order_ids: Collection[UUID]
) -> Mapping[UUID, Sequence[OrderItem]]:
    """The items of these orders, in the order of their numbers; one statement."""
    statement = (
        select(OrderItem)
        .where(col(OrderItem.order_id).in_(order_ids))
        .order_by(col(OrderItem.order_id), col(OrderItem.number))
        .execution_options(populate_existing=True)
    )
    found: dict[UUID, list[OrderItem]] = {each: [] for each in order_ids}
    for item in (await session.execute(statement)).scalars():
        found[item.order_id].append(item)
    return found


async def of_order(session: AsyncSession, order: Order) -> Sequence[OrderItem]:
    """The items of an order; no statement where there can be none."""
    if order.product != Product.ALBUM:
        return ()
    return (await of_orders(session, [order.id]))[order.id]


def states(items: Sequence[OrderItem]) -> tuple[ItemState, ...]:
    """What the rules need to know of items."""
    return tuple(ItemState(each.number, each.share, HdState(each.hd)) for each in items)


async def note(session: AsyncSession, order_id: UUID, ends: Mapping[int, ItemHd]) -> bool:
    """Note what became of HD objects. Ready and failed are final; False if nothing changed.

    An item that failed is over: its attempt may be ordered anew.
    """
    order = await orders.lock(session, order_id)
    if order is None:
        return False
    has_changed = False
    for item in await of_order(session, order):
        now = ends.get(item.number)
        if now is None or item.hd == now.hd or item.hd in _FINAL:
            continue
        change = update(OrderItem).where(
            col(OrderItem.order_id) == order_id, col(OrderItem.number) == item.number
        )
        values: dict[str, Any] = {
            "hd": now.hd,
            "error_code": now.error_code,
            "object_key": now.object_key,
        }
        if now.hd is HdState.FAILED:
            values["closed_at"] = func.clock_timestamp()
        await session.execute(change.values(values), execution_options=_UNSEEN)
        has_changed = True
    if not has_changed:
        return False
    together = hd_of(states(await of_order(session, order)))
    return await orders.change(session, order_id, hd=together, **orders.status_with(together))


async def entitle(session: AsyncSession, order_id: UUID, numbers: Collection[int]) -> None:
    """Grant the right to these items' objects, anew if it was revoked; revoke all others."""
    is_its = col(OrderItem.order_id) == order_id
    is_granted = and_(col(OrderItem.granted_at).is_not(None), col(OrderItem.revoked_at).is_(None))
    is_wanted, time = col(OrderItem.number).in_(numbers), func.clock_timestamp()
    revoked = update(OrderItem).where(is_its, is_granted, ~is_wanted).values(revoked_at=time)
    granted = (
        update(OrderItem)
        .where(is_its, ~is_granted, is_wanted)
        .values(granted_at=time, revoked_at=None)
    )
    for change in (revoked, granted):
        await session.execute(change, execution_options=_UNSEEN)


async def sales(
    session: AsyncSession, attempt_ids: Collection[UUID], product: Product
) -> Mapping[UUID, Sale]:
    """The orders that are not over, by the attempts whose product they sell; one statement."""
    alone: Select[Any, UUID] = select(
        col(Order.attempt_id).label("attempt_id"), col(Order.id).label("order_id")
    ).where(
        col(Order.attempt_id).in_(attempt_ids),
        col(Order.product) == product,
        col(Order.closed_at).is_(None),
    )
    together = select(col(OrderItem.attempt_id), col(OrderItem.order_id)).where(
        col(OrderItem.attempt_id).in_(attempt_ids),
        col(OrderItem.product) == product,
        col(OrderItem.closed_at).is_(None),
    )
    sold = union_all(alone, together).subquery("sold")
    its_item = and_(
        col(OrderItem.order_id) == sold.c.order_id,
        col(OrderItem.attempt_id) == sold.c.attempt_id,
    )
    statement = (
        select(sold.c.attempt_id, Order, OrderItem)
        .join(Order, col(Order.id) == sold.c.order_id)
        .outerjoin(OrderItem, its_item)
        .execution_options(populate_existing=True)
    )
    rows = (await session.execute(statement)).all()
    return {attempt_id: Sale(order, item) for attempt_id, order, item in rows}


async def email(session: AsyncSession, order: Order) -> str | None:
    """The address of who buys it; None when a job of what is sold is gone. One statement."""
    status, address = col(Job.status), col(Job.email)
    statement = select(address, status).outerjoin_from(Order, Job, col(Job.id) == col(Order.job_id))
    if order.product == Product.ALBUM:
        statement = (
            select(address, status)
            .outerjoin_from(OrderItem, Job, col(Job.id) == col(OrderItem.job_id))
            .where(col(OrderItem.order_id) == order.id)
            .order_by(col(OrderItem.number))
        )
    else:
        statement = statement.where(col(Order.id) == order.id)
    rows = (await session.execute(statement)).all()
    is_whole = rows and all(found and state != JobStatus.DELETED for found, state in rows)
    return rows[0][0] if is_whole else None
