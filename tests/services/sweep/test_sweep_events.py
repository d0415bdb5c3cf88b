"""Announcements that were lost are found."""

import asyncio
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import structlog
from sqlmodel import select

from activities.sweep import MOST, SweepActivities
from rekindle.adapters.order_workflows import TemporalOrders
from rekindle.contracts.sweep import FetchEvents, WakeStuck, WakeWaiting
from rekindle.models import PaymentEventRecord
from rekindle.store import payment_events
from tests.services.stripe.conftest import Shop
from tests.services.sweep.conftest import Books

MINUTES = timedelta(minutes=1)


def lately() -> FetchEvents:
    return FetchEvents(since=datetime.now(UTC) - timedelta(hours=72))


async def inbox(books: Books) -> list[PaymentEventRecord]:
    async with books.database.transaction() as session:
        return list((await session.execute(select(PaymentEventRecord))).scalars())


async def test_an_event_that_was_never_announced_wakes_its_order(
    sweep: SweepActivities, shop: Shop, books: Books
) -> None:
    await books.order(shop.order_id)
    await shop.paid()
    first = await sweep.fetch_events(lately())
    assert (first.new, first.woken) == (1, 1)
    assert await books.wakes(shop.order_id) == 1
    (event,) = await inbox(books)
    assert (event.kind, event.order_id) == ("checkout.session.completed", shop.order_id)
    again = await sweep.fetch_events(lately())
    assert (again.new, again.woken) == (0, 0)
    assert await books.wakes(shop.order_id) == 1


async def test_what_was_announced_is_not_done_again(
    sweep: SweepActivities, shop: Shop, books: Books
) -> None:
    await books.order(shop.order_id)
    await shop.paid()
    (event,) = await shop.payments.events(since=lately().since)
    async with books.database.transaction() as session:
        await payment_events.note(session, event)
        await payment_events.handled(session, event.event_id)
    assert (await sweep.fetch_events(lately())).new == 0
    assert await books.wakes(shop.order_id) == 0
    assert [each.handled_at is not None for each in await inbox(books)] == [True]


async def test_a_refund_by_hand_finds_its_order_by_the_payment(
    sweep: SweepActivities, shop: Shop, books: Books
) -> None:
    session = await shop.paid()
    await books.order(shop.order_id, payment_id=await shop.payment_of(session))
    await sweep.fetch_events(lately())
    await shop.control("refunds", session=session.session_id, amount=90)
    found = await sweep.fetch_events(lately())
    assert found.new >= 1
    assert found.woken == 1
    assert await books.wakes(shop.order_id) == 2
    assert {each.order_id for each in await inbox(books)} == {shop.order_id}


async def test_events_of_an_order_that_nobody_knows_are_kept_and_wake_nobody(
    sweep: SweepActivities, shop: Shop, books: Books
) -> None:
    await shop.paid()
    found = await sweep.fetch_events(lately())
    assert (found.new, found.woken) == (1, 0)
    assert await books.wakes(shop.order_id) == 0
    assert [each.handled_at for each in await inbox(books)] == [None]


async def test_a_run_takes_so_many_new_events_and_the_next_one_the_others(
    sweep: SweepActivities, shop: Shop, books: Books
) -> None:
    await books.order(shop.order_id)
    for first in range(0, MOST + 5, 41):
        await asyncio.gather(*(shop.paid(key=f"order:{n}") for n in range(first, first + 41)))
    one = await sweep.fetch_events(lately())
    assert (one.new, one.woken) == (MOST, 1)
    assert one.until is not None
    two = await sweep.fetch_events(FetchEvents(since=one.until - 15 * MINUTES))
    assert two.new == len(await inbox(books)) - MOST >= 5


async def test_an_event_that_did_no_work_wakes_its_order_after_a_minute(
    sweep: SweepActivities, books: Books
) -> None:
    young, old, done = [await books.order() for _ in range(3)]
    await books.event("evt_young", order_id=young)
    await books.event("evt_old", order_id=old, age=2 * MINUTES)
    await books.event("evt_again", order_id=old, age=3 * MINUTES)
    await books.event("evt_done", order_id=done, age=2 * MINUTES, handled_at=datetime.now(UTC))
    assert (await sweep.wake_waiting(WakeWaiting())).woken == 1
    assert [await books.wakes(each) for each in (young, old, done)] == [0, 1, 0]


async def test_an_event_that_names_a_payment_finds_its_order_later(
    sweep: SweepActivities, books: Books
) -> None:
    granted = await books.order(payment_id="pi_granted")
    named = await books.order()
    await books.event("evt_1", payment_id="pi_granted", age=2 * MINUTES)
    await books.event("evt_2", payment_id="pi_named", order_id=named, handled_at=datetime.now(UTC))
    await books.event("evt_3", payment_id="pi_named", age=2 * MINUTES)
    await books.event("evt_4", payment_id="pi_nobodys", age=2 * MINUTES)
    assert (await sweep.wake_waiting(WakeWaiting())).woken == 2
    assert [await books.wakes(each) for each in (granted, named)] == [1, 1]
    rows = {each.event_id: each.order_id for each in await inbox(books)}
    assert rows == {"evt_1": granted, "evt_2": named, "evt_3": named, "evt_4": None}


async def test_events_of_no_order_are_told_once_after_an_hour(
    sweep: SweepActivities, books: Books
) -> None:
    await books.event("evt_stranger", order_id=uuid4(), age=61 * MINUTES)
    await books.event("evt_payment", payment_id="pi_nobodys", age=62 * MINUTES)
    await books.event("evt_fresh", order_id=uuid4(), age=59 * MINUTES)
    with structlog.testing.capture_logs() as logs:
        first = await sweep.wake_waiting(WakeWaiting())
    assert (first.woken, first.nobodys) == (0, 2)
    (line,) = [each for each in logs if each["event"] == "payment_events_of_no_order"]
    assert line["log_level"] == "warning"
    assert set(line["events"]) == {"evt_stranger", "evt_payment"}
    with structlog.testing.capture_logs() as logs:
        again = await sweep.wake_waiting(WakeWaiting(told_until=first.told_until))
    assert (again.nobodys, again.told_until) == (2, first.told_until)
    assert [each for each in logs if each["event"] == "payment_events_of_no_order"] == []
    assert len(await inbox(books)) == 3


async def test_where_nothing_can_be_bought_nothing_is_done(books: Books) -> None:
    disabled = SweepActivities(
        database=books.database, payments=None, orders=TemporalOrders(books.client)
    )
    order_id = await books.order(age=60 * MINUTES, status="paid")
    await books.event("evt_1", order_id=order_id, age=60 * MINUTES)
    fetched = await disabled.fetch_events(lately())
    waiting = await disabled.wake_waiting(WakeWaiting())
    stuck = await disabled.wake_stuck(WakeStuck())
    assert (fetched.until, fetched.new, waiting.woken, stuck.woken) == (None, 0, 0, 0)
    assert await books.wakes(order_id) == 0
