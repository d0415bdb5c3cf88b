"""The inbox of the payment provider's events: each is kept once, without its body."""

from collections.abc import Iterable, Sequence
from uuid import UUID

from sqlalchemy import Text, Uuid, case, func, literal, or_, select, update
from sqlalchemy.dialects.postgresql import ARRAY, insert
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from rekindle.contracts.payments import PaymentEvent
from rekindle.models import Order, PaymentEventRecord


async def note(session: AsyncSession, event: PaymentEvent) -> bool:
    """Put an event into the inbox. Returns whether it is new; see `note_all`."""
    return event.event_id in await note_all(session, [event])


async def note_all(session: AsyncSession, events: Iterable[PaymentEvent]) -> set[str]:
    """Put events into the inbox, in one statement. Returns the ids of those that are new.

    One that names neither order nor payment can do no work, and counts as handled.
    """
    # In the same order everywhere: two that write the same events would wait for each other.
    letters = sorted(events, key=lambda each: each.event_id)
    columns = func.unnest(
        literal([each.event_id for each in letters], ARRAY(Text())),
        literal([each.kind for each in letters], ARRAY(Text())),
        literal([each.order_id for each in letters], ARRAY(Uuid())),
        literal([each.payment_id for each in letters], ARRAY(Text())),
    )
    names = ("event_id", "kind", "order_id", "payment_id")
    letter = columns.table_valued(*names, name="letter").render_derived()
    is_nobodys = letter.c.order_id.is_(None) & letter.c.payment_id.is_(None)
    handled_at = case((is_nobodys, func.clock_timestamp()))
    added = (
        insert(PaymentEventRecord)
        .from_select([*names, "handled_at"], select(letter, handled_at).order_by(letter.c.event_id))
        .on_conflict_do_nothing()
        .returning(col(PaymentEventRecord.event_id))
    )
    return set((await session.execute(added)).scalars())


async def handled(session: AsyncSession, event_id: str) -> bool:
    """Note that an event did its work. Returns False when that was known, or it is unknown."""
    change = (
        update(PaymentEventRecord)
        .where(
            col(PaymentEventRecord.event_id) == event_id,
            col(PaymentEventRecord.handled_at).is_(None),
        )
        .values(handled_at=func.clock_timestamp())
        .returning(col(PaymentEventRecord.event_id))
    )
    return (await session.execute(change)).first() is not None


async def waiting_for(session: AsyncSession, order_id: UUID) -> Sequence[str]:
    """Ids of the events that did no work for this order yet."""
    statement = select(col(PaymentEventRecord.event_id)).where(
        col(PaymentEventRecord.order_id) == order_id,
        col(PaymentEventRecord.handled_at).is_(None),
    )
    return (await session.execute(statement)).scalars().all()


async def order_of_payment(session: AsyncSession, payment_id: str) -> Order | None:
    """The order that a payment was granted for, or that an event named along with it."""
    named = select(col(PaymentEventRecord.order_id)).where(
        col(PaymentEventRecord.payment_id) == payment_id,
        col(PaymentEventRecord.order_id).is_not(None),
    )
    is_its = or_(col(Order.payment_id) == payment_id, col(Order.id).in_(named))
    statement = select(Order).where(is_its).order_by(col(Order.created_at), col(Order.id)).limit(1)
    return (await session.execute(statement)).scalar_one_or_none()


async def attribute(session: AsyncSession, event: PaymentEvent) -> UUID | None:
    """Find the order of an event by its payment, and write it into the inbox. Idempotent.

    Returns:
        The order; None when nobody knows the payment.
    """
    if event.payment_id is None:
        return None
    order = await order_of_payment(session, event.payment_id)
    if order is None:
        return None
    change = (
        update(PaymentEventRecord)
        .where(
            col(PaymentEventRecord.event_id) == event.event_id,
            col(PaymentEventRecord.order_id).is_(None),
        )
        .values(order_id=order.id)
    )
    await session.execute(change)
    return order.id
