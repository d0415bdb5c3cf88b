"""Weeks in which no announcement arrives: the order looks by itself."""

from datetime import timedelta

from rekindle.contracts.orders import OrderStatus
from rekindle.contracts.statuses import AttemptStatus
from tests.services.orders.life.conftest import Sale

HALF_A_DAY = timedelta(hours=12)


async def test_a_bank_that_pays_in_the_third_day_is_noticed(sale: Sale) -> None:
    await sale.checkout()
    session_id = await sale.pay("bank")
    sale.script.may_end.set()
    for _ in range(5):
        await sale.pass_time(HALF_A_DAY)
    assert (await sale.order()).status == OrderStatus.AWAITING_PAYMENT
    await sale.account.control("settle", session=session_id, outcome="succeeded")
    await sale.pass_time(HALF_A_DAY)
    order = await sale.until(OrderStatus.DELIVERED)
    assert await sale.money() == (order.amount, 0)


async def test_a_refund_that_arrives_after_a_week_is_noticed(sale: Sale) -> None:
    await sale.account.plan({"kind": "refund_pending"})
    sale.script.ends = AttemptStatus.FAILED
    sale.script.may_end.set()
    await sale.checkout()
    await sale.pay()
    await sale.wake()
    await sale.until(OrderStatus.REFUNDING)
    for _ in range(10):
        await sale.pass_time(HALF_A_DAY)
    assert (await sale.order()).status == OrderStatus.REFUNDING
    (refund,) = (await sale.account.ledger(sale.order_id))["refunds"]
    await sale.account.control(f"refunds/{refund['id']}", status="succeeded")
    await sale.pass_time(HALF_A_DAY)
    order = await sale.until(OrderStatus.REFUNDED)
    assert await sale.money() == (order.amount, order.amount)
    assert len(await sale.ledger()) == 1
    await sale.ended()


async def test_a_dispute_that_is_won_after_weeks_brings_the_right_back(sale: Sale) -> None:
    await sale.delivered()
    await sale.ended()
    session_id = (await sale.order()).session_ids[-1]
    dispute = await sale.account.control("disputes", session=session_id)
    await sale.hear()
    await sale.until(OrderStatus.DISPUTED)
    for _ in range(4):
        await sale.pass_time(4 * HALF_A_DAY)
    assert await sale.entitled() is None
    await sale.account.control(f"disputes/{dispute['id']}", status="won")
    await sale.pass_time(HALF_A_DAY)
    await sale.until(OrderStatus.DELIVERED)
    assert await sale.entitled() is not None
    await sale.ended()
