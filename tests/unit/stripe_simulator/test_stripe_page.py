"""The payment page, used as a browser without scripts would."""

import re

import pytest

from tests.unit.stripe_simulator.conftest import Shop


def path_of(session: dict[str, str]) -> str:
    return f"/c/pay/{session['id']}"


async def test_the_page_shows_what_is_paid_for_and_whose_it_is_not(shop: Shop) -> None:
    session = await shop.open_session()
    reply = await shop.http.get(path_of(session))
    page = reply.text
    assert reply.status_code == 200
    assert "Simulated payment page" in page
    assert "Photo in HD" in page
    assert "4.90 EUR" in page
    assert 'href="http://shop.example/orders/1"' in page
    assert "stripe" not in page.lower()
    for wanted in ("<html lang=", "<title>", "<h1>", "<caption>", '<label for="email">', "<main>"):
        assert wanted in page
    policy = reply.headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "form-action 'self' http://shop.example;" in policy
    assert reply.headers["Cache-Control"] == "no-store"
    assert "<script" not in page


async def test_a_button_pays_and_leads_to_the_success_page(shop: Shop) -> None:
    session = await shop.open_session()
    page = (await shop.http.get(path_of(session))).text
    action = re.search(r'<form method="post" action="([^"]+)"', page)
    assert action is not None
    form = {"how": "card", "email": "ada@example.com"}
    reply = await shop.http.post(action[1], data=form)
    assert reply.status_code == 303
    wanted = f"http://shop.example/orders/1?session_id={session['id']}"
    assert reply.headers["Location"] == wanted
    after = await shop.get(f"/v1/checkout/sessions/{session['id']}")
    assert after["payment_status"] == "paid"
    assert after["customer_details"]["email"] == "ada@example.com"


async def test_enter_in_the_email_field_pays_by_card(shop: Shop) -> None:
    session = await shop.open_session()
    assert (await shop.http.post(path_of(session))).status_code == 303


async def test_a_declined_card_is_said_on_the_same_page(shop: Shop) -> None:
    session = await shop.open_session()
    reply = await shop.http.post(path_of(session), data={"how": "declined"})
    assert reply.status_code == 402
    assert 'role="alert"' in reply.text
    assert "declined" in reply.text
    again = await shop.http.post(path_of(session), data={"how": "card"})
    assert again.status_code == 303


@pytest.mark.parametrize("how", ["bank", "bank_fails"])
async def test_paying_by_bank_leads_to_the_success_page_unpaid(shop: Shop, how: str) -> None:
    session = await shop.open_session()
    reply = await shop.http.post(path_of(session), data={"how": how})
    assert reply.status_code == 303
    after = await shop.get(f"/v1/checkout/sessions/{session['id']}")
    assert (after["status"], after["payment_status"]) == ("complete", "unpaid")


async def test_a_second_tab_is_told_that_it_is_done(shop: Shop) -> None:
    session = await shop.paid_session()
    for reply in (
        await shop.http.get(path_of(session)),
        await shop.http.post(path_of(session), data={"how": "card"}),
    ):
        assert reply.status_code == 200
        assert "All done" in reply.text
        assert f"session_id={session['id']}" in reply.text
    assert len((await shop.get("/v1/charges"))["data"]) == 1


async def test_an_expired_page_pays_nothing(shop: Shop) -> None:
    session = await shop.open_session()
    await shop.control("clock", advance=86_401)
    for reply in (
        await shop.http.get(path_of(session)),
        await shop.http.post(path_of(session), data={"how": "card"}),
    ):
        assert reply.status_code == 410
        assert "expired" in reply.text
        assert 'href="http://shop.example/orders/1"' in reply.text
    assert (await shop.get("/v1/charges"))["data"] == []


async def test_there_is_no_page_without_a_session(shop: Shop) -> None:
    assert (await shop.http.get("/c/pay/cs_test_none")).status_code == 404
    assert (await shop.http.post("/c/pay/cs_test_none")).status_code == 404


async def test_an_unknown_button_pays_nothing(shop: Shop) -> None:
    session = await shop.open_session()
    reply = await shop.http.post(path_of(session), data={"how": "steal"})
    assert reply.status_code == 402
    assert (await shop.get("/v1/charges"))["data"] == []


async def test_a_known_email_is_shown_and_wins(shop: Shop) -> None:
    session = await shop.open_session(customer_email="ada@example.com")
    page = (await shop.http.get(path_of(session))).text
    assert 'value="ada@example.com"' in page
    assert "readonly" in page
    await shop.http.post(path_of(session), data={"how": "card", "email": "eve@example.com"})
    after = await shop.get(f"/v1/checkout/sessions/{session['id']}")
    assert after["customer_details"]["email"] == "ada@example.com"


async def test_what_a_shop_writes_is_text_and_never_markup(shop: Shop) -> None:
    name = "line_items[0][price_data][product_data][name]"
    session = await shop.open_session(**{name: "<b>$price</b>"})
    page = (await shop.http.get(path_of(session))).text
    assert "&lt;b&gt;$price&lt;/b&gt;" in page


async def test_a_shop_without_a_way_back_has_none(shop: Shop) -> None:
    form = shop.form()
    del form["cancel_url"]
    session = (await shop.post("/v1/checkout/sessions", form)).json()
    assert session["cancel_url"] is None
    assert "Back, without paying" not in (await shop.http.get(path_of(session))).text
