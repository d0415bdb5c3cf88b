"""Which events become deliveries: those that were chosen, of one's own things, each once."""

from uuid import UUID, uuid4

import pytest
from sqlalchemy import text

from rekindle.contracts.orders import HdState, OrderStatus, Product
from rekindle.contracts.statuses import AttemptStatus
from rekindle.models import Order
from rekindle.rules.prices import price_of
from rekindle.store import attempts, orders, webhook_deliveries
from tests.services.webhooks.conftest import Town

HOOK = "https://hooks.example/"


async def told(town: Town) -> list[tuple[str, UUID]]:
    return [(each.type, each.subject_id) for each in await town.deliveries()]


async def test_the_three_ends_of_attempts_are_told_and_nothing_else_of_them(town: Town) -> None:
    await town.endpoint(HOOK)
    job_id = await town.job()
    done, failed, canceled = [
        await town.succeeded(job_id),
        await town.failed(job_id),
        await town.attempt(job_id),
    ]
    async with town.database.transaction() as session:
        await attempts.close(session, canceled, AttemptStatus.CANCELED)
        assert not await attempts.close(session, canceled, AttemptStatus.CANCELED)
    assert await told(town) == [
        ("attempt.succeeded", done),
        ("attempt.failed", failed),
        ("attempt.canceled", canceled),
    ]


async def test_only_what_an_endpoint_chose_is_told_there(town: Town) -> None:
    chosen = await town.endpoint(HOOK, "attempt.failed", "order.refunded")
    everything = await town.endpoint(HOOK)
    job_id = await town.job()
    await town.succeeded(job_id)
    await town.failed(job_id)
    found = {(each.endpoint_id, each.type) for each in await town.deliveries()}
    assert found == {
        (chosen.id, "attempt.failed"),
        (everything.id, "attempt.failed"),
        (everything.id, "attempt.succeeded"),
    }


async def test_nobody_is_told_of_what_is_somebody_elses(town: Town) -> None:
    eves = await town.endpoint(HOOK, subject="eve")
    await town.succeeded(await town.job("ada"))
    assert await town.deliveries() == []
    await town.succeeded(await town.job("eve"))
    assert [each.endpoint_id for each in await town.deliveries()] == [eves.id]


async def test_a_change_that_is_rolled_back_is_told_nobody(town: Town) -> None:
    await town.endpoint(HOOK)
    attempt_id = await town.attempt(await town.job())
    async with town.database.transaction() as session:
        await attempts.close(session, attempt_id, AttemptStatus.CANCELED)
        await session.rollback()
    assert await town.deliveries() == []


async def ordered(town: Town) -> UUID:
    """An order of HD of somebody's restoration."""
    job_id = await town.job()
    price = price_of(Product.HD_IMAGE, "usd")
    async with town.database.transaction() as session:
        order = Order(
            id=uuid4(),
            job_id=job_id,
            attempt_id=await town.attempt(job_id),
            product=Product.HD_IMAGE,
            amount=price.amount,
            currency=price.currency,
            price_version=price.version,
            expires_at=(await session.execute(text("select now()"))).scalar_one(),
        )
        return (await orders.open_or_reuse(session, order)).id


async def test_an_order_is_told_when_it_is_delivered_and_when_it_is_refunded_each_once(
    town: Town,
) -> None:
    await town.endpoint(HOOK)
    order_id = await ordered(town)
    for status in (
        OrderStatus.AWAITING_PAYMENT,
        OrderStatus.PAID,
        OrderStatus.DELIVERED,
        OrderStatus.DISPUTED,
        OrderStatus.DELIVERED,
        OrderStatus.REFUNDING,
        OrderStatus.REFUNDED,
    ):
        async with town.database.transaction() as session:
            assert await orders.change(session, order_id, status=status)
    async with town.database.transaction() as session:
        assert await orders.change(session, order_id, hd=HdState.FAILED)
    assert await told(town) == [("order.delivered", order_id), ("order.refunded", order_id)]


async def test_an_order_over_several_photos_is_told_once_to_whoever_buys_it(town: Town) -> None:
    mine = [await town.endpoint(HOOK), await town.endpoint(HOOK, "order.refunded")]
    await town.endpoint(HOOK, subject="eve")
    order = await town.album_order()
    for status in (
        OrderStatus.AWAITING_PAYMENT,
        OrderStatus.PAID,
        OrderStatus.DELIVERED,
        OrderStatus.DISPUTED,
        OrderStatus.DELIVERED,
    ):
        async with town.database.transaction() as session:
            assert await orders.change(session, order.id, status=status)
    async with town.database.transaction() as session:
        await session.execute(text("delete from albums where id = :id"), {"id": order.album_id})
    async with town.database.transaction() as session:
        assert await orders.change(session, order.id, status=OrderStatus.REFUNDED)
    found = await town.deliveries()
    assert {(each.endpoint_id, each.type, each.album_id) for each in found} == {
        (mine[0].id, "order.delivered", order.album_id),
        (mine[0].id, "order.refunded", None),
        (mine[1].id, "order.refunded", None),
    }
    assert {(each.subject_id, each.job_id) for each in found} == {(order.id, None)}
    assert len({each.event_id for each in found}) == len(found)


async def test_deliveries_go_with_their_job(town: Town) -> None:
    await town.endpoint(HOOK)
    kept, gone = await town.job(), await town.job()
    await town.succeeded(kept)
    await town.succeeded(gone)
    async with town.database.transaction() as session:
        await session.execute(text("delete from jobs where id = :id"), {"id": gone})
    assert [each.job_id for each in await town.deliveries()] == [kept]


@pytest.mark.parametrize(("days", "left"), [(29, 1), (31, 0)])
async def test_what_ended_long_ago_is_forgotten(town: Town, days: int, left: int) -> None:
    await town.endpoint(HOOK)
    await town.succeeded(await town.job())
    async with town.database.transaction() as session:
        await session.execute(
            text(
                "update webhook_deliveries set status = 'failed',"
                " ended_at = now() - make_interval(days => :days)"
            ),
            {"days": days},
        )
        await webhook_deliveries.forget_ended(session)
    assert len(await town.deliveries()) == left


async def test_one_whose_workflow_was_lost_is_due_again_after_a_while(town: Town) -> None:
    await town.endpoint(HOOK)
    await town.succeeded(await town.job())

    async def claimed() -> int:
        async with town.database.transaction() as session:
            return len(await webhook_deliveries.claim_due(session, most=10))

    assert [await claimed(), await claimed()] == [1, 0]
    async with town.database.transaction() as session:
        await session.execute(
            text("update webhook_deliveries set due_at = due_at - interval '10 minutes'")
        )
    assert await claimed() == 1
