"""Money that goes back: by itself, by an operator, or taken by the bank."""

from dataclasses import replace
from datetime import timedelta

import pytest

from deploy.cli.orders import refunding
from rekindle.contracts.orders import HdState, OrderStatus, RefundReason, hd_attempt_id
from rekindle.contracts.payments import CheckoutOrder
from rekindle.contracts.statuses import AttemptStatus
from rekindle.models import Order
from rekindle.store import orders, refunds
from tests.services.orders.life.conftest import Sale


async def paid(sale: Sale) -> None:
    await sale.checkout()
    await sale.pay()
    await sale.wake()
    sale.script.may_end.set()


@pytest.mark.parametrize("end", [AttemptStatus.FAILED, AttemptStatus.CANCELED], ids=str)
async def test_hd_that_fails_for_good_gives_the_money_back(sale: Sale, end: AttemptStatus) -> None:
    sale.script.ends = end
    await paid(sale)
    order = await sale.until(OrderStatus.REFUNDED)
    assert (order.hd, order.error_code) == (HdState.FAILED, "graph_failed")
    assert await sale.money() == (order.amount, order.amount)
    assert [row.reason for row in await sale.ledger()] == [RefundReason.HD_FAILED]
    assert await sale.entitled() is None
    await sale.ended()


async def test_hd_whose_source_is_gone_gives_the_money_back(sale: Sale) -> None:
    await sale.checkout()
    async with sale.database.transaction() as session:
        await orders.change(session, sale.order_id, attempt_id=sale.order_id)
    await sale.pay()
    await sale.wake()
    order = await sale.until(OrderStatus.REFUNDED)
    assert (order.hd, order.error_code) == (HdState.FAILED, "attempt_not_found")
    assert await sale.money() == (order.amount, order.amount)
    assert sale.script.rendered == []


async def test_a_refund_that_is_pending_is_waited_for(sale: Sale) -> None:
    await sale.account.plan({"kind": "refund_pending"})
    sale.script.ends = AttemptStatus.FAILED
    await paid(sale)
    await sale.until(OrderStatus.REFUNDING)
    (refund,) = (await sale.account.ledger(sale.order_id))["refunds"]
    await sale.account.control(f"refunds/{refund['id']}", status="succeeded")
    await sale.hear()
    order = await sale.until(OrderStatus.REFUNDED)
    assert await sale.money() == (order.amount, order.amount)
    assert len(await sale.ledger()) == 1


async def test_a_refund_that_fails_three_times_needs_an_operator_who_has_it_made(
    sale: Sale,
) -> None:
    await sale.account.plan({"kind": "refund_fails", "count": 3})
    sale.script.ends = AttemptStatus.FAILED
    await paid(sale)
    order = await sale.until(OrderStatus.REFUNDING)
    for _ in range(2):
        look = await sale.look()
        assert (look.status, look.needs_operator) == (OrderStatus.REFUNDING, True)
        assert not look.is_settled
    assert [row.number for row in await sale.ledger()] == [1, 2, 3]
    assert await sale.money() == (order.amount, 0)
    plan = await refunding.plan(sale.database, sale.account.payments, sale.order_id, None)
    assert (plan.is_whole, plan.reason, plan.item) == (True, RefundReason.HD_FAILED, None)
    await refunding.write(sale.database, plan, "")
    await sale.wake()
    await sale.until(OrderStatus.REFUNDED)
    await sale.ended()
    assert len(await sale.ledger()) == 4
    assert await sale.money() == (order.amount, order.amount)


def second(order: Order) -> CheckoutOrder:
    """Another page of the same order, as a crash long ago might have left it."""
    return CheckoutOrder(
        order_id=order.id,
        amount=order.amount,
        currency=order.currency,
        name="Photo",
        email=None,
        success_url="http://127.0.0.1:9/",
        cancel_url="http://127.0.0.1:9/",
        expires_at=order.expires_at,
        key=f"checkout:{order.id}:99",
    )


async def test_of_two_pages_that_were_paid_one_is_kept(sale: Sale) -> None:
    await sale.checkout()
    other = await sale.account.payments.open_session(second(await sale.order()))
    await sale.pay()
    await sale.pay(session_id=other.session_id)
    await sale.hear()
    sale.script.may_end.set()
    order = await sale.until(OrderStatus.DELIVERED)
    await sale.ended()
    assert await sale.money() == (2 * order.amount, order.amount)
    assert [row.reason for row in await sale.ledger()] == [RefundReason.DUPLICATE]


