"""Orders are looked at, listed and given up by whoever has their job, and by nobody else."""

from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest
from sqlalchemy import update
from sqlmodel import col

from rekindle.contracts.orders import HdState, RefundReason
from rekindle.contracts.statuses import JobStatus, Stage
from rekindle.errors import WorkflowsUnavailable
from rekindle.models import Job
from rekindle.rules.orders import WantedRefund
from rekindle.store import attempts, orders, refunds
from tests.services.statements import statements


async def looked_at(http: httpx.AsyncClient, order: dict[str, Any]) -> dict[str, Any]:
    reply = await http.get(order["links"]["self"])
    assert reply.status_code == 200
    document: dict[str, Any] = reply.json()
    return document


async def test_an_order_tells_how_far_its_hd_is(
    http: httpx.AsyncClient,
    restoration: dict[str, Any],
    buy: Any,
    till: Any,
    world: Any,
) -> None:
    order = await buy(restoration)
    await till.pay(order)
    paid = await looked_at(http, order)
    assert (paid["status"], paid["hd"]["state"], paid["expires_at"]) == ("paid", "waiting", None)
    assert paid["paid_at"]
    assert paid["links"]["cancel"] is None

    hd = await till.render(order)
    waiting = (await looked_at(http, order))["hd"]
    assert (waiting["state"], waiting["stage"], waiting["queue_position"]) == (
        "rendering",
        "queued",
        1,
    )
    async with world.database.transaction() as session:
        await attempts.advance(
            session, hd.id, try_number=1, stage=Stage.RENDERING, progress=0.5, pod_id="p"
        )
    running = (await looked_at(http, order))["hd"]
    assert (running["progress"], running["queue_position"]) == (0.5, None)

    await till.deliver(order)
    done = await looked_at(http, order)
    assert (done["status"], done["hd"]["state"]) == ("delivered", "ready")
    assert done["delivered_at"]
    assert done["hd_url"]
    assert done["links"]["hd"] == f"{restoration['links']['self']}/hd"


async def test_hd_that_cannot_be_made_says_that_the_money_goes_back(
    http: httpx.AsyncClient, restoration: dict[str, Any], buy: Any, till: Any
) -> None:
    order = await buy(restoration)
    await till.pay(order)
    await till.finish(order, HdState.FAILED)
    await till.pay(order)
    failed = await looked_at(http, order)
    assert (failed["status"], failed["hd"]["state"]) == ("refunding", "failed")
    assert failed["hd"]["error"]["code"] == "deadline_exceeded"
    assert "goes back" in failed["hd"]["error"]["message"]
    [refund] = failed["refunds"]
    assert (refund["amount"], refund["status"], refund["reason"]) == (499, "requested", "hd_failed")


async def test_every_refund_is_told_with_how_it_stands(
    http: httpx.AsyncClient, restoration: dict[str, Any], buy: Any, till: Any, world: Any
) -> None:
    order = await buy(restoration)
    order_id = UUID(order["id"])
    await till.deliver(order)
    async with world.database.transaction() as session:
        assert await orders.lock(session, order_id)
        for amount in (100, 20, 3):
            wanted = WantedRefund(f"pi_{order_id.hex}", amount, RefundReason.OPERATOR)
            await refunds.append(session, order_id, wanted)
        await refunds.answer(session, order_id, 1, f"re_{order_id.hex}")
        await refunds.void(session, order_id, [2])
    told = [(each["amount"], each["status"]) for each in (await looked_at(http, order))["refunds"]]
    assert told == [(100, "accepted"), (20, "void"), (3, "requested")]


async def test_nobody_else_learns_of_an_order(
    http: httpx.AsyncClient,
    stranger: httpx.AsyncClient,
    job: dict[str, Any],
    restoration: dict[str, Any],
    buy: Any,
    till: Any,
    make_job: Any,
    world: Any,
) -> None:
    order = await buy(restoration)
    await till.deliver(order)
    links = (await looked_at(http, order))["links"]
    for method, path, code in (
        ("GET", links["self"], "order_not_found"),
        ("POST", f"{links['self']}/cancel", "order_not_found"),
        ("GET", f"/api/v1/orders/{uuid4()}", "order_not_found"),
        ("GET", links["hd"], "job_not_found"),
    ):
        reply = await stranger.request(method, path)
        assert (reply.status_code, reply.json()["code"]) == (404, code), path
        assert order["id"] not in reply.text.replace(links["self"], "")
    wish = {"attempt_id": restoration["id"]}
    theirs = await make_job(stranger)
    for there, code in ((job, "job_not_found"), (theirs, "attempt_not_found")):
        reply = await stranger.post(there["links"]["checkout"], json=wish)
        assert (reply.status_code, reply.json()["code"]) == (404, code)
    assert (await stranger.get("/api/v1/orders")).json()["orders"] == []
    assert (await looked_at(http, order))["status"] == "delivered"


async def test_the_orders_of_a_deleted_job_are_gone(
    http: httpx.AsyncClient, restoration: dict[str, Any], buy: Any, world: Any
) -> None:
    order = await buy(restoration)
    async with world.database.transaction() as session:
        gone = col(Job.id) == UUID(order["job_id"])
        await session.execute(update(Job).where(gone).values(status=JobStatus.DELETED))
    reply = await http.get(order["links"]["self"])
    assert (reply.status_code, reply.json()["code"]) == (404, "order_not_found")
    assert (await http.get("/api/v1/orders")).json()["orders"] == []


