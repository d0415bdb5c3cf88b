"""Idempotency keys: one row of the vendor's promises, one test."""

import asyncio

import httpx
import pytest

from tests.unit.stripe_simulator.conftest import MakeShop, Shop, error_of

URL = "/v1/checkout/sessions"
DAY = 24 * 3600


async def sessions(shop: Shop) -> int:
    return len((await shop.get(URL, limit="100"))["data"])


async def test_the_first_answer_is_given_again(shop: Shop) -> None:
    first = await shop.post(URL, shop.form(), "key-1")
    again = await shop.post(URL, shop.form(), "key-1")
    assert first.status_code == again.status_code == 200
    assert first.content == again.content
    assert "Idempotent-Replayed" not in first.headers
    assert again.headers["Idempotent-Replayed"] == "true"
    assert again.headers["Original-Request"] == first.headers["Request-Id"]
    assert again.headers["Request-Id"] != first.headers["Request-Id"]
    assert first.headers["Idempotency-Key"] == "key-1"
    assert await sessions(shop) == 1


async def test_the_answer_is_that_of_then_not_of_now(shop: Shop) -> None:
    session = (await shop.post(URL, shop.form(), "key-1")).json()
    await shop.control("pay", session=session["id"])
    assert (await shop.post(URL, shop.form(), "key-1")).json()["status"] == "open"


async def test_another_key_is_another_request(shop: Shop) -> None:
    await shop.post(URL, shop.form(), "key-1")
    await shop.post(URL, shop.form(), "key-2")
    assert await sessions(shop) == 2


async def test_other_parameters_are_an_error(shop: Shop) -> None:
    await shop.post(URL, shop.form(), "key-1")
    reply = await shop.post(URL, shop.form(client_reference_id="order-2"), "key-1")
    assert reply.status_code == 400
    assert error_of(reply)["type"] == "idempotency_error"
    assert "same parameters" in error_of(reply)["message"]
    assert await sessions(shop) == 1
    assert (await shop.ledger())["keys_with_two_meanings"] == ["key-1"]


async def test_another_endpoint_is_an_error(shop: Shop) -> None:
    await shop.post(URL, shop.form(), "key-1")
    reply = await shop.post("/v1/refunds", {"payment_intent": "pi_x"}, "key-1")
    assert error_of(reply)["type"] == "idempotency_error"
    assert "same endpoint" in error_of(reply)["message"]


async def test_the_order_of_parameters_means_nothing(shop: Shop) -> None:
    await shop.post(URL, shop.form(), "key-1")
    backwards = dict(reversed(shop.form().items()))
    again = await shop.post(URL, backwards, "key-1")
    assert again.headers["Idempotent-Replayed"] == "true"


async def test_failed_validation_is_not_kept(shop: Shop) -> None:
    bad = await shop.post(URL, shop.form(success_url="nowhere"), "key-1")
    assert bad.status_code == 400
    good = await shop.post(URL, shop.form(), "key-1")
    assert good.status_code == 200
    assert "Idempotent-Replayed" not in good.headers


async def test_a_refusal_after_execution_began_is_kept(shop: Shop) -> None:
    session = await shop.paid_session()
    await shop.control("refunds", session=session["id"])
    asked = {"payment_intent": session["payment_intent"]}
    first = await shop.post("/v1/refunds", asked, "key-1")
    assert error_of(first)["code"] == "charge_already_refunded"
    refund = (await shop.get("/v1/refunds"))["data"][0]
    await shop.control(f"refunds/{refund['id']}", status="failed")
    again = await shop.post("/v1/refunds", asked, "key-1")
    assert again.headers["Idempotent-Replayed"] == "true"
    assert error_of(again)["code"] == "charge_already_refunded"
    assert (await shop.post("/v1/refunds", asked, "key-2")).status_code == 200


@pytest.mark.parametrize(
    ("seconds", "count"), [(DAY - 1, 1), (DAY, 2)], ids=["within a day", "after a day"]
)
async def test_a_key_lives_for_a_day(shop: Shop, seconds: int, count: int) -> None:
    await shop.post(URL, shop.form(), "key-1")
    await shop.control("clock", advance=seconds)
    assert (await shop.post(URL, shop.form(), "key-1")).status_code == 200
    assert await sessions(shop) == count


async def test_a_pruned_key_may_mean_something_else(shop: Shop) -> None:
    await shop.post(URL, shop.form(), "key-1")
    await shop.control("clock", advance=DAY)
    reply = await shop.post(URL, shop.form(client_reference_id="order-2"), "key-1")
    assert reply.json()["client_reference_id"] == "order-2"


async def under_way(shop: Shop, key: str) -> asyncio.Task[httpx.Response]:
    """A request that waits for the clock while it holds its key."""
    await shop.plan({"kind": "slow", "route": f"POST {URL}", "seconds": 30})
    task = asyncio.create_task(shop.post(URL, shop.form(), key))
    while (await shop.get("/simulator/faults"))["fired"].get("slow") != 1:
        await asyncio.sleep(0)
    return task


async def test_two_at_once_are_a_conflict_that_may_be_retried(shop: Shop) -> None:
    first = await under_way(shop, "key-1")
    second = await shop.post(URL, shop.form(), "key-1")
    assert second.status_code == 409
    assert error_of(second)["code"] == "idempotency_key_in_use"
    assert second.headers["Stripe-Should-Retry"] == "true"
    await shop.control("clock", advance=31)
    done = await first
    assert done.status_code == 200
    third = await shop.post(URL, shop.form(), "key-1")
    assert third.json() == done.json()
    assert await sessions(shop) == 1


async def test_another_key_does_not_wait(shop: Shop) -> None:
    first = await under_way(shop, "key-1")
    assert (await shop.post(URL, shop.form(), "key-2")).status_code == 200
    await shop.control("clock", advance=31)
    assert (await first).status_code == 200


async def test_without_a_key_every_request_is_new(shop: Shop) -> None:
    await shop.post(URL, shop.form())
    await shop.post(URL, shop.form())
    assert await sessions(shop) == 2


@pytest.mark.parametrize(("length", "status"), [(255, 200), (256, 400)])
async def test_keys_have_a_length(shop: Shop, length: int, status: int) -> None:
    assert (await shop.post(URL, shop.form(), "k" * length)).status_code == status


async def test_get_takes_no_notice_of_keys(shop: Shop) -> None:
    headers = {"Idempotency-Key": "key-1"}
    assert (await shop.http.get(URL, headers=headers)).json()["data"] == []
    await shop.open_session()
    assert len((await shop.http.get(URL, headers=headers)).json()["data"]) == 1


async def test_a_saved_answer_outlives_the_process(make_shop: MakeShop) -> None:
    first = await make_shop()
    made = (await first.post(URL, first.form(), "key-1")).json()
    await first.app.aclose()
    second = await make_shop()
    again = await second.post(URL, second.form(), "key-1")
    assert again.json() == made
    assert again.headers["Idempotent-Replayed"] == "true"
