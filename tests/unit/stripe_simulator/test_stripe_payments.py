"""People pay, are declined, pay later; what the API and the events say about it."""

import pytest

from tests.unit.stripe_simulator.conftest import Shop

URL = "/v1/checkout/sessions"


async def test_a_card_completes_the_session_and_its_payment(shop: Shop) -> None:
    session = await shop.paid_session()
    assert (session["status"], session["payment_status"]) == ("complete", "paid")
    assert session["url"] is None
    intent = await shop.get(f"/v1/payment_intents/{session['payment_intent']}")
    assert (intent["status"], intent["amount_received"]) == ("succeeded", 490)
    assert intent["metadata"] == {"order_id": "order-1"}
    charge = await shop.get(f"/v1/charges/{intent['latest_charge']}")
    assert (charge["status"], charge["paid"], charge["amount"]) == ("succeeded", True, 490)
    assert charge["payment_intent"] == intent["id"]
    assert charge["metadata"] == {"order_id": "order-1"}
    assert await shop.event_types() == [
        "payment_intent.created",
        "charge.succeeded",
        "payment_intent.succeeded",
        "checkout.session.completed",
    ]


async def test_a_declined_card_leaves_the_session_open_for_another_try(shop: Shop) -> None:
    session = await shop.open_session()
    reason = {"reason": "insufficient_funds"}
    told = await shop.control("pay", session=session["id"], **{"with": "declined"}, **reason)
    assert told["session"]["status"] == "open"
    assert told["redirect"] is None
    intent = await shop.get(f"/v1/payment_intents/{told['session']['payment_intent']}")
    assert intent["status"] == "requires_payment_method"
    assert intent["last_payment_error"]["decline_code"] == "insufficient_funds"
    again = await shop.control("pay", session=session["id"])
    assert again["session"]["payment_intent"] == intent["id"]
    assert again["redirect"] == f"http://shop.example/orders/1?session_id={session['id']}"
    charges = await shop.get("/v1/charges", payment_intent=intent["id"])
    assert [charge["status"] for charge in charges["data"]] == ["succeeded", "failed"]
    assert "payment_intent.payment_failed" in await shop.event_types()


async def test_an_intent_left_behind_ends_with_its_session(shop: Shop) -> None:
    session = await shop.open_session()
    told = await shop.control("pay", session=session["id"], **{"with": "declined"})
    await shop.post(f"{URL}/{session['id']}/expire")
    intent = await shop.get(f"/v1/payment_intents/{told['session']['payment_intent']}")
    assert intent["status"] == "canceled"


async def test_a_session_is_paid_once(shop: Shop) -> None:
    session = await shop.paid_session()
    for how in ("card", "declined", "bank"):
        said = await shop.refused("pay", session=session["id"], **{"with": how})
        assert "complete" in said
    assert (await shop.ledger())["payments"][0]["captured"] == 490


@pytest.mark.parametrize(
    ("how", "payment_status", "intent_status", "event"),
    [
        ("bank", "paid", "succeeded", "checkout.session.async_payment_succeeded"),
        (
            "bank_fails",
            "unpaid",
            "requires_payment_method",
            "checkout.session.async_payment_failed",
        ),
    ],
)
async def test_a_bank_answers_after_its_time(
    shop: Shop, how: str, payment_status: str, intent_status: str, event: str
) -> None:
    opened = await shop.open_session()
    session = (await shop.control("pay", session=opened["id"], **{"with": how}))["session"]
    assert (session["status"], session["payment_status"]) == ("complete", "unpaid")
    path = f"/v1/payment_intents/{session['payment_intent']}"
    assert (await shop.get(path))["status"] == "processing"
    assert (await shop.ledger())["payments"][0]["captured"] == 0
    await shop.control("clock", advance=59)
    assert (await shop.get(path))["status"] == "processing"
    await shop.control("clock", advance=2)
    assert (await shop.get(path))["status"] == intent_status
    after = await shop.get(f"{URL}/{session['id']}")
    assert (after["status"], after["payment_status"]) == ("complete", payment_status)
    assert (await shop.event_types())[-1] == event


async def test_a_bank_can_be_told_to_answer_now_and_answers_once(shop: Shop) -> None:
    session = await shop.open_session()
    await shop.control("pay", session=session["id"], **{"with": "bank"})
    settled = await shop.control("settle", session=session["id"], outcome="failed")
    assert settled["payment_status"] == "unpaid"
    assert "waits" in await shop.refused("settle", session=session["id"])
    await shop.control("clock", advance=3600)
    assert (await shop.get(f"{URL}/{session['id']}"))["payment_status"] == "unpaid"
    assert (await shop.event_types()).count("checkout.session.async_payment_failed") == 1


async def test_cards_alone_may_be_offered(shop: Shop) -> None:
    session = await shop.open_session(**{"payment_method_types[0]": "card"})
    assert session["payment_method_types"] == ["card"]
    said = await shop.refused("pay", session=session["id"], **{"with": "bank"})
    assert "by bank" in said
    assert "Pay by bank" not in (await shop.http.get(f"/c/pay/{session['id']}")).text


async def test_a_test_can_have_the_wrong_amount_paid(shop: Shop) -> None:
    session = await shop.open_session()
    wrong = {"amount": 1, "currency": "usd"}
    paid = (await shop.control("pay", session=session["id"], **wrong))["session"]
    intent = await shop.get(f"/v1/payment_intents/{paid['payment_intent']}")
    assert (intent["amount_received"], intent["currency"]) == (1, "usd")
    assert paid["amount_total"] == 490


async def test_the_payer_is_known_afterwards(shop: Shop) -> None:
    session = await shop.open_session()
    who = {"email": "ada@example.com", "name": "Ada"}
    paid = (await shop.control("pay", session=session["id"], **who))["session"]
    assert paid["customer_details"]["email"] == "ada@example.com"
    found = await shop.get(URL, **{"customer_details[email]": "ada@example.com"})
    assert [one["id"] for one in found["data"]] == [session["id"]]


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"session": "cs_test_none"},
        {"session": 5},
        {"session": "x", "with": "shells"},
        {"session": "x", "amount": 0},
        {"session": "x", "tip": 5},
    ],
    ids=["nothing", "unknown", "no text", "no such way", "no amount", "no such word"],
)
async def test_nonsense_is_refused_with_a_sentence(shop: Shop, body: dict[str, object]) -> None:
    assert await shop.refused("pay", **body)
