"""An order ends the same although nobody ever announced anything: the sweep alone tells it."""

import asyncio
from datetime import timedelta

import pytest
from sqlalchemy import text

from activities.sweep import SweepActivities
from rekindle.contracts.orders import OrderStatus, RefundReason
from rekindle.contracts.statuses import AttemptStatus
from rekindle.contracts.sweep import FetchEvents, WakeStuck, WakeWaiting
from rekindle.rules.audit import PATIENCE, Difference, audit
from rekindle.store import audit as audits
from rekindle.store import orders, payment_events, refunds
from rekindle.store.database import Database
from tests.services.orders.life.conftest import PATIENCE as PATIENCE_SECONDS
from tests.services.orders.life.conftest import Sale
from tests.services.orders.life.conftest import account as account
from tests.services.orders.life.conftest import idle_sale as idle_sale
from tests.services.orders.life.conftest import sale as sale
from tests.services.sweep.conftest import Books


@pytest.fixture
def database(books: Books) -> Database:
    """A database of its own, which the sale is made in: a sweep looks at everything."""
    return books.database


class Sweeper:
    """The sweep of a sale's account, part by part."""

    def __init__(self, sale: Sale) -> None:
        self._sale = sale
        self._parts = SweepActivities(
            database=sale.database, payments=sale.account.payments, orders=sale.commands
        )

    async def fetches(self) -> int:
        """Orders woken for events that were never announced."""
        since = self._sale.account.now() - timedelta(hours=72)
        return (await self._parts.fetch_events(FetchEvents(since=since))).woken

    async def wakes_waiting(self) -> int:
        return (await self._parts.wake_waiting(WakeWaiting())).woken

    async def wakes_stuck(self) -> int:
        return (await self._parts.wake_stuck(WakeStuck())).woken


async def ages(sale: Sale, seconds: int) -> None:
    """Let everything that was written be older."""
    async with sale.database.transaction() as session:
        for change in (
            "update orders set updated_at = updated_at - make_interval(secs => :s)",
            "update payment_events set received_at = received_at - make_interval(secs => :s)",
        ):
            await session.execute(text(change), {"s": seconds})


async def differences(sale: Sale) -> list[Difference]:
    """What an audit finds when nothing can be on its way any more."""
    then = sale.account.now() - timedelta(days=1)
    money = await sale.account.payments.money(since=then)
    async with sale.database.transaction() as session:
        found = await audits.entries(session, since=then, order_ids=(), payment_ids=())
    orders = [each.audited for each in found]
    keys = {each.object_key for each in orders if each.object_key is not None}
    later = max(sale.account.now(), *(each.changed_at for each in orders)) + PATIENCE
    return audit(orders, money, keys, later)


async def test_a_payment_that_nobody_announced_is_found_and_delivered(sale: Sale) -> None:
    await sale.checkout()
    await sale.pay()
    sweeper = Sweeper(sale)
    assert await sweeper.fetches() == 1
    sale.script.may_end.set()
    order = await sale.until(OrderStatus.DELIVERED)
    assert await sale.entitled() is not None
    await sale.hear()  # the webhooks come after all, and twice
    await sale.hear()
    assert await sweeper.fetches() == 0
    assert (await sale.order()).status == OrderStatus.DELIVERED
    assert await sale.money() == (order.amount, 0)
    assert len(sale.script.rendered) == 1
    assert await differences(sale) == []


async def test_a_whole_life_without_any_announcement_ends_as_with_them(sale: Sale) -> None:
    sweeper = Sweeper(sale)
    await sale.checkout()
    session = await sale.pay("bank")
    assert await sweeper.fetches() == 1
    await sale.account.control("settle", session=session)
    assert await sweeper.fetches() == 1
    sale.script.may_end.set()
    order = await sale.until(OrderStatus.DELIVERED)
    assert await differences(sale) == []
    await sale.account.control("refunds", session=session)
    assert await sweeper.fetches() == 1
    await sale.until(OrderStatus.REFUNDED)
    assert await sale.entitled() is None
    assert await sale.money() == (order.amount, order.amount)
    found = await differences(sale)
    assert [each.kind.is_information for each in found] == [True]


async def test_an_event_whose_wake_was_lost_is_made_up_for(sale: Sale) -> None:
    await sale.checkout()
    await sale.pay()
    events = await sale.account.payments.events(since=sale.account.now() - timedelta(days=1))
    async with sale.database.transaction() as session:
        for event in events:
            await payment_events.note(session, event)
    sweeper = Sweeper(sale)
    assert await sweeper.fetches() == 0
    await ages(sale, 120)
    assert await sweeper.wakes_waiting() == 1
    sale.script.may_end.set()
    await sale.until(OrderStatus.DELIVERED)
    assert await sweeper.wakes_waiting() == 0


async def test_an_order_whose_workflow_is_gone_goes_on(sale: Sale) -> None:
    await sale.checkout()
    await sale.pay()
    await sale.wake()
    async with asyncio.timeout(PATIENCE_SECONDS):
        while not sale.script.rendered:
            await asyncio.sleep(0.05)
    await sale.handle.terminate("the namespace was lost")
    sale.script.may_end.set()
    async with asyncio.timeout(PATIENCE_SECONDS):
        while (hd := await sale.hd()) is None or hd.status != AttemptStatus.SUCCEEDED:
            await asyncio.sleep(0.05)
    assert (await sale.order()).status != OrderStatus.DELIVERED  # nobody looks any more
    sweeper = Sweeper(sale)
    assert await sweeper.wakes_stuck() == 0
    await ages(sale, 16 * 60)
    assert await sweeper.wakes_stuck() == 1
    await sale.until(OrderStatus.DELIVERED)
    assert len(sale.script.rendered) == 1
    assert await differences(sale) == []


async def test_a_refund_that_was_written_down_and_not_carried_out_is_made(sale: Sale) -> None:
    order = await sale.delivered()
    await sale.ended()
    async with sale.database.transaction() as session:
        now = await orders.by_id(session, sale.order_id)
        assert now is not None
        assert now.payment_id is not None
        assert await refunds.ask(session, now, now.payment_id, 100) is not None
    assert {each.kind.value for each in await differences(sale)} == {"refund_unanswered"}
    await ages(sale, 16 * 60)
    assert await Sweeper(sale).wakes_stuck() == 1
    async with asyncio.timeout(PATIENCE_SECONDS):
        while (await sale.ledger())[0].refund_id is None:
            await asyncio.sleep(0.05)
    assert (await sale.ledger())[0].reason == RefundReason.OPERATOR
    assert await sale.money() == (order.amount, 100)
    assert await differences(sale) == []
