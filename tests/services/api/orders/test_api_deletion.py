"""A job is deleted by its owner: gone at once, had back for a while, and never before delivery."""

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest
from sqlalchemy import func, update
from sqlmodel import col

from rekindle.contracts.orders import OrderStatus
from rekindle.errors import WorkflowsUnavailable
from rekindle.models import Job
from rekindle.store import deletion, events, orders
from tests.services.api.conftest import World
from tests.services.api.orders.conftest import Buy, Orders, SetSettings, Till
from tests.services.statements import statements


async def delete(http: httpx.AsyncClient, job: dict[str, Any]) -> dict[str, Any]:
    reply = await http.delete(job["links"]["delete"])
    assert reply.status_code == 202, reply.text
    document: dict[str, Any] = reply.json()
    return document


async def undelete(http: httpx.AsyncClient, job: dict[str, Any]) -> httpx.Response:
    return await http.post(f"/api/v1/jobs/{job['id']}/undelete")


async def hurry(world: World, job: dict[str, Any]) -> None:
    """The time in which a job can be had back is over."""
    async with world.database.transaction() as session:
        over = update(Job).where(col(Job.id) == UUID(job["id"]))
        await session.execute(over.values(undo_until=func.clock_timestamp()))


async def test_a_deleted_job_is_seen_nowhere_any_more(
    http: httpx.AsyncClient, job: dict[str, Any], restoration: dict[str, Any], buy: Buy, till: Till
) -> None:
    order = await buy(restoration)
    await till.deliver(order)
    attempt = restoration["links"]["self"]
    gone = await delete(http, job)
    assert (gone["job_id"], gone["status"]) == (job["id"], "deleted")
    for path in (
        *(job["links"]["self"], job["links"]["events"], attempt, f"{attempt}/hd"),
        order["links"]["self"],
    ):
        assert (await http.get(path)).status_code == 404, path
    assert (await http.get("/api/v1/jobs")).json()["jobs"] == []
    assert (await http.get("/api/v1/orders")).json()["orders"] == []
    for path in (job["links"]["restore"], job["links"]["animate"]):
        assert (await http.post(path)).status_code == 404, path


async def test_deleting_again_is_the_same_deletion(
    http: httpx.AsyncClient, job: dict[str, Any], world: World
) -> None:
    first = await delete(http, job)
    assert await delete(http, job) == first
    assert world.deletions.begun == [UUID(job["id"])] * 2
    lasts = datetime.fromisoformat(first["undo_until"]) - datetime.fromisoformat(
        first["deleted_at"]
    )
    assert lasts == timedelta(days=1)


async def test_a_deleted_job_can_be_had_back(
    http: httpx.AsyncClient, job: dict[str, Any], restoration: dict[str, Any], world: World
) -> None:
    gone = await delete(http, job)
    back = await http.post(gone["links"]["undo"])
    assert back.status_code == 200, back.text
    assert [each["id"] for each in back.json()["restores"]] == [restoration["id"]]
    assert (await http.get(job["links"]["self"])).json()["status"] == "completed"
    assert (await undelete(http, job)).status_code == 200
    assert world.deletions.undone == [UUID(job["id"])] * 2
    again = await delete(http, job)
    assert again["deleted_at"] > gone["deleted_at"]


async def test_what_happened_is_in_the_log(
    http: httpx.AsyncClient, job: dict[str, Any], world: World
) -> None:
    await delete(http, job)
    await undelete(http, job)
    async with world.database.transaction() as session:
        log = await events.since(session, {UUID(job["id"]): 0}, limit=10)
    assert [(each.kind, each.data) for each in log] == [
        ("job.deleted", {"status": "deleted"}),
        ("job.undeleted", {"status": "active"}),
    ]


async def test_after_its_time_a_deleted_job_cannot_be_had_back(
    http: httpx.AsyncClient, job: dict[str, Any], world: World
) -> None:
    await delete(http, job)
    await hurry(world, job)
    late = await undelete(http, job)
    assert (late.status_code, late.json()["code"]) == (404, "job_not_found")
    assert (await delete(http, job))["links"]["undo"] is None


async def test_without_time_to_undo_it_is_final_at_once(
    http: httpx.AsyncClient, job: dict[str, Any], set_settings: SetSettings
) -> None:
    set_settings(undo_seconds=0.0)
    gone = await delete(http, job)
    assert (gone["undo_until"], gone["links"]["undo"]) == (gone["deleted_at"], None)
    assert (await undelete(http, job)).status_code == 404


