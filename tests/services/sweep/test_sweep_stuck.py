"""Orders that stand still are woken, and not too often."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from activities.sweep import SweepActivities
from rekindle.contracts.orders import OrderStatus
from rekindle.contracts.sweep import WakeStuck
from rekindle.models import OrderRefund
from rekindle.store import sweep as sweep_store
from tests.services.sweep.conftest import Books

S = OrderStatus
MINUTES = timedelta(minutes=1)
PAST = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.mark.parametrize("status", [S.PAID, S.RENDERING, S.REFUNDING, S.DISPUTED])
async def test_an_order_that_should_move_is_woken(
    status: OrderStatus, sweep: SweepActivities, books: Books
) -> None:
    still = await books.order(status=status, age=16 * MINUTES)
    moving = await books.order(status=status, age=14 * MINUTES)
    assert (await sweep.wake_stuck(WakeStuck())).woken == 1
    assert [await books.wakes(each) for each in (still, moving)] == [1, 0]


@pytest.mark.parametrize("status", [S.CREATED, S.AWAITING_PAYMENT])
async def test_an_unpaid_order_is_woken_when_its_offer_has_ended(
    status: OrderStatus, sweep: SweepActivities, books: Books
) -> None:
    now = datetime.now(UTC)
    over = await books.order(status=status, age=60 * MINUTES, expires_at=now - 11 * MINUTES)
    grace = await books.order(status=status, age=60 * MINUTES, expires_at=now - 5 * MINUTES)
    offered = await books.order(status=status, age=60 * MINUTES)
    assert (await sweep.wake_stuck(WakeStuck())).woken == 1
    assert [await books.wakes(each) for each in (over, grace, offered)] == [1, 0, 0]


@pytest.mark.parametrize("status", [S.DELIVERED, S.EXPIRED, S.REFUNDED])
async def test_an_order_at_its_end_is_let_be(
    status: OrderStatus, sweep: SweepActivities, books: Books
) -> None:
    closed_at = None if status is S.DELIVERED else PAST
    await books.order(status=status, age=60 * MINUTES, closed_at=closed_at, expires_at=PAST)
    assert (await sweep.wake_stuck(WakeStuck())).woken == 0


async def test_money_that_was_to_go_back_wakes_a_delivered_order(
    sweep: SweepActivities, books: Books
) -> None:
    closed = await books.order(status=S.DELIVERED, age=60 * MINUTES, closed_at=PAST)
    asked, answered, void = [
        await books.order(status=S.DELIVERED, age=60 * MINUTES) for _ in range(3)
    ]
    facts: dict[str, Any] = {"number": 1, "payment_id": "pi_1", "amount": 5, "reason": "operator"}
    await books.add(OrderRefund(order_id=asked, **facts))
    await books.add(OrderRefund(order_id=answered, refund_id="re_1", **facts))
    await books.add(OrderRefund(order_id=void, void_at=PAST, **facts))
    assert (await sweep.wake_stuck(WakeStuck())).woken == 2
    woken = [await books.wakes(each) for each in (closed, asked, answered, void)]
    assert woken == [1, 1, 0, 0]


async def test_an_order_is_woken_once_in_each_quarter_of_an_hour(books: Books) -> None:
    order_id = await books.order(status=S.PAID)
    found = await minutes_of_wakes(books, timedelta(hours=1))
    assert [round(each / MINUTES) for each in found] == [15, 30, 45, 60]
    async with books.database.transaction() as session:
        assert await sweep_store.known_orders(session, [order_id]) == {order_id}


async def test_an_order_that_has_stood_for_days_is_woken_seldom(books: Books) -> None:
    await books.order(status=S.DISPUTED, age=timedelta(days=40))
    found = await minutes_of_wakes(books, timedelta(hours=24))
    assert len(found) == 4


async def minutes_of_wakes(books: Books, length: timedelta) -> list[timedelta]:
    """When the orders of a database are found by looks a minute apart, in the time to come."""
    async with books.database.transaction() as session:
        begin = last = await sweep_store.now(session)
        found = []
        while last - begin < length:
            until = last + MINUTES
            stuck = await sweep_store.stuck_orders(
                session,
                since=last,
                until=until,
                pause=15 * MINUTES,
                long_pause=timedelta(hours=6),
                most=10,
            )
            found += [until - begin] * len(stuck)
            last = until
    return found


async def test_of_too_many_stuck_orders_everyone_has_a_turn(books: Books) -> None:
    orders = {await books.order(status=S.PAID, age=60 * MINUTES) for _ in range(4)}
    seen = set()
    async with books.database.transaction() as session:
        until = await sweep_store.now(session)
        for _ in range(500):
            seen |= set(
                await sweep_store.stuck_orders(
                    session,
                    since=None,
                    until=until,
                    pause=15 * MINUTES,
                    long_pause=timedelta(hours=6),
                    most=1,
                )
            )
            if seen == orders:
                break
    assert seen == orders
