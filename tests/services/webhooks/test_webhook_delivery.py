"""What users' servers are told: once, signed, again and again until they have it."""

import asyncio
from uuid import UUID, uuid4

import pytest
from sqlalchemy import text
from structlog.testing import capture_logs
from temporalio.client import Client
from temporalio.contrib.pydantic import pydantic_data_converter
from temporalio.testing import TimeSkipper

from deploy.embedded.ports import free_port
from rekindle.adapters.webhook_workflows import TemporalWebhooks
from rekindle.contracts import webhooks
from rekindle.contracts.orders import OrderStatus
from rekindle.contracts.webhooks import DeliveryStatus, SendFailure
from rekindle.errors import WorkflowsUnavailable
from rekindle.rules.webhooks import DELAYS
from rekindle.store import orders, webhook_deliveries, webhook_endpoints
from tests.services.webhooks.conftest import ISSUER, Post, Receiver, Town, post_office
from worker.webhooks import WebhookStarter


async def until_tried(town: Town, times: int) -> None:
    """Wait until the one delivery has been tried so often."""
    async with asyncio.timeout(120):
        while (await town.deliveries())[0].tries < times:
            await asyncio.sleep(0.02)


async def test_the_end_of_an_attempt_is_told_once_and_signed(
    town: Town, post: Post, receiver: Receiver
) -> None:
    endpoint, job_id = (
        await town.endpoint(f"{receiver.url}/hook?token=canary-url"),
        await town.job(),
    )
    attempt_id = await town.succeeded(job_id)
    with capture_logs() as log:
        [sent] = await post.delivers()
    assert sent.status is DeliveryStatus.DELIVERED
    [message] = receiver.got
    [row] = await town.deliveries()
    assert message.is_signed_with(town.secret(endpoint))
    assert not message.is_signed_with(town.secret(endpoint, rotation=1))
    assert message.headers["webhook-id"] == f"msg_{row.id.hex}"
    assert message.headers["content-type"] == "application/json"
    assert message.path == "/hook?token=canary-url"
    assert message.data.pop("timestamp").endswith("Z")
    assert message.data | {"timestamp": None} == {
        "type": "attempt.succeeded",
        "timestamp": None,
        "data": {
            "job_id": str(job_id),
            "attempt_id": str(attempt_id),
            "status": "succeeded",
        },
    }
    assert (row.status, row.tries, row.last_status, row.last_failure) == ("delivered", 1, 200, None)
    assert await post.starter.begin_due() == 0
    assert "canary" not in str(log)


async def test_a_failure_is_told_with_its_code(town: Town, post: Post, receiver: Receiver) -> None:
    await town.endpoint(receiver.url)
    await town.failed(await town.job(), "graph_stalled")
    await post.delivers()
    [message] = receiver.got
    assert message.data["type"] == "attempt.failed"
    assert message.data["data"]["error_code"] == "graph_stalled"


async def test_a_history_holds_no_address_no_body_and_no_secret(
    town: Town, post: Post, receiver: Receiver
) -> None:
    endpoint, job_id = await town.endpoint(f"{receiver.url}/canary-url"), await town.job()
    attempt_id = await town.succeeded(job_id)
    await post.delivers()
    [row] = await town.deliveries()
    name = webhooks.workflow_id(row.event_id, row.endpoint_id)
    history = (await post.client.get_workflow_handle(name).fetch_history()).to_json()
    secrets = [town.secret(endpoint), "canary", receiver.url, str(job_id), str(attempt_id)]
    assert [each for each in secrets if each in history] == []


async def test_rows_hold_no_secret(town: Town, post: Post, receiver: Receiver) -> None:
    endpoint = await town.endpoint(receiver.url)
    await town.succeeded(await town.job())
    await post.delivers()
    async with town.database.transaction() as session:
        for table in ("webhook_endpoints", "webhook_deliveries"):
            rows = (await session.execute(text(f"select to_jsonb(t)::text from {table} t"))).all()  # noqa: S608
            assert len(rows) == 1
            assert town.secret(endpoint) not in str(rows)
            assert "nobody's business" not in str(rows)


