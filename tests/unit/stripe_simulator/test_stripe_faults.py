"""Requests that go wrong on script; what was done is seen in the ledger."""

import asyncio

import pytest

from tests.unit.stripe_simulator.conftest import Shop, error_of

URL = "/v1/checkout/sessions"
ROUTE = {"route": f"POST {URL}"}


async def count(shop: Shop) -> int:
    return len((await shop.ledger())["sessions"])


@pytest.mark.parametrize("status_code", [500, 503])
async def test_an_error_before_anything_leaves_the_key_free(shop: Shop, status_code: int) -> None:
    await shop.plan({"kind": "server_error", "status_code": status_code, **ROUTE})
    failed = await shop.post(URL, shop.form(), "key-1")
    assert (failed.status_code, error_of(failed)["type"]) == (status_code, "api_error")
    assert await count(shop) == 0
    assert (await shop.post(URL, shop.form(), "key-1")).status_code == 200
    assert await count(shop) == 1


async def test_a_saved_error_is_replayed_although_nothing_was_done(shop: Shop) -> None:
    await shop.plan({"kind": "server_error", "saved": True, **ROUTE})
    for _ in range(3):
        assert (await shop.post(URL, shop.form(), "key-1")).status_code == 500
    again = await shop.post(URL, shop.form(), "key-1")
    assert again.headers["Idempotent-Replayed"] == "true"
    assert again.headers["Stripe-Should-Retry"] == "false"
    assert await count(shop) == 0
    assert (await shop.post(URL, shop.form(), "key-2")).status_code == 200


async def test_an_error_after_it_was_done_is_replayed(shop: Shop) -> None:
    session = await shop.paid_session()
    await shop.plan({"kind": "error_after", "route": "POST /v1/refunds"})
    asked = {"payment_intent": session["payment_intent"]}
    for _ in range(2):
        assert (await shop.post("/v1/refunds", asked, "key-1")).status_code == 500
    found = await shop.get("/v1/refunds", payment_intent=session["payment_intent"])
    assert [one["amount"] for one in found["data"]] == [490]
    outcomes = [row["outcome"] for row in (await shop.ledger())["requests"][-2:]]
    assert outcomes == ["done, then failed", "replayed"]


async def test_an_error_on_the_way_back_may_hide_the_real_answer(shop: Shop) -> None:
    await shop.plan({"kind": "error_after", "saved": False, "status_code": 502, **ROUTE})
    assert (await shop.post(URL, shop.form(), "key-1")).status_code == 502
    again = await shop.post(URL, shop.form(), "key-1")
    assert (again.status_code, again.json()["status"]) == (200, "open")
    assert await count(shop) == 1


async def test_a_lost_reply_was_done_and_the_key_finds_it(shop: Shop) -> None:
    await shop.plan({"kind": "lost_reply", **ROUTE})
    with pytest.raises(ConnectionResetError):
        await shop.post(URL, shop.form(), "key-1")
    assert await count(shop) == 1
    again = await shop.post(URL, shop.form(), "key-1")
    assert again.headers["Idempotent-Replayed"] == "true"
    assert await count(shop) == 1


async def test_a_reset_happens_before_anything(shop: Shop) -> None:
    await shop.plan({"kind": "reset", **ROUTE})
    with pytest.raises(ConnectionResetError):
        await shop.post(URL, shop.form(), "key-1")
    assert await count(shop) == 0


async def test_too_many_requests_are_told_to_wait(shop: Shop) -> None:
    await shop.plan({"kind": "rate_limited", "seconds": 2, "count": 2, **ROUTE})
    for _ in range(2):
        refused = await shop.post(URL, shop.form(), "key-1")
        assert (refused.status_code, error_of(refused)["code"]) == (429, "rate_limit")
        assert refused.headers["Retry-After"] == "2"
    assert (await shop.post(URL, shop.form(), "key-1")).status_code == 200


async def test_a_slow_answer_comes_by_the_clock(shop: Shop) -> None:
    await shop.plan({"kind": "slow", "route": "GET /v1/*", "seconds": 20})
    task = asyncio.create_task(shop.http.get("/v1/account"))
    while (await shop.get("/simulator/faults"))["fired"].get("slow") != 1:
        await asyncio.sleep(0)
    assert not task.done()
    await shop.control("clock", advance=21)
    assert (await task).status_code == 200


async def test_a_card_is_declined_on_script_for_one_order(shop: Shop) -> None:
    await shop.plan({"kind": "charge_fails", "reference": "order-2", "reason": "expired_card"})
    lucky = await shop.paid_session()
    assert lucky["status"] == "complete"
    session = await shop.open_session(client_reference_id="order-2")
    told = await shop.control("pay", session=session["id"])
    assert told["session"]["status"] == "open"
    intent = await shop.get(f"/v1/payment_intents/{told['session']['payment_intent']}")
    assert intent["last_payment_error"]["decline_code"] == "expired_card"
    again = await shop.control("pay", session=session["id"])
    assert again["session"]["status"] == "complete"


async def test_a_plan_says_what_is_left_and_can_be_dropped(shop: Shop) -> None:
    await shop.plan({"kind": "server_error", "count": None, "route": "GET /v1/account"})
    assert (await shop.http.get("/v1/account")).status_code == 500
    told = await shop.get("/simulator/faults")
    assert told["faults"][0]["fired"] == 1
    assert told["faults"][0]["count"] is None
    assert (await shop.http.delete("/simulator/faults")).json()["faults"] == []
    assert (await shop.http.get("/v1/account")).status_code == 200


@pytest.mark.parametrize(
    "fault",
    [
        {"kind": "earthquake"},
        {"kind": "slow", "route": "GET /v1/*"},
        {"kind": "reset"},
        {"kind": "reset", "route": "everything"},
        {"kind": "reset", "route": "* /v1/*", "event": "x"},
        {"kind": "error_after", "route": "* /v1/*", "status_code": 400},
        {"kind": "error_after", "route": "* /v1/*", "saved": "yes"},
        {"kind": "webhook_duplicate", "times": 0},
        {"kind": "webhook_delay", "seconds": -1},
        {"kind": "refund_fails", "count": "many"},
        "no object",
    ],
    ids=str,
)
async def test_a_fault_that_is_not_understood_is_refused(shop: Shop, fault: object) -> None:
    assert await shop.refused("faults", faults=[fault])
    assert (await shop.get("/simulator/faults"))["faults"] == []
