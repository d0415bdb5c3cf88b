"""Orders that nobody pays, that a bank takes its time with, or that are paid too late."""

import asyncio

from rekindle.contracts.orders import HdState, OrderStatus, RefundReason
from rekindle.rules.orders import GRACE
from rekindle.store import orders
from tests.services.orders.life.conftest import TERMS, Sale


async def test_an_abandoned_page_expires_without_any_announcement(sale: Sale) -> None:
    await sale.checkout()
    await sale.pass_time(TERMS.offer + GRACE)
    order = await sale.until(OrderStatus.EXPIRED)
    assert order.closed_at is not None
    await sale.ended()
    again = await sale.checkout()
    assert (again.status, again.url) == (OrderStatus.EXPIRED, None)
    assert sale.script.rendered == []


async def test_an_order_without_a_page_expires_as_well(sale: Sale) -> None:
    await sale.wake()
    await sale.until(OrderStatus.CREATED)
    await sale.pass_time(TERMS.offer + GRACE)
    await sale.until(OrderStatus.EXPIRED)
    await sale.ended()


async def test_a_payment_that_no_webhook_told_of_is_found_in_time(sale: Sale) -> None:
    await sale.checkout()
    await sale.pay()
    sale.script.may_end.set()
    await sale.pass_time(TERMS.offer + GRACE)
    await sale.until(OrderStatus.DELIVERED)


async def test_a_bank_that_pays_after_days_gets_its_result_delivered(sale: Sale) -> None:
    await sale.checkout()
    session_id = await sale.pay("bank")
    await sale.wake()
    asked = await sale.checkout()
    assert (asked.status, asked.url) == (OrderStatus.AWAITING_PAYMENT, None)
    assert sale.script.rendered == []
    await sale.account.control("settle", session=session_id, outcome="succeeded")
    await sale.hear()
    sale.script.may_end.set()
    order = await sale.until(OrderStatus.DELIVERED)
    assert await sale.money() == (order.amount, 0)


async def test_a_bank_that_refuses_leaves_nothing_to_deliver_or_to_refund(sale: Sale) -> None:
    await sale.checkout()
    session_id = await sale.pay("bank")
    await sale.hear()
    await sale.account.control("settle", session=session_id, outcome="failed")
    await sale.hear()
    await sale.until_order(lambda order: order.status != OrderStatus.AWAITING_PAYMENT)
    assert sale.script.rendered == []
    assert await sale.money() == (0, 0)
    page = await sale.checkout()
    assert page.status in (OrderStatus.AWAITING_PAYMENT, OrderStatus.EXPIRED)


async def test_a_payment_of_an_order_that_was_given_up_goes_back(sale: Sale) -> None:
    await sale.checkout()
    async with sale.database.transaction() as session:
        assert await orders.close(session, sale.order_id)
    await sale.pay()
    await sale.wake()
    order = await sale.until(OrderStatus.REFUNDED)
    assert await sale.money() == (order.amount, order.amount)
    assert [row.reason for row in await sale.ledger()] == [RefundReason.ORDER_CLOSED]
    assert order.hd == HdState.WAITING
    assert await sale.entitled() is None
    await sale.ended()


async def test_the_page_of_an_order_that_was_given_up_is_closed(sale: Sale) -> None:
    page = await sale.checkout()
    async with sale.database.transaction() as session:
        assert await orders.close(session, sale.order_id)
    await sale.wake()
    await sale.until(OrderStatus.EXPIRED)
    reply = await sale.account.http.get(page.url or "")
    assert reply.status_code == 410
    await sale.ended()


async def test_an_order_whose_photo_is_gone_is_not_sold(sale: Sale) -> None:
    async with sale.database.transaction() as session:
        await orders.change(session, sale.order_id, job_id=None)
    answer = await asyncio.gather(sale.checkout(), sale.checkout())
    assert [(each.status, each.url) for each in answer] == [(OrderStatus.EXPIRED, None)] * 2
