"""Who follows a job hears of restorations, animations and orders, each by its name."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest

from rekindle.contracts.orders import HdState, OrderStatus, Product
from rekindle.contracts.statuses import AttemptKind, AttemptStatus, Stage
from rekindle.models import Order, OrderItem
from rekindle.rules.prices import album_price, price_of, shares
from rekindle.store import album_orders, orders

_NO_WAIT = dict.fromkeys(("queue_position", "eta_seconds", "boot_progress"))


@pytest.fixture
def order_hd(story: Any) -> Any:
    """Makes an order of an attempt's HD."""

    async def make(job_id: UUID, attempt_id: UUID) -> UUID:
        price = price_of("hd_image", "eur")
        order = Order(
            id=uuid4(),
            job_id=job_id,
            attempt_id=attempt_id,
            product="hd_image",
            amount=price.amount,
            currency=price.currency,
            price_version=price.version,
            expires_at=datetime.now(UTC) + timedelta(hours=1),
        )
        async with story.database.transaction() as session:
            return (await orders.open_or_reuse(session, order)).id

    return make


async def queue_hd(story: Any, job_id: UUID, source_id: UUID, order_id: UUID) -> UUID:
    hd: UUID = await story.queue(
        job_id, kind=AttemptKind.HD, source_id=source_id, order_id=order_id
    )
    return hd


async def test_an_animation_is_told_as_one(story: Any, ada: Any) -> None:
    restore = await story.queue(job_id := await story.job())
    async with ada.follows(job_id) as stream:
        await stream.event()
        clip = await story.queue(job_id, kind=AttemptKind.ANIMATION, source_id=restore)
        await story.advance(clip, 0.5)
        await story.succeed(clip)
        await story.animated(job_id, clip)
        told = await stream.events(4)
    assert [each.kind for each in told] == [
        "attempt.queued",
        "attempt.progress",
        "attempt.succeeded",
        "job.animated",
    ]
    assert {each.data["attempt_id"] for each in told} == {str(clip)}
    assert [each.data.get("kind") for each in told] == ["animation"] * 3 + [None]
    assert told[-1].data["latest_animation_id"] == str(clip)
    async with ada.follows(job_id) as stream:
        snapshot = await stream.event()
    kinds = {each["attempt_id"]: each["kind"] for each in snapshot.data["attempts"]}
    assert kinds == {str(restore): "restore", str(clip): "animation"}
    assert snapshot.data["latest_animation_id"] == str(clip)


async def test_hd_is_told_as_the_progress_of_its_order(story: Any, ada: Any, order_hd: Any) -> None:
    restore = await story.queue(job_id := await story.job())
    order = await order_hd(job_id, restore)
    async with ada.follows(job_id) as stream:
        await stream.event()
        hd = await queue_hd(story, job_id, restore, order)
        await story.advance(hd, 0.05, Stage.STAGING)
        await story.advance(hd, 0.5)
        await story.succeed(hd)
        told = await stream.events(4)
    assert {each.kind for each in told} == {"order.progress"}
    assert {each.data["order_id"] for each in told} == {str(order)}
    assert {each.data["attempt_id"] for each in told} == {str(restore)}
    stages = [(each.data["stage"], each.data["progress"]) for each in told]
    assert stages == [("queued", 0), ("staging", 0.05), ("rendering", 0.5), (None, 1)]
    assert str(hd) not in str([each.data for each in told])


@pytest.mark.parametrize("status", [AttemptStatus.FAILED, AttemptStatus.CANCELED])
async def test_an_end_of_hd_is_no_end_of_what_it_is_made_from(
    status: AttemptStatus, story: Any, ada: Any, order_hd: Any
) -> None:
    restore = await story.queue(job_id := await story.job())
    hd = await queue_hd(story, job_id, restore, await order_hd(job_id, restore))
    async with ada.follows(job_id) as stream:
        await stream.event()
        await story.close(hd, status, "graph_failed")
        event = await stream.event()
    assert event.kind == "order.progress"
    assert not {"status", "error"} & event.data.keys()


