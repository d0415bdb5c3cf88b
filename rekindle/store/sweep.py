"""What a sweep finds: events that did no work, and orders that stand still."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import ColumnElement, and_, case, exists, func, literal, or_, select, update
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import aliased
from sqlmodel import col

from rekindle.contracts.orders import OrderStatus
from rekindle.models import Order, OrderRefund, PaymentEventRecord
from rekindle.rules.orders import GRACE

_OLDEST = timedelta(days=30)
_S = OrderStatus
_UNPAID = (_S.CREATED, _S.AWAITING_PAYMENT)
_MOVING = (_S.PAID, _S.RENDERING, _S.REFUNDING, _S.DISPUTED)
_OVER = (_S.EXPIRED, _S.REFUNDED, _S.DISPUTED)


@dataclass(frozen=True)
class Nobodys:
    """Events whose order nobody knows.

    Attributes:
        count: of all of them.
        latest: when the last of them was received.
        fresh: ids of some that were not told of before.
    """

    count: int
    latest: datetime | None
    fresh: Sequence[str]


async def known_events(session: AsyncSession, event_ids: Sequence[str]) -> set[str]:
    """Those of the events that are in the inbox."""
    ids = col(PaymentEventRecord.event_id)
    return set((await session.execute(select(ids).where(ids.in_(event_ids)))).scalars())


async def known_orders(session: AsyncSession, order_ids: Sequence[UUID]) -> set[UUID]:
    """Those of the orders that there are."""
    ids = col(Order.id)
    return set((await session.execute(select(ids).where(ids.in_(order_ids)))).scalars())


async def attribute_waiting(session: AsyncSession) -> None:
    """Find the orders of waiting events that name only a payment. Idempotent; one statement."""
    other = aliased(PaymentEventRecord)
    granted = (
        select(col(Order.id))
        .where(col(Order.payment_id) == col(PaymentEventRecord.payment_id))
        .limit(1)
        .scalar_subquery()
    )
    named = (
        select(col(other.order_id))
        .where(
            col(other.payment_id) == col(PaymentEventRecord.payment_id),
            col(other.order_id).is_not(None),
        )
        .limit(1)
        .scalar_subquery()
    )
    found = func.coalesce(granted, named)
    change = (
        update(PaymentEventRecord)
        .where(
            _is_waiting(timedelta(0)),
            col(PaymentEventRecord.order_id).is_(None),
            found.is_not(None),
        )
        .values(order_id=found)
        .execution_options(synchronize_session=False)
    )
    await session.execute(change)


async def orders_of_waiting(
    session: AsyncSession, *, older_than: timedelta, most: int
) -> Sequence[UUID]:
    """Orders with events that did no work for so long; of too many, any."""
    statement = (
        select(col(Order.id))
        .where(
            exists().where(
                col(PaymentEventRecord.order_id) == col(Order.id), _is_waiting(older_than)
            )
        )
        # In no fixed order: orders that never come to rest must not keep others from their turn.
        .order_by(func.random())
        .limit(most)
    )
    return (await session.execute(statement)).scalars().all()


async def nobodys_events(
    session: AsyncSession, *, older_than: timedelta, after: datetime | None, most: int
) -> Nobodys:
    """Events that wait for so long, and whose order nobody knows.

    Args:
        after: those received until then are counted, and are not `fresh`.
        most: of `fresh`, the latest.
    """
    has_order = exists().where(col(Order.id) == col(PaymentEventRecord.order_id))
    is_nobodys = and_(_is_waiting(older_than), ~has_order)
    received = col(PaymentEventRecord.received_at)
    counted = select(func.count(), func.max(received)).where(is_nobodys)
    count, latest = (await session.execute(counted)).one()
    fresh = (
        select(col(PaymentEventRecord.event_id))
        .where(is_nobodys, *([received > after] if after is not None else []))
        .order_by(received.desc())
        .limit(most)
    )
    return Nobodys(count, latest, (await session.execute(fresh)).scalars().all())


async def stuck_orders(
    session: AsyncSession,
    *,
    since: datetime | None,
    until: datetime,
    pause: timedelta,
    long_pause: timedelta,
    most: int,
) -> Sequence[UUID]:
    """Orders that should move on, and did not change for one more `pause` within a time.

    So each is found once in a `pause`, however often it is asked for; one that has not changed for
    a day, once in a `long_pause`.

    Args:
        since: begin of that time; None finds every order that did not change for a `pause`.
        until: its end, by the database's clock.
        most: of too many, any.
    """
    changed = col(Order.updated_at)
    length = case(
        (changed > until - timedelta(days=1), pause.total_seconds()),
        else_=long_pause.total_seconds(),
    )

    def pauses(at: datetime) -> ColumnElement[int]:
        return func.floor(func.extract("epoch", literal(at) - changed) / length)

    is_due = [pauses(until) > func.greatest(pauses(since), 0)] if since is not None else []
    statement = (
        select(col(Order.id))
        .where(changed <= until - pause, _should_move(until), *is_due)
        .order_by(func.random())
        .limit(most)
    )
    return (await session.execute(statement)).scalars().all()


async def now(session: AsyncSession) -> datetime:
    """The time by the clock that wrote the rows."""
    found: datetime = (await session.execute(select(func.clock_timestamp()))).scalar_one()
    return found


def _is_waiting(older_than: timedelta) -> ColumnElement[bool]:
    """Whether an event did no work for so long. What is very old is kept, and let be."""
    received, time = col(PaymentEventRecord.received_at), func.clock_timestamp()
    return and_(
        col(PaymentEventRecord.handled_at).is_(None),
        received <= time - literal(older_than),
        received > time - literal(_OLDEST),
    )


def _should_move(at: datetime) -> ColumnElement[bool]:
    """Whether an order is not where it could stay."""
    status, closed = col(Order.status), col(Order.closed_at)
    unanswered = exists().where(
        col(OrderRefund.order_id) == col(Order.id),
        col(OrderRefund.refund_id).is_(None),
        col(OrderRefund.void_at).is_(None),
    )
    return or_(
        status.in_(_MOVING),
        and_(status.in_(_UNPAID), col(Order.expires_at) <= at - GRACE),
        and_(closed.is_not(None), status.not_in(_OVER)),
        unanswered,
    )
