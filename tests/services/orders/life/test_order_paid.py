"""The main path of an order, and what a person may do instead of paying."""

from rekindle.contracts.orders import HdState, OrderStatus
from rekindle.contracts.renders import Priority
from rekindle.contracts.statuses import AttemptKind
from tests.services.orders.life.conftest import Sale


async def test_what_is_paid_is_rendered_and_delivered(sale: Sale) -> None:
    page = await sale.checkout()
    assert page.url is not None
    assert (page.status, page.expires_at) == (
        OrderStatus.AWAITING_PAYMENT,
        (await sale.order()).expires_at,
    )
    await sale.pay()
    await sale.hear()
    await sale.until(OrderStatus.RENDERING, OrderStatus.PAID)
    assert await sale.entitled() is None
    sale.script.may_end.set()
    order = await sale.until(OrderStatus.DELIVERED)
    hd = await sale.hd()
    assert hd is not None
    assert (order.hd, hd.kind, hd.order_id) == (HdState.READY, AttemptKind.HD, order.id)
    assert await sale.entitled() == hd.master_key
    assert await sale.money() == (order.amount, 0)
    (render,) = sale.script.rendered
    assert (render.priority, render.source_id) == (Priority.PAID, order.attempt_id)
    assert render.output_key == f"restored/{sale.job_id}/{render.stamp}_hd_unlabelled.png"
    await sale.ended()


async def test_an_order_is_rendering_as_soon_as_its_render_is_there(sale: Sale) -> None:
    """It is no later look that says so: the next one would be half a minute away."""
    await sale.checkout()
    await sale.pay()
    await sale.wake()
    await sale.until_order(lambda _: bool(sale.script.rendered))
    order = await sale.order()
    assert (order.status, order.hd) == (OrderStatus.RENDERING, HdState.RENDERING)


async def test_a_declined_card_leaves_the_page_open(sale: Sale) -> None:
    page = await sale.checkout()
    await sale.account.http.post(page.url or "", data={"how": "declined"})
    await sale.hear()
    assert await sale.checkout() == page
    assert (await sale.order()).status == OrderStatus.AWAITING_PAYMENT
    assert sale.script.rendered == []
    await sale.pay()
    await sale.wake()
    sale.script.may_end.set()
    order = await sale.until(OrderStatus.DELIVERED)
    assert await sale.money() == (order.amount, 0)
