"""Who is let in, and what every answer carries."""

import base64

import pytest

from tests.unit.stripe_simulator.conftest import API_KEY, Shop, error_of


def basic(text: str) -> str:
    return f"Basic {base64.b64encode(text.encode()).decode()}"


@pytest.mark.parametrize(
    "authorization",
    [
        "",
        "Bearer",
        "Bearer sk_test_wrong",
        f"Bearer {API_KEY}x",
        f"Bearer {API_KEY.replace('test', 'live')}",
        f"Digest {API_KEY}",
        basic("sk_test_wrong:"),
        "Basic ####",
    ],
)
async def test_nobody_comes_in_without_the_key(shop: Shop, authorization: str) -> None:
    headers = {"Authorization": authorization}
    for path in ("/v1/account", "/v1/nowhere", "/v1/checkout/sessions"):
        reply = await shop.http.get(path, headers=headers)
        assert reply.status_code == 401
        assert error_of(reply)["type"] == "invalid_request_error"
        assert API_KEY not in reply.text
    reply = await shop.http.post("/v1/checkout/sessions", data=shop.form(), headers=headers)
    assert reply.status_code == 401
    assert (await shop.ledger())["sessions"] == []


async def test_the_key_may_come_as_a_user_name(shop: Shop) -> None:
    reply = await shop.http.get("/v1/account", headers={"Authorization": basic(f"{API_KEY}:")})
    assert reply.status_code == 200


async def test_the_account_tells_its_id(shop: Shop) -> None:
    account = await shop.get("/v1/account")
    assert account["object"] == "account"
    assert await shop.get(f"/v1/accounts/{account['id']}") == account
    other = await shop.http.get("/v1/accounts/acct_other")
    assert (other.status_code, error_of(other)["code"]) == (403, "account_invalid")


async def test_another_account_is_out_of_reach(shop: Shop) -> None:
    reply = await shop.http.get("/v1/refunds", headers={"Stripe-Account": "acct_other"})
    assert reply.status_code == 403


async def test_answers_name_their_request_and_version(shop: Shop) -> None:
    first = await shop.http.get("/v1/account")
    second = await shop.http.get("/v1/account", headers={"Stripe-Version": "2025-03-31.basil"})
    assert first.headers["Stripe-Version"] == "2026-10-28.endive"
    assert second.headers["Stripe-Version"] == "2025-03-31.basil"
    assert first.headers["Request-Id"].startswith("req_")
    assert first.headers["Request-Id"] != second.headers["Request-Id"]
    wrong = await shop.http.get("/v1/account", headers={"Stripe-Version": "latest"})
    assert wrong.status_code == 400


@pytest.mark.parametrize(
    ("method", "path"),
    [("GET", "/v1/nowhere"), ("DELETE", "/v1/refunds"), ("POST", "/v1/payment_intents")],
)
async def test_an_unknown_address_is_a_404_of_the_api(shop: Shop, method: str, path: str) -> None:
    reply = await shop.http.request(method, path)
    assert reply.status_code == 404
    assert "Unrecognized request URL" in error_of(reply)["message"]


@pytest.mark.parametrize(
    "path",
    [
        *("checkout/sessions/cs_x", "checkout/sessions/cs_x/line_items", "payment_intents/pi_x"),
        *("charges/ch_x", "refunds/re_x", "disputes/du_x", "events/evt_x"),
    ],
)
async def test_what_does_not_exist_is_missing(shop: Shop, path: str) -> None:
    reply = await shop.http.get(f"/v1/{path}")
    assert reply.status_code == 404
    assert error_of(reply)["code"] == "resource_missing"
    assert error_of(reply)["message"].startswith("No such")


async def test_json_is_no_form(shop: Shop) -> None:
    reply = await shop.http.post("/v1/checkout/sessions", json=shop.form())
    assert reply.status_code == 400
    assert "content type" in error_of(reply)["message"]


async def test_a_body_without_end_is_cut_off(shop: Shop) -> None:
    reply = await shop.post("/v1/refunds", {"payment_intent": "x" * 1_000_001})
    assert reply.status_code == 413