async def test_a_change_of_an_order_is_told(story: Any, ada: Any, order_hd: Any) -> None:
    restore = await story.queue(job_id := await story.job())
    order = await order_hd(job_id, restore)
    async with ada.follows(job_id) as stream:
        await stream.event()
        async with story.database.transaction() as session:
            await orders.change(session, order, status=OrderStatus.AWAITING_PAYMENT)
        event = await stream.event()
    assert event.kind == "order.changed"
    at = event.data.pop("at")
    assert datetime.fromisoformat(at)
    assert event.data == {
        **{"job_id": str(job_id), "attempt_id": str(restore), "order_id": str(order)},
        **{"status": "awaiting_payment", "hd": "waiting"},
    }


async def test_a_stream_begins_with_how_orders_stand(story: Any, ada: Any, order_hd: Any) -> None:
    job_id = await story.job()
    first, second = await story.queue(job_id), await story.queue(job_id)
    ordered = [await order_hd(job_id, each) for each in (first, second)]
    await order_hd(await story.job(), uuid4())
    hd = await queue_hd(story, job_id, second, ordered[1])
    await story.advance(hd, 0.5)
    async with story.database.transaction() as session:
        await orders.change(session, ordered[1], status=OrderStatus.RENDERING, hd=HdState.RENDERING)
    async with ada.follows(job_id) as stream:
        snapshot = await stream.event()
    assert snapshot.id == (await story.ids(job_id))[-1]
    attempts = [each["attempt_id"] for each in snapshot.data["attempts"]]
    assert attempts == [str(first), str(second)]
    waiting, rendering = snapshot.data["orders"]
    assert waiting == {
        **{"order_id": str(ordered[0]), "attempt_id": str(first), "status": "created"},
        **{"hd": "waiting", "stage": None, "progress": 0, **_NO_WAIT},
    }
    assert {
        name: rendering[name] for name in ("order_id", "status", "hd", "stage", "progress")
    } == {
        **{"order_id": str(ordered[1]), "status": "rendering", "hd": "rendering"},
        **{"stage": "rendering", "progress": 0.5},
    }


async def test_a_stream_begins_with_an_order_over_several_photos_as_this_one_sees_it(
    story: Any, ada: Any
) -> None:
    sold = [(job_id := await story.job(), await story.queue(job_id)) for _ in range(2)]
    price = album_price(len(sold), "eur")
    order = Order(
        id=uuid4(),
        product=Product.ALBUM,
        amount=price.amount,
        currency=price.currency,
        price_version=price.version,
        expires_at=datetime.now(UTC) + timedelta(hours=1),
    )
    parts = enumerate(zip(sold, shares(price.amount, len(sold)), strict=True), start=1)
    items = [
        OrderItem(order_id=order.id, number=n, job_id=job_id, attempt_id=restore, share=share)
        for n, ((job_id, restore), share) in parts
    ]
    items[0].hd = HdState.READY
    async with story.database.transaction() as session:
        await album_orders.write(session, order, items)
    order_id, told = str(order.id), []
    await queue_hd(story, *sold[1], order.id)
    for job_id, _ in sold:
        async with ada.follows(job_id) as stream:
            [standing] = (await stream.event()).data["orders"]
            told.append([standing[name] for name in ("order_id", "attempt_id", "hd", "stage")])
    assert told == [
        [order_id, str(sold[0][1]), "ready", None],
        [order_id, str(sold[1][1]), "waiting", "queued"],
    ]


async def test_how_hd_waits_is_told_of_its_order(
    story: Any, serve_api: Any, connect_client: Any, order_hd: Any
) -> None:
    api = await serve_api(event_waiting_seconds=0.05)
    restore = await story.queue(job_id := await story.job())
    order = await order_hd(job_id, restore)
    await story.close(restore, AttemptStatus.CANCELED)
    async with connect_client(api.url).follows(job_id) as stream:
        await stream.event()
        await queue_hd(story, job_id, restore, order)
        event = await stream.any_event()
        while event.kind != "order.waiting":
            assert event.kind == "order.progress"
            event = await stream.any_event()
    assert event.id == -1
    assert (event.data["order_id"], event.data["attempt_id"]) == (str(order), str(restore))
    assert (event.data["stage"], event.data["queue_position"]) == ("queued", 1)
