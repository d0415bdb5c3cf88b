import asyncio
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import pytest

from rekindle.contracts.payments import PaymentEvent
from rekindle.models import Order
from rekindle.store import orders, outcomes, payment_events, sweep
from rekindle.store.database import Database


@pytest.fixture
def event() -> PaymentEvent:
    return PaymentEvent(
        event_id=f"evt_{uuid4()}",
        kind="charge.refunded",
        created_at=datetime.now(UTC),
        order_id=None,
        payment_id=f"pi_{uuid4()}",
    )


async def note(database: Database, event: PaymentEvent) -> bool:
    async with database.transaction() as session:
        return await payment_events.note(session, event)


async def waiting(database: Database, age: timedelta) -> set[str]:
    async with database.transaction() as session:
        found = await sweep.nobodys_events(session, older_than=age, after=None, most=10_000)
    return set(found.fresh)


async def order_of(database: Database, payment_id: str) -> UUID | None:
    async with database.transaction() as session:
        found = await payment_events.order_of_payment(session, payment_id)
    return None if found is None else found.id


async def test_an_event_received_many_times_at_once_is_new_once(
    database: Database, event: PaymentEvent
) -> None:
    found = await asyncio.gather(*(note(database, event) for _ in range(8)))
    assert sorted(found) == [False] * 7 + [True]


async def test_an_event_waits_until_it_was_handled(database: Database, event: PaymentEvent) -> None:
    await note(database, event)
    assert event.event_id in await waiting(database, timedelta(0))
    assert event.event_id not in await waiting(database, timedelta(hours=1))
    async with database.transaction() as session:
        assert await payment_events.handled(session, event.event_id)
        assert not await payment_events.handled(session, event.event_id)
    assert event.event_id not in await waiting(database, timedelta(0))
    assert not await note(database, event)


async def test_an_event_of_an_unknown_order_is_kept(
    database: Database, event: PaymentEvent
) -> None:
    assert await note(database, replace(event, order_id=uuid4()))
    assert await order_of(database, event.payment_id or "") is None


async def test_a_payment_leads_to_the_order_that_an_event_named_with_it(
    database: Database, event: PaymentEvent, new_order: Order
) -> None:
    async with database.transaction() as session:
        order = await orders.open_or_reuse(session, new_order)
    payment_id = event.payment_id or ""
    assert await order_of(database, payment_id) is None
    await note(database, replace(event, order_id=order.id))
    assert await order_of(database, payment_id) == order.id
    async with database.transaction() as session:
        assert await outcomes.payment_ids(session, order) == [payment_id]
