"""Money goes back, never more than came, and not while it is disputed."""

from typing import Any

import pytest

from tests.unit.stripe_simulator.conftest import Shop, error_of


async def refund(shop: Shop, session: dict[str, Any], **form: str) -> dict[str, Any]:
    asked = {"payment_intent": session["payment_intent"], **form}
    reply = await shop.post("/v1/refunds", asked)
    assert reply.status_code == 200, reply.text
    return dict(reply.json())


async def test_a_refund_gives_back_what_was_paid(shop: Shop) -> None:
    session = await shop.paid_session()
    made = await refund(shop, session, reason="requested_by_customer", **{"metadata[row]": "7"})
    assert (made["status"], made["amount"], made["currency"]) == ("succeeded", 490, "eur")
    assert (made["reason"], made["metadata"]) == ("requested_by_customer", {"row": "7"})
    charge = await shop.charge_of(session)
    assert (charge["refunded"], charge["amount_refunded"]) == (True, 490)
    assert (await shop.event_types())[-2:] == ["refund.created", "charge.refunded"]
    payment = (await shop.ledger())["payments"][0]
    assert (payment["captured"], payment["refunded"], payment["net"]) == (490, 490, 0)


async def test_partial_refunds_never_exceed_the_charge(shop: Shop) -> None:
    session = await shop.paid_session()
    await refund(shop, session, amount="400")
    asked = {"payment_intent": session["payment_intent"], "amount": "91"}
    error = error_of(await shop.post("/v1/refunds", asked))
    assert "greater than unrefunded amount" in error["message"]
    assert (await refund(shop, session))["amount"] == 90
    error = error_of(await shop.post("/v1/refunds", {"payment_intent": session["payment_intent"]}))
    assert error["code"] == "charge_already_refunded"
    assert (await shop.charge_of(session))["amount_refunded"] == 490


async def test_a_charge_can_be_named_and_knows_its_refunds(shop: Shop) -> None:
    charge = await shop.charge_of(await shop.paid_session())
    for _ in range(2):
        reply = await shop.post("/v1/refunds", {"charge": charge["id"], "amount": "100"})
        assert reply.status_code == 200
    shown = await shop.get(f"/v1/charges/{charge['id']}", **{"expand[]": "refunds"})
    assert [one["amount"] for one in shown["refunds"]["data"]] == [100, 100]
    listed = await shop.get("/v1/refunds", charge=charge["id"])
    assert listed["data"] == shown["refunds"]["data"]


@pytest.mark.parametrize(
    ("form", "status", "code", "param"),
    [
        ({}, 400, "parameter_missing", None),
        ({"payment_intent": "pi_none"}, 400, "resource_missing", "payment_intent"),
        ({"charge": "ch_none"}, 400, "resource_missing", "charge"),
        ({"payment_intent": "{intent}", "charge": "ch_x"}, 400, "parameter_missing", None),
        ({"payment_intent": "{intent}", "amount": "0"}, 400, "parameter_invalid_integer", "amount"),
        (
            {"payment_intent": "{intent}", "amount": "-1"},
            400,
            "parameter_invalid_integer",
            "amount",
        ),
        ({"payment_intent": "{intent}", "reason": "whim"}, 400, None, "reason"),
        ({"payment_intent": "{intent}", "to": "me"}, 400, "parameter_unknown", "to"),
    ],
    ids=["nothing", "no intent", "no charge", "both", "zero", "below", "reason", "unknown"],
)
async def test_a_wrong_refund_is_refused(
    shop: Shop, form: dict[str, str], status: int, code: str | None, param: str | None
) -> None:
    intent = (await shop.paid_session())["payment_intent"]
    filled = {k: v.replace("{intent}", intent) for k, v in form.items()}
    reply = await shop.post("/v1/refunds", filled)
    error = error_of(reply)
    assert (reply.status_code, error.get("code")) == (status, code)
    assert error.get("param") == param
    assert (await shop.ledger())["refunds"] == []