async def test_a_page_of_another_price_is_closed_and_its_money_goes_back(sale: Sale) -> None:
    await sale.checkout()
    wrong = replace(second(await sale.order()), amount=100)
    other = await sale.account.payments.open_session(wrong)
    await sale.pay(session_id=other.session_id)
    await sale.hear()
    await sale.until_order(lambda order: len(order.session_ids) == 2)
    await sale.pay(session_id=(await sale.order()).session_ids[0])
    await sale.hear()
    sale.script.may_end.set()
    order = await sale.until(OrderStatus.DELIVERED)
    await sale.ended()
    assert await sale.money() == (order.amount + 100, 100)
    assert [row.reason for row in await sale.ledger()] == [RefundReason.WRONG_AMOUNT]


async def test_a_dispute_freezes_and_winning_it_brings_the_right_back(sale: Sale) -> None:
    await sale.delivered()
    key, session_id = await sale.entitled(), (await sale.order()).session_ids[-1]
    dispute = await sale.account.control("disputes", session=session_id)
    await sale.hear()
    await sale.until(OrderStatus.DISPUTED)
    assert await sale.entitled() is None
    await sale.account.control(f"disputes/{dispute['id']}", status="won")
    await sale.hear()
    order = await sale.until(OrderStatus.DELIVERED)
    assert await sale.entitled() == key
    await sale.ended()
    assert await sale.money() == (order.amount, 0)


async def test_a_dispute_that_is_lost_takes_the_right_and_refunds_nothing(sale: Sale) -> None:
    await sale.delivered()
    session_id = (await sale.order()).session_ids[-1]
    dispute = await sale.account.control("disputes", session=session_id)
    await sale.hear()
    await sale.until(OrderStatus.DISPUTED)
    await sale.account.control(f"disputes/{dispute['id']}", status="lost")
    await sale.hear()
    await sale.ended()
    order = await sale.order()
    assert order.status == OrderStatus.DISPUTED
    assert await sale.entitled() is None
    assert await sale.money() == (order.amount, 0)
    assert await sale.ledger() == []


async def test_an_operator_gives_all_back_and_the_right_ends(sale: Sale) -> None:
    await sale.delivered()
    async with sale.database.transaction() as session:
        assert await orders.close(session, sale.order_id, is_paid_back=True)
    await sale.wake()
    order = await sale.until(OrderStatus.REFUNDED)
    assert await sale.money() == (order.amount, order.amount)
    assert await sale.entitled() is None
    await sale.ended()


async def test_an_operator_gives_a_part_back_and_the_right_stays(sale: Sale) -> None:
    await sale.delivered()
    order = await sale.order()
    async with sale.database.transaction() as session:
        assert await refunds.ask(session, order, order.payment_id or "", 100)
    await sale.wake()
    await sale.until_order(lambda now: now.version > order.version + 1)
    await sale.ended()
    assert await sale.money() == (order.amount, 100)
    assert await sale.entitled() is not None
    assert (await sale.order()).status == OrderStatus.DELIVERED


async def test_a_refund_by_hand_is_understood(sale: Sale) -> None:
    await sale.delivered()
    session_id = (await sale.order()).session_ids[-1]
    await sale.account.control("refunds", session=session_id)
    await sale.hear()
    order = await sale.until(OrderStatus.REFUNDED)
    assert await sale.ledger() == []
    assert await sale.money() == (order.amount, order.amount)
    assert await sale.entitled() is None


async def test_an_order_refunded_while_it_renders_gives_up_the_gpu(sale: Sale) -> None:
    await sale.checkout()
    await sale.pay()
    await sale.wake()
    await sale.until(OrderStatus.PAID, OrderStatus.RENDERING)
    async with sale.database.transaction() as session:
        assert await orders.close(session, sale.order_id, is_paid_back=True)
    await sale.wake()
    order = await sale.until(OrderStatus.REFUNDED)
    assert await sale.money() == (order.amount, order.amount)


async def test_hd_whose_render_is_dead_is_given_up_in_the_end(sale: Sale) -> None:
    await sale.checkout()
    await sale.pay()
    await sale.wake()
    await sale.until(OrderStatus.PAID, OrderStatus.RENDERING)
    render = sale.client.get_workflow_handle(f"render-{hd_attempt_id(sale.order_id)}")
    await sale.until_order(lambda _: bool(sale.script.rendered))
    await render.terminate()
    await sale.account.control("clock", advance=timedelta(minutes=31).total_seconds())
    await sale.wake()
    order = await sale.until(OrderStatus.REFUNDED)
    assert (order.hd, order.error_code) == (HdState.FAILED, "deadline_exceeded")
    assert await sale.money() == (order.amount, order.amount)
