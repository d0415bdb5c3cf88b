"""A payer's bank takes the money back, and somebody wins."""

import pytest

from tests.unit.stripe_simulator.conftest import Shop


@pytest.mark.parametrize(("outcome", "net"), [("won", 490), ("lost", 0)])
async def test_a_dispute_takes_the_money_until_it_is_won(
    shop: Shop, outcome: str, net: int
) -> None:
    session = await shop.paid_session()
    dispute = await shop.control("disputes", session=session["id"], reason="product_not_received")
    assert (dispute["status"], dispute["amount"]) == ("needs_response", 490)
    assert (await shop.charge_of(session))["disputed"] is True
    assert (await shop.ledger())["payments"][0]["net"] == 0
    await shop.control(f"disputes/{dispute['id']}", status="under_review")
    await shop.control(f"disputes/{dispute['id']}", status=outcome)
    assert (await shop.get(f"/v1/disputes/{dispute['id']}"))["status"] == outcome
    assert (await shop.ledger())["payments"][0]["net"] == net
    told = [kind for kind in await shop.event_types() if kind.startswith("charge.dispute.")]
    back = ["charge.dispute.funds_reinstated"] if outcome == "won" else []
    assert told == [
        "charge.dispute.created",
        "charge.dispute.funds_withdrawn",
        "charge.dispute.updated",
        "charge.dispute.closed",
        *back,
    ]


async def test_disputes_are_found_by_their_payment(shop: Shop) -> None:
    first, second = await shop.paid_session(), await shop.paid_session()
    dispute = await shop.control("disputes", session=second["id"])
    found = await shop.get("/v1/disputes", payment_intent=second["payment_intent"])
    assert [one["id"] for one in found["data"]] == [dispute["id"]]
    none = await shop.get("/v1/disputes", payment_intent=first["payment_intent"])
    assert none["data"] == []
    shown = await shop.get(f"/v1/disputes/{dispute['id']}", **{"expand[]": "charge.payment_intent"})
    assert shown["charge"]["payment_intent"]["id"] == second["payment_intent"]


async def test_an_inquiry_moves_no_money_unless_it_escalates(shop: Shop) -> None:
    session = await shop.paid_session()
    dispute = await shop.control("disputes", session=session["id"], is_inquiry=True)
    assert dispute["status"] == "warning_needs_response"
    assert (await shop.ledger())["payments"][0]["net"] == 490
    await shop.control(f"disputes/{dispute['id']}", status="needs_response")
    assert (await shop.ledger())["payments"][0]["net"] == 0


async def test_a_refunded_charge_cannot_be_disputed(shop: Shop) -> None:
    session = await shop.paid_session()
    await shop.post("/v1/refunds", {"payment_intent": session["payment_intent"]})
    assert "refunded" in await shop.refused("disputes", session=session["id"])


async def test_a_charge_is_disputed_once_and_a_closed_dispute_stays_closed(shop: Shop) -> None:
    session = await shop.paid_session()
    dispute = await shop.control("disputes", session=session["id"])
    assert "already" in await shop.refused("disputes", session=session["id"])
    await shop.control(f"disputes/{dispute['id']}", status="lost")
    assert "lost" in await shop.refused(f"disputes/{dispute['id']}", status="won")
    assert "no such" in await shop.refused("disputes/du_none", status="won")


async def test_what_was_not_paid_cannot_be_disputed(shop: Shop) -> None:
    session = await shop.open_session()
    assert "paid" in await shop.refused("disputes", session=session["id"])