async def test_orders_come_newest_first_in_pages_without_a_gap(
    http: httpx.AsyncClient, restoration: dict[str, Any], animation: dict[str, Any], buy: Any
) -> None:
    made = [
        await buy(restoration),
        await buy(animation),
        await buy(restoration, currency="eur"),
        await buy(animation, currency="eur"),
        await buy(restoration, currency="gbp"),
    ]
    seen, page = [], "/api/v1/orders?limit=2"
    while page:
        document = (await http.get(page)).json()
        assert document["links"]["self"] == page
        assert len(document["orders"]) <= 2
        seen += [each["id"] for each in document["orders"]]
        page = document["links"]["next"]
    assert seen == [each["id"] for each in reversed(made)]
    wrong = await http.get("/api/v1/orders?cursor=x")
    assert (wrong.status_code, wrong.json()["code"]) == (422, "invalid_request")


async def test_an_order_is_given_up_once_and_stays_so(
    http: httpx.AsyncClient, restoration: dict[str, Any], buy: Any, world: Any
) -> None:
    order = await buy(restoration)
    for _ in range(2):
        reply = await http.post(order["links"]["cancel"])
        assert (reply.status_code, reply.json()["status"]) == (200, "expired")
        assert reply.json()["links"]["cancel"] is None
    assert set(world.orders.woken) == {UUID(order["id"])}
    assert (await looked_at(http, order))["status"] == "expired"
    assert (await buy(restoration))["id"] != order["id"]


async def test_without_its_workflow_a_cancel_comes_again(
    http: httpx.AsyncClient, restoration: dict[str, Any], buy: Any, world: Any
) -> None:
    """The page is closed by the order's workflow: only that makes the cancel whole."""
    order = await buy(restoration)
    key = {"Idempotency-Key": str(uuid4())}
    world.orders.failure = WorkflowsUnavailable()
    reply = await http.post(order["links"]["cancel"], headers=key)
    assert (reply.status_code, reply.json()["retryable"]) == (503, True)
    world.orders.failure = None
    assert (await http.post(order["links"]["cancel"], headers=key)).status_code == 200
    assert world.orders.woken == [UUID(order["id"])]


@pytest.mark.parametrize("refunded", [False, True])
async def test_what_was_paid_is_not_given_up(
    refunded: bool,
    http: httpx.AsyncClient,
    restoration: dict[str, Any],
    buy: Any,
    till: Any,
    world: Any,
) -> None:
    order = await buy(restoration)
    await till.pay(order, refunded=refunded)
    before = await looked_at(http, order)
    reply = await http.post(order["links"]["cancel"])
    assert (reply.status_code, reply.json()["code"]) == (409, "order_not_cancelable")
    assert reply.json()["retryable"] is False
    assert await looked_at(http, order) == before
    assert world.orders.woken == []


async def test_a_job_lists_its_orders_and_keeps_hd_out_of_its_attempts(
    http: httpx.AsyncClient,
    job: dict[str, Any],
    restoration: dict[str, Any],
    animation: dict[str, Any],
    buy: Any,
    till: Any,
) -> None:
    first, second = await buy(restoration), await buy(animation)
    await till.pay(first)
    await till.render(first)
    shown = (await http.get(job["links"]["self"])).json()
    assert [each["id"] for each in shown["restores"]] == [restoration["id"]]
    assert [each["id"] for each in shown["animations"]] == [animation["id"]]
    assert shown["orders"] == [
        {
            "id": order["id"],
            "attempt_id": order["attempt_id"],
            "product": order["product"],
            "status": status,
            "hd": "waiting",
            "links": {"self": order["links"]["self"]},
        }
        for order, status in ((first, "paid"), (second, "awaiting_payment"))
    ]
    [listed] = (await http.get("/api/v1/jobs")).json()["jobs"]
    assert listed["orders"] == shown["orders"]


async def test_a_job_changes_its_tag_with_every_change_of_its_orders(
    http: httpx.AsyncClient, job: dict[str, Any], restoration: dict[str, Any], buy: Any, till: Any
) -> None:
    async def tag() -> str:
        return str((await http.get(job["links"]["self"])).headers["etag"]).partition("|")[0]

    tags = [await tag()]
    order = await buy(restoration)
    tags.append(await tag())
    for step in (till.pay, till.finish, till.pay):
        await step(order)
        tags.append(await tag())
    assert len(set(tags)) == len(tags)


async def test_how_many_statements_a_look_takes(
    http: httpx.AsyncClient,
    job: dict[str, Any],
    restoration: dict[str, Any],
    animation: dict[str, Any],
    buy: Any,
    till: Any,
    make_job: Any,
    world: Any,
) -> None:
    async def count(path: str) -> int:
        with statements(world.database) as sent:
            assert (await http.get(path)).status_code == 200
        return len(sent)

    fresh = await make_job(http)
    first, second = await buy(restoration), await buy(animation)
    await till.deliver(first)
    # Whose it is, its attempts, and, where there can be any, its orders.
    assert await count(fresh["links"]["self"]) == 2
    assert await count(job["links"]["self"]) == 3
    # The order with its HD attempt and entitlement, its refunds.
    assert await count(first["links"]["self"]) == 2
    assert await count("/api/v1/orders") == 2
    assert await count(f"{restoration['links']['self']}/hd") == 2
    # How HD that is being made waits.
    await till.pay(second)
    await till.render(second)
    assert await count(second["links"]["self"]) == 3
    assert await count("/api/v1/orders") == 3


async def test_times_are_moments_with_a_zone(
    http: httpx.AsyncClient, restoration: dict[str, Any], buy: Any, till: Any
) -> None:
    order = await buy(restoration)
    await till.deliver(order)
    told = await looked_at(http, order)
    moments = [
        datetime.fromisoformat(told[f"{name}_at"]) for name in ("created", "paid", "delivered")
    ]
    assert moments == sorted(moments)
    assert all(each.tzinfo is not None and each <= datetime.now(UTC) for each in moments)