async def test_an_unpaid_intent_has_nothing_to_refund(shop: Shop) -> None:
    session = await shop.open_session()
    told = await shop.control("pay", session=session["id"], **{"with": "declined"})
    asked = {"payment_intent": told["session"]["payment_intent"]}
    error = error_of(await shop.post("/v1/refunds", asked))
    assert "successful charge" in error["message"]


async def test_a_refund_that_fails_gives_the_money_back_to_the_account(shop: Shop) -> None:
    session = await shop.paid_session()
    await shop.plan({"kind": "refund_fails"})
    made = await refund(shop, session)
    assert (made["status"], made["failure_reason"]) == ("failed", "unknown")
    assert (await shop.charge_of(session))["amount_refunded"] == 0
    assert "refund.failed" in await shop.event_types()
    again = await refund(shop, session)
    assert again["status"] == "succeeded"
    payment = (await shop.ledger())["payments"][0]
    assert (payment["refunds_failed"], payment["refunded"], payment["net"]) == (490, 490, 0)


async def test_a_refund_stays_pending_until_its_time(shop: Shop) -> None:
    session = await shop.paid_session()
    await shop.plan({"kind": "refund_pending", "seconds": 100})
    made = await refund(shop, session)
    assert (made["status"], made["pending_reason"]) == ("pending", "insufficient_funds")
    assert (await shop.ledger())["payments"][0]["net"] == 490
    await shop.control("clock", advance=101)
    assert (await shop.get(f"/v1/refunds/{made['id']}"))["status"] == "succeeded"
    assert (await shop.event_types())[-2:] == ["refund.updated", "charge.refund.updated"]


@pytest.mark.parametrize("outcome", ["succeeded", "failed", "canceled"])
async def test_a_pending_refund_can_be_ended_by_hand(shop: Shop, outcome: str) -> None:
    session = await shop.paid_session()
    await shop.plan({"kind": "refund_pending"})
    made = await refund(shop, session)
    await shop.control("clock", advance=86_400)
    assert (await shop.get(f"/v1/refunds/{made['id']}"))["status"] == "pending"
    moved = await shop.control(f"refunds/{made['id']}", status=outcome)
    assert (moved["status"], moved["pending_reason"]) == (outcome, None)
    is_back = (await shop.charge_of(session))["amount_refunded"] == 490
    assert is_back == (outcome == "succeeded")


async def test_a_succeeded_refund_may_still_fail_but_not_revive(shop: Shop) -> None:
    session = await shop.paid_session()
    made = await refund(shop, session)
    await shop.control(f"refunds/{made['id']}", status="failed")
    assert "failed" in await shop.refused(f"refunds/{made['id']}", status="succeeded")
    assert (await shop.ledger())["payments"][0]["net"] == 490


async def test_the_owner_refunds_by_hand(shop: Shop) -> None:
    session = await shop.paid_session()
    made = await shop.control("refunds", session=session["id"], amount=90)
    assert (made["amount"], made["metadata"]) == (90, {})
    event = (await shop.get("/v1/events", type="refund.created"))["data"][0]
    assert event["request"] == {"id": None, "idempotency_key": None}
    assert "greater" in await shop.refused("refunds", session=session["id"], amount=401)


@pytest.mark.parametrize(
    ("is_inquiry", "ends", "status"),
    [(False, None, 400), (False, "won", 200), (False, "lost", 400), (True, None, 200)],
    ids=["open", "won", "lost", "an inquiry"],
)
async def test_disputed_money_is_not_refunded(
    shop: Shop, is_inquiry: bool, ends: str | None, status: int
) -> None:
    session = await shop.paid_session()
    dispute = await shop.control("disputes", session=session["id"], is_inquiry=is_inquiry)
    if ends is not None:
        await shop.control(f"disputes/{dispute['id']}", status=ends)
    reply = await shop.post("/v1/refunds", {"payment_intent": session["payment_intent"]})
    assert reply.status_code == status
    if status == 400:
        assert error_of(reply)["code"] == "charge_disputed"