async def test_it_is_sent_again_for_three_days_and_then_the_endpoint_counts_as_failing(
    town: Town, skipping: TimeSkipper, receiver: Receiver
) -> None:
    endpoint, job_id = await town.endpoint(receiver.url), await town.job()
    receiver.always = 500
    async with post_office(skipping.client, town) as post:
        await town.succeeded(job_id)
        [sent] = await post.delivers()
        assert sent.status is DeliveryStatus.FAILED
        assert len(receiver.got) == len(DELAYS) + 1
        assert len({each.headers["webhook-id"] for each in receiver.got}) == 1
        assert len({each.body for each in receiver.got}) == 1
        [row] = await town.deliveries()
        assert (row.status, row.tries, row.last_status) == ("failed", len(DELAYS) + 1, 500)
        assert row.ended_at is not None
        assert await town.status(endpoint) == "failing"

        receiver.always = 204
        await town.succeeded(job_id)
        await post.delivers()
        assert await town.status(endpoint) == "enabled"


async def test_an_endpoint_that_is_gone_is_told_nothing_more(
    town: Town, post: Post, receiver: Receiver
) -> None:
    endpoint, job_id = await town.endpoint(receiver.url), await town.job()
    receiver.always = 410
    await town.succeeded(job_id)
    [sent] = await post.delivers()
    assert sent.status is DeliveryStatus.FAILED
    assert await town.status(endpoint) == "disabled"
    await town.succeeded(job_id)
    assert len(await town.deliveries()) == 1
    assert len(receiver.got) == 1


async def test_a_redirect_is_not_followed_and_counts_as_a_refusal(
    town: Town, skipping: TimeSkipper, receiver: Receiver
) -> None:
    await town.endpoint(f"{receiver.url}/hook")
    receiver.answers = [301, 307]
    async with post_office(skipping.client, town) as post:
        await town.succeeded(await town.job())
        [sent] = await post.delivers()
    assert sent.status is DeliveryStatus.DELIVERED
    assert [each.path for each in receiver.got] == ["/hook"] * 3


async def test_nobody_there_is_noted_without_a_word_of_whom(town: Town, post: Post) -> None:
    await town.endpoint(f"http://127.0.0.1:{free_port()}/")
    await town.succeeded(await town.job())
    await post.starter.begin_due()
    await until_tried(town, 1)
    [row] = await town.deliveries()
    assert (row.status, row.last_status) == ("pending", None)
    assert row.last_failure == SendFailure.UNREACHABLE


async def test_several_that_begin_the_same_send_it_once(
    town: Town, post: Post, receiver: Receiver
) -> None:
    await town.endpoint(receiver.url)
    job_id = await town.job()
    for _ in range(5):
        await town.succeeded(job_id)
    starters = [WebhookStarter(town.database, post.commands) for _ in range(4)]
    begun = await asyncio.gather(*(each.begin_due() for each in starters))
    assert sum(begun) == 5
    rows = await town.deliveries()
    for row in rows:  # and once more, as after a crash before anything was noted
        await post.commands.begin(row.event_id, row.endpoint_id, row.id)
    for row in rows:
        await post.result(row)
    assert len(receiver.got) == 5
    assert len({each.headers["webhook-id"] for each in receiver.got}) == 5


async def test_an_operator_can_have_a_waiting_one_sent_at_once(
    town: Town, post: Post, receiver: Receiver
) -> None:
    await town.endpoint(receiver.url)
    await town.succeeded(await town.job())
    receiver.answers = [500, 500]
    await post.starter.begin_due()
    await until_tried(town, 1)
    [row] = await town.deliveries()
    await post.commands.try_now(row.event_id, row.endpoint_id, row.id)
    await until_tried(town, 2)  # by itself it would be sent again in five minutes
    await post.commands.try_now(row.event_id, row.endpoint_id, row.id)
    assert (await post.result(row)).status is DeliveryStatus.DELIVERED
    assert len(receiver.got) == 3


async def test_a_delivered_one_can_be_replayed_under_its_id(
    town: Town, post: Post, receiver: Receiver
) -> None:
    await town.endpoint(receiver.url)
    await town.succeeded(await town.job())
    await post.delivers()
    [row] = await town.deliveries()
    await post.commands.begin(row.event_id, row.endpoint_id, row.id)
    assert (await post.result(row)).status is DeliveryStatus.DELIVERED
    assert len(receiver.got) == 1  # to begin it again is not to send it again
    async with town.database.transaction() as session:
        due = await webhook_deliveries.reopen(session, row.id)
    assert due is not None
    await post.commands.try_now(due.event_id, due.endpoint_id, due.delivery_id)
    await post.result(row)
    first, second = receiver.got
    assert first.headers["webhook-id"] == second.headers["webhook-id"]
    assert first.body == second.body
    async with town.database.transaction() as session:
        assert await webhook_deliveries.reopen(session, uuid4()) is None


