"""How `HdOrder` behaves when many speak to it at once, for long, or out of turn."""

import asyncio
import json
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace

import pytest
from temporalio.client import Client
from temporalio.contrib.pydantic import pydantic_data_converter

from deploy.embedded.temporal import EmbeddedTemporal
from rekindle.adapters.order_workflows import TemporalOrders
from rekindle.adapters.temporal import register_search_attributes
from rekindle.contracts import search
from rekindle.contracts.events import EventKind
from rekindle.contracts.orders import Checkout, OrderStatus
from rekindle.errors import WorkflowsUnavailable
from rekindle.store import events, orders
from tests.services.orders.life.conftest import PATIENCE, Sale, working

MANY = 20
LONG = 40
"""Events after which the server calls a history long; 4,096 otherwise."""


async def insists(sale: Sale) -> Checkout:
    """The page, asked for until it comes: Temporal takes ten such questions at a time."""
    while True:
        try:
            return await sale.checkout()
        except WorkflowsUnavailable:
            await asyncio.sleep(0.05)


async def test_many_checkouts_at_once_get_one_page(sale: Sale) -> None:
    pages = await asyncio.gather(*(insists(sale) for _ in range(MANY)))
    assert len({page.url for page in pages}) == 1
    (session,) = (await sale.account.ledger(sale.order_id))["sessions"]
    assert session["id"] in (pages[0].url or "")
    assert (await sale.order()).sessions_begun == 1


async def test_many_wakes_at_once_are_a_few_looks(sale: Sale) -> None:
    await sale.checkout()
    await sale.pay()
    sale.script.may_end.set()
    await asyncio.gather(*(sale.wake() for _ in range(5 * MANY)))
    order = await sale.until(OrderStatus.DELIVERED)
    await sale.ended()
    assert await sale.money() == (order.amount, 0)
    assert len(sale.script.rendered) == 1
    looks = 0
    async for event in sale.handle.fetch_history_events():
        scheduled = event.activity_task_scheduled_event_attributes
        looks += scheduled.activity_type.name == "reconcile_order"
    assert looks < MANY


async def test_wakes_and_checkouts_by_turns_end_in_one_delivery(sale: Sale) -> None:
    await sale.checkout()
    await sale.pay()
    sale.script.may_end.set()
    await asyncio.gather(*(s for _ in range(MANY) for s in (sale.wake(), insists(sale))))
    order = await sale.until(OrderStatus.DELIVERED)
    assert await sale.money() == (order.amount, 0)
    late = await sale.checkout()
    assert (late.status, late.url) == (OrderStatus.DELIVERED, None)


async def test_without_a_worker_a_checkout_gives_up_in_time(idle_sale: Sale) -> None:
    hasty = TemporalOrders(idle_sale.client, patience_seconds=0.2)
    with pytest.raises(WorkflowsUnavailable):
        await hasty.checkout(idle_sale.order_id)


async def test_an_operator_finds_orders_by_what_was_paid(sale: Sale) -> None:
    await sale.checkout()
    assert "awaiting_payment" in await sale.details()
    await sale.until_attributes("awaiting_payment", paid="no")
    await sale.pay()
    await sale.wake()
    await sale.until_attributes("paid", "rendering", paid="yes")
    sale.script.may_end.set()
    await sale.ended()
    assert "HD ready" in await sale.details()
    await sale.until_attributes("delivered", paid="yes")
    assert search.PAID.name in search.KEYWORDS


async def stages(sale: Sale) -> list[str]:
    """The statuses that operators could find the workflow by, in their order."""
    found = []
    async for event in sale.handle.fetch_history_events():
        told = event.upsert_workflow_search_attributes_event_attributes.search_attributes
        if search.STAGE.name in told.indexed_fields:
            found.append(json.loads(told.indexed_fields[search.STAGE.name].data))
    return [each if isinstance(each, str) else each[0] for each in found]