async def test_an_erased_job_is_not_found(
    http: httpx.AsyncClient, job: dict[str, Any], world: World
) -> None:
    await delete(http, job)
    async with world.database.transaction() as session:
        assert await deletion.erase(session, UUID(job["id"]))
    assert (await http.delete(job["links"]["delete"])).status_code == 404
    assert (await undelete(http, job)).status_code == 404


async def test_what_is_paid_for_is_delivered_before(
    http: httpx.AsyncClient,
    job: dict[str, Any],
    restoration: dict[str, Any],
    buy: Buy,
    till: Till,
    world: World,
) -> None:
    order = await buy(restoration)
    await till.pay(order)
    reply = await http.delete(job["links"]["delete"])
    assert (reply.status_code, reply.json()["code"]) == (409, "order_undelivered")
    assert (await http.get(job["links"]["self"])).status_code == 200
    assert world.deletions.begun == []
    await till.deliver(order)
    await delete(http, job)


async def test_money_that_goes_back_does_not_hold_a_job(
    http: httpx.AsyncClient, job: dict[str, Any], restoration: dict[str, Any], buy: Buy, till: Till
) -> None:
    order = await buy(restoration)
    await till.pay(order, refunded=True)
    await delete(http, job)


async def test_an_unpaid_order_is_given_up_and_its_page_closed(
    http: httpx.AsyncClient,
    job: dict[str, Any],
    restoration: dict[str, Any],
    buy: Buy,
    world: World,
) -> None:
    order_id = UUID((await buy(restoration))["id"])
    await delete(http, job)
    async with world.database.transaction() as session:
        order = await orders.by_id(session, order_id)
    assert order is not None
    assert (order.status, order.closed_at is None) == (OrderStatus.AWAITING_PAYMENT, False)
    desk: Orders = world.orders
    await desk.until_woken(order_id)


async def test_without_workflows_a_job_is_deleted_all_the_same(
    http: httpx.AsyncClient, job: dict[str, Any], world: World
) -> None:
    world.deletions.failure = WorkflowsUnavailable("temporal.internal")
    await delete(http, job)
    assert (await http.get(job["links"]["self"])).status_code == 404
    await hurry(world, job)
    async with world.database.transaction() as session:
        due = await deletion.overdue(session, since=timedelta(0), most=1000)
    assert UUID(job["id"]) in due


async def test_only_its_owner_deletes_a_job_or_has_it_back(
    http: httpx.AsyncClient, stranger: httpx.AsyncClient, job: dict[str, Any]
) -> None:
    missing = await stranger.delete(f"/api/v1/jobs/{uuid4()}")
    for _ in range(2):
        theirs = await stranger.delete(job["links"]["delete"])
        assert (theirs.status_code, theirs.json()["detail"]) == (404, missing.json()["detail"])
        assert (await undelete(stranger, job)).status_code == 404
        await delete(http, job)  # and the same once it is deleted


async def test_deleting_takes_a_fixed_number_of_statements(
    http: httpx.AsyncClient, make_job: Any, world: World
) -> None:
    job = await make_job(http)
    with statements(world.database) as sent:
        await delete(http, job)
    first = len(sent)
    with statements(world.database) as sent:
        await delete(http, job)
    assert (first, len(sent)) == (5, 2)


@pytest.mark.parametrize(("days", "expected"), [(0.0, None), (30.0, timedelta(days=30))])
async def test_jobs_show_when_they_expire(
    days: float,
    expected: timedelta | None,
    http: httpx.AsyncClient,
    upload: Any,
    set_settings: SetSettings,
) -> None:
    set_settings(job_retention_days=days)
    made = (await upload(http)).json()
    await delete(http, made)
    shown = [
        made,
        (await undelete(http, made)).json(),
        (await http.get(made["links"]["self"])).json(),
        *(await http.get("/api/v1/jobs")).json()["jobs"],
    ]
    assert len(shown) == 4
    for each in shown:
        if expected is None:
            assert each["expires_at"] is None
            continue
        moments = [datetime.fromisoformat(each[name]) for name in ("expires_at", "created_at")]
        assert moments[0] - moments[1] == expected
