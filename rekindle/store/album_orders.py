"""Orders over the photos of an album: made here; afterwards they are orders as all others.

Lock order: the album's row, then the turns of its jobs in the order of their ids, then the rows of
orders in the order of theirs. Whoever sells an attempt has the turn of its job, so that no attempt
is in two orders that are not over.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Select, and_, case, func, or_, select, union_all
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from rekindle.contracts.orders import HdState, OrderStatus, Product
from rekindle.contracts.statuses import JobStatus
from rekindle.models import AlbumItem, Entitlement, Job, Order, OrderItem
from rekindle.store import albums, events

_UNPAID = (OrderStatus.CREATED, OrderStatus.AWAITING_PAYMENT)
_UNDER_WAY = (OrderStatus.PAID, OrderStatus.RENDERING)
_UNMADE = (HdState.WAITING, HdState.RENDERING)


@dataclass(frozen=True)
class AlbumHd:
    """An HD picture of a photo in an album, that was paid for.

    Attributes:
        object_key: None while it is still being made.
        made_at: when it could be read first.
    """

    attempt_id: UUID
    object_key: str | None
    made_at: datetime


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


async def hds(session: AsyncSession, album_id: UUID) -> Sequence[AlbumHd]:
    """The HD pictures that were paid for of the photos in an album, in its order; one statement.

    However they were bought, and whichever restoration of a photo they are of: those that may be
    read, and those that are owed and still being made.
    """
    is_image = col(Order.product) == Product.HD_IMAGE
    may_read = and_(
        col(Entitlement.order_id) == col(Order.id), col(Entitlement.revoked_at).is_(None)
    )
    is_owed = and_(col(Order.status).in_(_UNDER_WAY), col(Order.closed_at).is_(None))
    alone: Select[*tuple[Any, ...]] = (
        select(
            col(Order.job_id).label("job_id"),
            col(Order.attempt_id).label("attempt_id"),
            col(Entitlement.object_key).label("object_key"),
            func.coalesce(col(Entitlement.granted_at), col(Order.created_at)).label("made_at"),
        )
        .outerjoin(Entitlement, may_read)
        .where(
            is_image,
            or_(
                col(Entitlement.object_key).is_not(None),
                and_(is_owed, col(Order.hd).in_(_UNMADE)),
            ),
        )
    )
    is_granted = and_(col(OrderItem.granted_at).is_not(None), col(OrderItem.revoked_at).is_(None))
    among = (
        select(
            col(OrderItem.job_id),
            col(OrderItem.attempt_id),
            case((is_granted, col(OrderItem.object_key))),
            func.coalesce(col(OrderItem.granted_at), col(Order.created_at)),
        )
        .join(Order, col(Order.id) == col(OrderItem.order_id))
        .where(or_(is_granted, and_(is_owed, col(OrderItem.hd).in_(_UNMADE))))
    )
    its_jobs = select(col(AlbumItem.job_id)).where(col(AlbumItem.album_id) == album_id)
    paid = union_all(
        alone.where(col(Order.job_id).in_(its_jobs)),
        among.where(col(OrderItem.job_id).in_(its_jobs)),
    ).subquery("paid")
    is_there = and_(col(Job.id) == paid.c.job_id, col(Job.status) != JobStatus.DELETED)
    statement = (
        select(paid.c.attempt_id, paid.c.object_key, paid.c.made_at)
        .join(AlbumItem, col(AlbumItem.job_id) == paid.c.job_id)
        .join(Job, is_there)
        .where(col(AlbumItem.album_id) == album_id)
        .order_by(col(AlbumItem.position), col(AlbumItem.job_id), paid.c.made_at, paid.c.attempt_id)
    )
    rows = (await session.execute(statement)).all()
    return [AlbumHd(*row) for row in rows]