async def test_each_status_is_told_to_operators_once_and_rendering_before_the_next_look(
    sale: Sale,
) -> None:
    await sale.checkout()
    await sale.pay()
    await sale.wake()
    await sale.until_attributes("rendering", paid="yes")
    sale.script.may_end.set()
    await sale.wake()
    await sale.ended()
    assert (await stages(sale))[-4:] == ["awaiting_payment", "paid", "rendering", "delivered"]


async def test_what_happens_to_an_order_is_told_to_its_job(sale: Sale) -> None:
    await sale.delivered()
    async with sale.database.transaction() as session:
        assert await orders.close(session, sale.order_id, is_paid_back=True)
    await sale.wake()
    order = await sale.until(OrderStatus.REFUNDED)
    async with sale.database.transaction() as session:
        told = await events.since(session, {sale.job_id: 0}, limit=100)
    changes = [event for event in told if event.kind == EventKind.ORDER_CHANGED]
    assert {event.attempt_id for event in changes} == {order.attempt_id}
    assert {event.data["order_id"] for event in changes} == {str(order.id)}
    seen = [(event.data["status"], event.data["hd"]) for event in changes]
    assert seen[0] == ("awaiting_payment", "waiting")
    assert ("paid", "waiting") in seen
    assert ("delivered", "ready") in seen
    assert seen[-1] == ("refunded", "ready")


async def test_an_order_without_a_job_changes_silently(sale: Sale) -> None:
    async with sale.database.transaction() as session:
        await orders.change(session, sale.order_id, job_id=None)
        assert await orders.close(session, sale.order_id)
        assert not await orders.close(session, sale.order_id)
    async with sale.database.transaction() as session:
        told = await events.since(session, {sale.job_id: 0}, limit=100)
    assert [event for event in told if event.kind == EventKind.ORDER_CHANGED] == []


@pytest.fixture(scope="module")
def impatient_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedTemporal]:
    with EmbeddedTemporal(
        tmp_path_factory.mktemp("temporal"),
        dynamic_config={"limit.historyCount.suggestContinueAsNew": str(LONG)},
    ) as server:
        yield server


@pytest.fixture
async def long_sale(idle_sale: Sale, impatient_server: EmbeddedTemporal) -> AsyncIterator[Sale]:
    client = await Client.connect(
        impatient_server.address.address, data_converter=pydantic_data_converter
    )
    await register_search_attributes(client)
    commands = TemporalOrders(client, patience_seconds=PATIENCE)
    this = replace(idle_sale, client=client, commands=commands)
    async with working(client, this.database, this.account, this.script):
        yield this
        this.script.may_end.set()


async def test_a_long_life_goes_on_in_a_new_run_and_nothing_is_lost(long_sale: Sale) -> None:
    sale = long_sale
    await sale.checkout()
    first = (await sale.handle.describe()).run_id
    async with asyncio.timeout(PATIENCE):
        while (await sale.handle.describe()).run_id == first:
            await asyncio.gather(*(sale.wake() for _ in range(5)), sale.checkout())
            await asyncio.sleep(0.1)  # it goes on in a new run when nobody waits for an answer
    await sale.pay()
    await sale.wake()
    await sale.until_order(lambda _: bool(sale.script.rendered))
    second = (await sale.handle.describe()).run_id
    async with asyncio.timeout(PATIENCE):
        while (await sale.handle.describe()).run_id == second:
            await sale.wake()
            await asyncio.sleep(0.1)
    sale.script.may_end.set()
    await sale.until_order(lambda order: order.hd == "rendering" or order.status == "delivered")
    async with asyncio.timeout(PATIENCE):
        while (await sale.order()).status != OrderStatus.DELIVERED:
            await sale.wake()
            await asyncio.sleep(0.1)
    assert len(sale.script.rendered) == 1
    order = await sale.order()
    assert await sale.money() == (order.amount, 0)
