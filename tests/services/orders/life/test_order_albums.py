"""One order over three photos: each is made by itself, and money follows what became of each."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID, uuid4

import pytest
from temporalio.client import Client

from deploy.cli.orders import refunding
from rekindle.adapters.order_workflows import TemporalOrders
from rekindle.adapters.temporal import register_search_attributes
from rekindle.contracts.orders import HdState, OrderStatus, Product, RefundReason
from rekindle.errors import OrderUndelivered
from rekindle.models import Album, Attempt, Order, OrderItem
from rekindle.rules.audit import Difference, audit
from rekindle.rules.prices import album_price, shares
from rekindle.store import album_orders, albums, deletion, order_items, orders
from rekindle.store import audit as audits
from rekindle.store.database import Database
from tests.services.orders.life.conftest import (
    PATIENCE,
    Account,
    Sale,
    Script,
    photo,
    restoration,
    working,
)


@dataclass
class AlbumSale(Sale):
    """As `Sale`; its job is that of the first photo."""

    restorations: list[Attempt]

    async def items(self) -> list[OrderItem]:
        async with self.database.transaction() as session:
            return list((await order_items.of_orders(session, [self.order_id]))[self.order_id])

    async def readable(self) -> list[int]:
        """Numbers of the photos whose HD may be read."""
        return [
            each.number
            for each in await self.items()
            if each.granted_at is not None and each.revoked_at is None
        ]

    async def paid(self) -> Order:
        """Check out, pay by card, and let everything be rendered."""
        await self.checkout()
        await self.pay()
        self.script.may_end.set()
        await self.hear()
        return await self.order()


@pytest.fixture
async def idle(temporal: Client, database: Database, account: Account) -> AlbumSale:
    await register_search_attributes(temporal)
    jobs = [await photo(database) for _ in range(3)]
    restored = [await restoration(database, job) for job in jobs]
    price = album_price(3, "eur")
    order = Order(
        id=uuid4(),
        product=Product.ALBUM,
        amount=price.amount,
        currency=price.currency,
        price_version=price.version,
        expires_at=account.now() + timedelta(hours=1),
    )
    async with database.transaction() as session:
        album = Album(id=uuid4(), user_id=jobs[0].user_id)
        await albums.record(session, album, [job.id for job in jobs])
        order.album_id = album.id
        items = [
            OrderItem(order_id=order.id, number=n, job_id=a.job_id, attempt_id=a.id, share=share)
            for n, (a, share) in enumerate(
                zip(restored, shares(price.amount, 3), strict=True), start=1
            )
        ]
        await album_orders.write(session, order, items)
    return AlbumSale(
        client=temporal,
        database=database,
        account=account,
        commands=TemporalOrders(temporal, patience_seconds=PATIENCE),
        script=Script(database),
        order_id=order.id,
        job_id=jobs[0].id,
        restorations=restored,
    )


@pytest.fixture
async def sale(idle: AlbumSale) -> AsyncIterator[AlbumSale]:
    async with working(idle.client, idle.database, idle.account, idle.script):
        yield idle
        idle.script.may_end.set()


async def differences(sale: AlbumSale) -> list[Difference]:
    """What an audit of the money says in an hour."""
    since = sale.account.now() - timedelta(days=1)
    money = await sale.account.payments.money(since=since)
    async with sale.database.transaction() as session:
        found = await audits.entries(
            session, since=since, order_ids={sale.order_id}, payment_ids=set()
        )
    [ours] = [each.audited for each in found if each.row.id == sale.order_id]
    assert ours.item_keys
    return audit([ours], money, set(ours.item_keys), sale.account.now() + timedelta(hours=1))


async def test_what_is_paid_once_is_delivered_whole(sale: AlbumSale) -> None:
    page = await sale.checkout()
    assert page == await sale.checkout()
    await sale.pay()
    await asyncio.gather(*(sale.hear() for _ in range(5)))
    await sale.until(OrderStatus.PAID, OrderStatus.RENDERING)
    assert await sale.readable() == []
    sale.script.may_end.set()
    order = await sale.until(OrderStatus.DELIVERED)
    await sale.ended()
    assert order.hd == HdState.READY
    assert await sale.readable() == [1, 2, 3]
    rendered = {each.source_id: each.order_id for each in sale.script.rendered}
    assert rendered == {each.id: sale.order_id for each in sale.restorations}
    assert len(sale.script.rendered) == 3
    assert await sale.money() == (order.amount, 0)
    assert [each.object_key for each in await sale.items()] == [
        f"restored/{each.job_id}/{each.stamp}_hd.png" for each in sale.restorations
    ]


async def test_an_album_is_rendering_as_soon_as_its_renders_are_there(sale: AlbumSale) -> None:
    await sale.checkout()
    await sale.pay()
    await sale.wake()
    await sale.until_order(lambda _: bool(sale.script.rendered))
    order = await sale.order()
    assert (order.status, order.hd) == (OrderStatus.RENDERING, HdState.RENDERING)
    assert {each.hd for each in await sale.items()} == {HdState.RENDERING}


async def test_the_share_of_one_that_fails_goes_back_and_the_others_are_delivered(
    sale: AlbumSale,
) -> None:
    sale.script.failing = {sale.restorations[1].id}
    order = await sale.paid()
    await sale.until(OrderStatus.DELIVERED)
    await sale.hear()
    await sale.ended()
    share = (await sale.items())[1].share
    assert await sale.money() == (order.amount, share)
    assert [(r.amount, r.reason, r.item) for r in await sale.ledger()] == [
        (share, RefundReason.HD_FAILED, 2)
    ]
    assert await sale.readable() == [1, 3]
    assert await differences(sale) == []
    failed = (await sale.items())[1]
    assert (failed.hd, failed.error_code) == (HdState.FAILED, "graph_failed")
    assert failed.closed_at is not None
    for _ in range(2):
        assert (await sale.look()).is_settled
    assert await sale.money() == (order.amount, share)


async def test_giving_all_back_locks_every_photo_and_frees_it_for_another_order(
    sale: AlbumSale,
) -> None:
    sale.script.failing = {sale.restorations[0].id}
    order = await sale.paid()
    await sale.until(OrderStatus.DELIVERED)
    async with sale.database.transaction() as session:
        assert await orders.close(session, sale.order_id, is_paid_back=True)
    await sale.wake()
    await sale.until(OrderStatus.REFUNDED)
    assert await sale.readable() == []
    assert await sale.money() == (order.amount, order.amount)
    async with sale.database.transaction() as session:
        ids = [each.id for each in sale.restorations]
        assert await order_items.sales(session, ids, Product.HD_IMAGE) == {}


async def test_two_photos_that_fail_at_once_are_refunded_once_each_although_replies_get_lost(
    sale: AlbumSale,
) -> None:
    await sale.account.plan({"kind": "lost_reply", "route": "POST /v1/refunds", "count": 2})
    sale.script.failing = {each.id for each in sale.restorations[1:]}
    order = await sale.paid()
    await sale.until(OrderStatus.DELIVERED)
    async with asyncio.timeout(PATIENCE):
        while not (await sale.look()).is_settled:
            await asyncio.sleep(0.1)
    items = await sale.items()
    assert await sale.money() == (order.amount, items[1].share + items[2].share)
    assert await sale.readable() == [1]


async def test_a_share_whose_refund_failed_too_often_is_given_back_by_an_operator(
    sale: AlbumSale,
) -> None:
    await sale.account.plan({"kind": "refund_fails", "count": 3})
    sale.script.failing = {sale.restorations[1].id}
    order = await sale.paid()
    await sale.until_details("needs an operator")
    share = (await sale.items())[1].share
    assert await sale.money() == (order.amount, 0)
    plan = await refunding.plan(sale.database, sale.account.payments, sale.order_id, share)
    assert (plan.item, plan.is_whole, plan.left) == (2, False, order.amount)
    await refunding.write(sale.database, plan, "the card was blocked")
    await sale.wake()
    await sale.ended()
    assert "needs an operator" not in await sale.details()
    assert await sale.money() == (order.amount, share)
    assert [row.item for row in await sale.ledger()] == [2, 2, 2, 2]
    assert await sale.readable() == [1, 3]
    assert await differences(sale) == []


async def test_a_dispute_freezes_all_photos_and_winning_it_brings_them_back(
    sale: AlbumSale,
) -> None:
    await sale.paid()
    await sale.until(OrderStatus.DELIVERED)
    session_id = (await sale.order()).session_ids[-1]
    dispute = await sale.account.control("disputes", session=session_id)
    await sale.hear()
    await sale.until(OrderStatus.DISPUTED)
    assert await sale.readable() == []
    await sale.account.control(f"disputes/{dispute['id']}", status="won")
    await sale.hear()
    await sale.until(OrderStatus.DELIVERED)
    assert await sale.readable() == [1, 2, 3]


async def deleted(sale: AlbumSale, job_id: UUID) -> deletion.Marked:
    async with sale.database.transaction() as session:
        job = await deletion.by_id(session, job_id)
        assert job is not None
        return await deletion.mark(session, job, undo=timedelta(0))


async def test_a_photo_is_not_deleted_while_its_paid_order_is_undelivered(sale: AlbumSale) -> None:
    await sale.checkout()
    await sale.pay()
    await sale.hear()
    await sale.until(OrderStatus.PAID, OrderStatus.RENDERING)
    with pytest.raises(OrderUndelivered):
        await deleted(sale, sale.restorations[2].job_id)
    sale.script.may_end.set()
    order = await sale.until(OrderStatus.DELIVERED)
    job_id = sale.restorations[2].job_id
    assert (await deleted(sale, job_id)).given_up == []
    async with sale.database.transaction() as session:
        assert sale.order_id in (await deletion.work(session, job_id)).order_ids
        assert await deletion.erase(session, job_id)
    item = (await sale.items())[2]
    assert (item.job_id, item.object_key) == (None, "")
    assert (await sale.look()).is_settled
    assert await sale.money() == (order.amount, 0)


async def test_deleting_a_photo_gives_up_the_unpaid_order_with_it(sale: AlbumSale) -> None:
    await sale.checkout()
    assert (await deleted(sale, sale.restorations[1].job_id)).given_up == [sale.order_id]
    await sale.wake()
    await sale.until(OrderStatus.EXPIRED)
    [session] = (await sale.account.ledger(sale.order_id))["sessions"]
    assert session["status"] == "expired"


async def test_a_photo_that_is_gone_when_it_is_paid_for_gives_its_share_back(
    sale: AlbumSale,
) -> None:
    await sale.checkout()
    async with sale.database.transaction() as session:
        await session.merge(OrderItem(**((await sale.items())[0].model_dump() | {"job_id": None})))
    await sale.pay()
    sale.script.may_end.set()
    await sale.hear()
    order = await sale.until(OrderStatus.DELIVERED)
    await sale.ended()
    first = (await sale.items())[0]
    assert first.error_code == "job_not_found"
    assert await sale.money() == (order.amount, first.share)
    assert await sale.readable() == [2, 3]