async def test_for_a_day_after_a_rotation_both_secrets_are_good(
    town: Town, post: Post, receiver: Receiver
) -> None:
    endpoint, job_id = await town.endpoint(receiver.url), await town.job()

    async def rotate(rotation_id: UUID) -> int:
        async with town.database.transaction() as session:
            found = await webhook_endpoints.rotate(
                session, endpoint.id, rotation_id, issuer=ISSUER, subject="ada"
            )
        assert found is not None
        return found.rotation

    once = uuid4()
    assert [await rotate(once), await rotate(once)] == [1, 1]
    await town.succeeded(job_id)
    await post.delivers()
    assert [receiver.got[0].is_signed_with(town.secret(endpoint, n)) for n in (0, 1, 2)] == [
        True,
        True,
        False,
    ]
    async with town.database.transaction() as session:
        await session.execute(
            text("update webhook_endpoints set rotated_at = rotated_at - interval '25 hours'")
        )
    await town.succeeded(job_id)
    await post.delivers()
    assert [receiver.got[1].is_signed_with(town.secret(endpoint, n)) for n in (0, 1)] == [
        False,
        True,
    ]


async def test_a_deleted_endpoint_is_told_nothing_that_was_under_way(
    town: Town, post: Post, receiver: Receiver
) -> None:
    endpoint = await town.endpoint(receiver.url)
    await town.succeeded(await town.job())
    receiver.always = 500
    await post.starter.begin_due()
    await until_tried(town, 1)
    [row] = await town.deliveries()
    async with town.database.transaction() as session:
        assert not await webhook_endpoints.remove(
            session, endpoint.id, issuer=ISSUER, subject="eve"
        )
        assert await webhook_endpoints.remove(session, endpoint.id, issuer=ISSUER, subject="ada")
    assert await town.deliveries() == []
    await post.commands.try_now(row.event_id, row.endpoint_id, row.id)
    assert (await post.result(row)).status is DeliveryStatus.GONE
    assert len(receiver.got) <= 2  # the second, if this took longer than its wait of 5 s


async def test_whoever_writes_an_event_rings_so_it_is_sent_at_once(
    town: Town, post: Post, receiver: Receiver
) -> None:
    await town.endpoint(receiver.url)
    job_id = await town.job()
    await town.succeeded(job_id)  # before anybody listens
    starter = WebhookStarter(town.database, post.commands, look_seconds=3600)
    async with starter.running(), asyncio.timeout(120):
        while len(receiver.got) < 1:
            await asyncio.sleep(0.02)
        for _ in range(3):
            await town.succeeded(job_id)
        while len(receiver.got) < 4:
            await asyncio.sleep(0.02)
    assert len({each.headers["webhook-id"] for each in receiver.got}) == 4


async def test_without_temporal_nothing_is_lost(town: Town, post: Post, receiver: Receiver) -> None:
    await town.endpoint(receiver.url)
    await town.succeeded(await town.job())
    nowhere = await Client.connect(
        f"127.0.0.1:{free_port()}", lazy=True, data_converter=pydantic_data_converter
    )
    lost = WebhookStarter(town.database, TemporalWebhooks(nowhere, patience_seconds=0.5))
    with pytest.raises(WorkflowsUnavailable):
        await lost.begin_due()
    [sent] = await post.delivers()
    assert sent.status is DeliveryStatus.DELIVERED


async def test_the_order_of_an_album_is_told_with_its_album(
    town: Town, post: Post, receiver: Receiver
) -> None:
    endpoint, order = await town.endpoint(receiver.url), await town.album_order()
    async with town.database.transaction() as session:
        assert await orders.change(session, order.id, status=OrderStatus.DELIVERED)
    [sent] = await post.delivers()
    assert sent.status is DeliveryStatus.DELIVERED
    [message] = receiver.got
    assert message.is_signed_with(town.secret(endpoint))
    assert (message.data["type"], message.data["data"]) == (
        "order.delivered",
        {"album_id": str(order.album_id), "order_id": str(order.id), "status": "delivered"},
    )
