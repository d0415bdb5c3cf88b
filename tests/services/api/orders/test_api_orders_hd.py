"""HD is opened by who paid for it, for as long as the right to it lasts."""

import asyncio
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit
from uuid import uuid4

import httpx

from rekindle.adapters.s3 import S3Store


async def opened(url: str) -> httpx.Response:
    """What a browser gets there, without any token."""
    async with httpx.AsyncClient(timeout=60, trust_env=False) as browser:
        return await browser.get(url)


def hd_of(attempt: dict[str, Any]) -> str:
    return f"{attempt['links']['self']}/hd"


async def test_hd_costs_money(
    http: httpx.AsyncClient, job: dict[str, Any], restoration: dict[str, Any], buy: Any
) -> None:
    reply = await http.get(hd_of(restoration))
    assert (reply.status_code, reply.json()["code"]) == (402, "payment_required")
    assert reply.headers["content-type"] == "application/problem+json"
    assert reply.json()["links"] == {"checkout": job["links"]["checkout"]}
    order = await buy(restoration)
    assert (await http.get(hd_of(restoration))).status_code == 402
    cancelled = await http.post(order["links"]["cancel"])
    assert cancelled.json()["hd_url"] is None
    assert (await http.get(hd_of(restoration))).status_code == 402


async def test_hd_that_is_paid_and_not_yet_made_is_asked_for_again_later(
    http: httpx.AsyncClient, restoration: dict[str, Any], buy: Any, till: Any
) -> None:
    order = await buy(restoration)
    await till.pay(order)
    for step in (None, till.render):
        if step is not None:
            await step(order)
        reply = await http.get(hd_of(restoration))
        assert (reply.status_code, reply.json()["code"]) == (409, "hd_not_ready")
        assert reply.json()["retryable"] is True
        assert int(reply.headers["retry-after"]) > 0


async def test_paid_hd_is_opened_by_a_short_address_under_a_name_of_ours(
    http: httpx.AsyncClient, restoration: dict[str, Any], buy: Any, till: Any
) -> None:
    order = await buy(restoration)
    content = await till.deliver(order)
    reply = await http.get(hd_of(restoration))
    assert reply.status_code == 200
    document = reply.json()
    assert document["order_id"] == order["id"]
    assert document["filename"] == f"rekindle-{restoration['id'].replace('-', '')[:8]}-hd.png"
    assert 0 < (datetime.fromisoformat(document["expires_at"]) - datetime.now(UTC)).seconds <= 300
    for url in (document["url"], (await http.get(order["links"]["self"])).json()["hd_url"]):
        assert "X-Amz-Expires=300" in url
        file = await opened(url)
        assert (file.status_code, file.content) == (200, content)
        assert document["filename"] in file.headers["content-disposition"]
        assert file.headers["content-disposition"].startswith("attachment")


async def test_an_address_of_hd_runs_out(
    http: httpx.AsyncClient,
    restoration: dict[str, Any],
    buy: Any,
    till: Any,
    set_settings: Any,
) -> None:
    order = await buy(restoration)
    await till.deliver(order)
    set_settings(hd_url_seconds=1)
    document = (await http.get(hd_of(restoration))).json()
    async with asyncio.timeout(60):
        while (await opened(document["url"])).status_code != 403:
            await asyncio.sleep(0.2)


async def test_who_is_paid_back_loses_the_right_to_it(
    http: httpx.AsyncClient,
    job: dict[str, Any],
    restoration: dict[str, Any],
    buy: Any,
    till: Any,
) -> None:
    order = await buy(restoration)
    await till.deliver(order)
    await till.pay(order, refunded=True)
    reply = await http.get(hd_of(restoration))
    assert (reply.status_code, reply.json()["code"]) == (402, "payment_required")
    told = (await http.get(order["links"]["self"])).json()
    assert (told["status"], told["hd_url"], told["links"]["hd"]) == ("refunded", None, None)
    assert told["links"]["checkout"] == job["links"]["checkout"]


async def test_hd_bought_again_after_a_refund_is_opened_by_the_new_order(
    http: httpx.AsyncClient, restoration: dict[str, Any], buy: Any, till: Any
) -> None:
    first = await buy(restoration)
    await till.deliver(first)
    await till.pay(first, refunded=True)
    second = await buy(restoration)
    assert (await http.get(hd_of(restoration))).status_code == 402
    await till.deliver(second)
    assert (await http.get(hd_of(restoration))).json()["order_id"] == second["id"]


async def test_paying_for_one_attempt_opens_no_other(
    http: httpx.AsyncClient,
    job: dict[str, Any],
    restoration: dict[str, Any],
    animation: dict[str, Any],
    buy: Any,
    till: Any,
    succeed: Any,
) -> None:
    await till.deliver(await buy(restoration))
    another = (await http.post(job["links"]["restore"])).json()
    await succeed(another)
    for attempt in (another, animation):
        assert (await http.get(hd_of(attempt))).status_code == 402
    assert (await http.get(hd_of(restoration))).status_code == 200


async def test_an_attempt_has_hd_of_its_own_kind_alone(
    http: httpx.AsyncClient,
    job: dict[str, Any],
    restoration: dict[str, Any],
    animation: dict[str, Any],
    buy: Any,
    till: Any,
    make_job: Any,
) -> None:
    await till.deliver(await buy(restoration))
    another = await make_job(http)
    here, there = job["links"]["self"], another["links"]["self"]
    for path in (
        f"{here}/animations/{restoration['id']}/hd",
        f"{here}/restores/{animation['id']}/hd",
        f"{here}/restores/{uuid4()}/hd",
        f"{there}/restores/{restoration['id']}/hd",
    ):
        reply = await http.get(path)
        assert (reply.status_code, reply.json()["code"]) == (404, "attempt_not_found"), path


async def test_the_address_of_a_preview_opens_neither_hd_nor_the_master(
    http: httpx.AsyncClient,
    restoration: dict[str, Any],
    buy: Any,
    till: Any,
    objects: S3Store,
    tmp_path: Any,
) -> None:
    order = await buy(restoration)
    await till.deliver(order)
    preview = restoration["preview_url"]
    hd = (await http.get(hd_of(restoration))).json()["url"]
    for wanted in (urlsplit(hd).path, urlsplit(hd).path.replace("_hd", "_master")):
        changed = urlsplit(preview)._replace(path=wanted).geturl()
        assert (await opened(changed)).status_code == 403
        bare = urlsplit(preview)._replace(path=wanted, query="").geturl()
        assert (await opened(bare)).status_code == 403
    other_method = await asyncio.to_thread(httpx.put, hd, content=b"x", timeout=60, trust_env=False)
    assert other_method.status_code == 403
