"""Checkout sessions: what is asked for, what comes back, how they end."""

import pytest

from tests.unit.stripe_simulator.conftest import MakeShop, Shop, error_of

URL = "/v1/checkout/sessions"


async def test_a_session_says_what_was_asked_for(shop: Shop) -> None:
    session = await shop.open_session()
    assert session["object"] == "checkout.session"
    assert session["id"].startswith("cs_test_")
    assert (session["status"], session["payment_status"]) == ("open", "unpaid")
    assert (session["amount_total"], session["currency"]) == (490, "eur")
    assert session["client_reference_id"] == "order-1"
    assert session["metadata"] == {"order_id": "order-1"}
    assert session["payment_intent"] is None
    assert session["livemode"] is False
    assert session["expires_at"] == session["created"] + 24 * 3600
    assert session["url"].endswith(f"/c/pay/{session['id']}")
    assert await shop.get(f"{URL}/{session['id']}") == session


async def test_line_items_come_on_their_own_or_expanded(shop: Shop) -> None:
    more = {
        "line_items[1][quantity]": "3",
        "line_items[1][price_data][currency]": "eur",
        "line_items[1][price_data][unit_amount]": "100",
        "line_items[1][price_data][product_data][name]": "Print",
    }
    session = await shop.open_session(**more)
    assert session["amount_total"] == 790
    alone = await shop.get(f"{URL}/{session['id']}/line_items")
    both = await shop.get(f"{URL}/{session['id']}", **{"expand[]": "line_items"})
    assert alone["data"] == both["line_items"]["data"]
    rows = [(item["description"], item["amount_total"], item["quantity"]) for item in alone["data"]]
    assert rows == [("Photo in HD", 490, 1), ("Print", 300, 3)]


async def test_zero_decimal_currencies_count_whole_units(shop: Shop) -> None:
    changes = {
        "line_items[0][price_data][currency]": "JPY",
        "line_items[0][price_data][unit_amount]": "500",
    }
    session = await shop.open_session(**changes)
    assert (session["amount_total"], session["currency"]) == (500, "jpy")
    assert "500 JPY" in (await shop.http.get(f"/c/pay/{session['id']}")).text


BAD: list[tuple[str, dict[str, str], str | None, str | None]] = [
    ("no mode", {"mode": ""}, "parameter_invalid_empty", "mode"),
    ("other mode", {"mode": "subscription"}, None, "mode"),
    ("unknown", {"pay_me": "now"}, "parameter_unknown", "pay_me"),
    (
        "unknown inside",
        {"line_items[0][price_data][colour]": "red"},
        "parameter_unknown",
        "line_items[0][price_data][colour]",
    ),
    (
        "no number",
        {"line_items[0][price_data][unit_amount]": "4.90"},
        "parameter_invalid_integer",
        "line_items[0][price_data][unit_amount]",
    ),
    (
        "below zero",
        {"line_items[0][price_data][unit_amount]": "-5"},
        "parameter_invalid_integer",
        "line_items[0][price_data][unit_amount]",
    ),
    ("none of it", {"line_items[0][quantity]": "0"}, None, "line_items[0][quantity]"),
    (
        "no such money",
        {"line_items[0][price_data][currency]": "xxx"},
        None,
        "line_items[0][price_data][currency]",
    ),
    ("too little", {"line_items[0][price_data][unit_amount]": "49"}, "amount_too_small", None),
    (
        "too much",
        {"line_items[0][price_data][unit_amount]": "100000000"},
        "amount_too_large",
        None,
    ),
    ("no address", {"success_url": "shop.example/thanks"}, "url_invalid", "success_url"),
    ("a script", {"cancel_url": "javascript:alert(1)"}, "url_invalid", "cancel_url"),
    ("long reference", {"client_reference_id": "x" * 201}, "parameter_invalid_string", None),
    ("long value", {"metadata[note]": "x" * 501}, None, "metadata[note]"),
    ("bad email", {"customer_email": "nobody"}, "email_invalid", "customer_email"),
    ("a group for a text", {"success_url[a]": "b"}, None, "success_url[a]"),
    ("nested nonsense", {"metadata[a[b": "c"}, None, "metadata[a[b"),
]


