"""Orders over the photos of an album: made here; afterwards they are orders as all others.

Lock order: the album's row, then the turns of its jobs in the order of their ids, then the rows of
orders in the order of theirs. Whoever sells an attempt has the turn of its job, so that no attempt
is in two orders that are not over.
"""

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from rekindle.contracts.orders import OrderStatus
from rekindle.models import AlbumItem, Order, OrderItem
from rekindle.store import albums, events

_UNPAID = (OrderStatus.CREATED, OrderStatus.AWAITING_PAYMENT)


async def take_turns(session: AsyncSession, album_id: UUID) -> bool:
    """Keep an album as it is, and wait for the turns at its jobs. False when it is gone."""
    if await albums.lock(session, album_id) is None:
        return False
    jobs = (
        select(col(AlbumItem.job_id))
        .where(col(AlbumItem.album_id) == album_id)
        .order_by(col(AlbumItem.job_id))
    )
    await session.execute(select(events.turn(jobs).c.job_id))
    return True


async def take_turn(session: AsyncSession, job_id: UUID) -> None:
    """Wait for the turn at one job."""
    await session.execute(select(events.turn_at(job_id).c.job_id))


async def unpaid(session: AsyncSession, album_id: UUID) -> Sequence[Order]:
    """Orders of an album that nobody has paid, and that are not over; by their ids."""
    statement = (
        select(Order)
        .where(
            col(Order.album_id) == album_id,
            col(Order.closed_at).is_(None),
            col(Order.status).in_(_UNPAID),
        )
        .order_by(col(Order.id))
    )
    return (await session.execute(statement)).scalars().all()


async def write(session: AsyncSession, order: Order, items: Sequence[OrderItem]) -> None:
    """Write a new order and its items; whoever does has the turns of all their jobs.

    Args:
        items: their shares are the order's amount.
    """
    if sum(each.share for each in items) != order.amount:
        raise ValueError("the shares are not the price")
    session.add(order)
    await session.flush()
    session.add_all(items)
    await session.flush()