@pytest.mark.parametrize(
    ("changes", "code", "param"), [row[1:] for row in BAD], ids=[r[0] for r in BAD]
)
async def test_a_wrong_parameter_is_named(
    shop: Shop, changes: dict[str, str], code: str | None, param: str | None
) -> None:
    error = error_of(await shop.post(URL, shop.form(**changes)))
    assert error["type"] == "invalid_request_error"
    assert error["message"]
    assert error.get("code") == code
    if param is not None:
        assert error["param"] == param
    assert (await shop.get(URL))["data"] == []


@pytest.mark.parametrize("word", ["mode", "success_url", "line_items[0][quantity]"])
async def test_a_parameter_that_is_missing_is_named(shop: Shop, word: str) -> None:
    form = shop.form()
    del form[word]
    error = error_of(await shop.post(URL, form))
    assert (error["code"], error["param"]) == ("parameter_missing", word)


@pytest.mark.parametrize(
    ("seconds", "status"),
    [(1799, 400), (1800, 200), (86_400, 200), (86_401, 400)],
    ids=["too soon", "soonest", "latest", "too late"],
)
async def test_expiry_lies_between_half_an_hour_and_a_day(
    shop: Shop, seconds: int, status: int
) -> None:
    moment = str(int(shop.clock.now()) + seconds)
    reply = await shop.post(URL, shop.form(expires_at=moment))
    assert reply.status_code == status
    if status == 400:
        assert error_of(reply)["param"] == "expires_at"


async def test_a_session_expires_by_the_clock(shop: Shop) -> None:
    moment = int(shop.clock.now()) + 1800
    session = await shop.open_session(expires_at=str(moment))
    await shop.control("clock", advance=1799)
    assert (await shop.get(f"{URL}/{session['id']}"))["status"] == "open"
    await shop.control("clock", advance=2)
    after = await shop.get(f"{URL}/{session['id']}")
    assert (after["status"], after["payment_status"], after["url"]) == ("expired", "unpaid", None)
    event = (await shop.get("/v1/events"))["data"][0]
    assert (event["type"], event["created"]) == ("checkout.session.expired", moment)
    assert event["data"]["object"] == after


async def test_an_open_session_can_be_expired_once(shop: Shop) -> None:
    session = await shop.open_session()
    reply = await shop.post(f"{URL}/{session['id']}/expire")
    assert reply.json()["status"] == "expired"
    error = error_of(await shop.post(f"{URL}/{session['id']}/expire"))
    assert "status of expired" in error["message"]
    assert await shop.event_types() == ["checkout.session.expired"]


async def test_a_paid_session_cannot_be_expired(shop: Shop) -> None:
    session = await shop.paid_session()
    error = error_of(await shop.post(f"{URL}/{session['id']}/expire"))
    assert "status of complete" in error["message"]


async def test_an_expired_session_cannot_be_paid(shop: Shop) -> None:
    session = await shop.open_session()
    await shop.post(f"{URL}/{session['id']}/expire")
    assert "expired" in await shop.refused("pay", session=session["id"])


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ({"payment_intent": "{intent}"}, ["paid"]),
        ({"payment_intent": "pi_none"}, []),
        ({"status": "open"}, ["open"]),
        ({"limit": "1"}, ["paid"]),
        ({}, ["paid", "open"]),
    ],
    ids=["its intent", "another intent", "open ones", "the newest", "all"],
)
async def test_sessions_are_found(shop: Shop, query: dict[str, str], found: list[str]) -> None:
    still_open = await shop.open_session()
    paid = await shop.paid_session()
    names = {still_open["id"]: "open", paid["id"]: "paid"}
    filled = {k: v.replace("{intent}", paid["payment_intent"]) for k, v in query.items()}
    listed = await shop.get(URL, **filled)
    assert [names[session["id"]] for session in listed["data"]] == found


async def test_nothing_to_pay_needs_no_payment(shop: Shop) -> None:
    session = await shop.paid_session(**{"line_items[0][price_data][unit_amount]": "0"})
    assert (session["status"], session["payment_status"]) == ("complete", "no_payment_required")
    assert session["payment_intent"] is None
    assert await shop.event_types() == ["checkout.session.completed"]


async def test_time_goes_on_for_sessions_of_an_earlier_process(make_shop: MakeShop) -> None:
    first = await make_shop()
    session = await first.open_session(expires_at=str(int(first.clock.now()) + 1800))
    await first.app.aclose()
    again = await make_shop()
    await again.get("/simulator/clock")
    await again.control("clock", advance=1801)
    assert (await again.get(f"{URL}/{session['id']}"))["status"] == "expired"
