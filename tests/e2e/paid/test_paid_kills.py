"""The worker is killed with SIGKILL at every step of the way from a checkout to HD or money back.

Each test has one order at each of several points, and kills once. What recovers it is Temporal and
the order's own workflow: no sweep runs, and nobody presses anything again except for a page. Then
other parts are killed in mid-order, and come back.
"""

import pytest

from tests.e2e.paid.auditor import audit
from tests.e2e.paid.gates import (
    BEGINS_HD,
    BEGINS_REFUND,
    BEGINS_SESSION,
    CLOSES_REFUNDED,
    NOTES_HD,
    NOTES_PAYMENT,
    NOTES_REFUND,
    NOTES_SESSION,
    TELLS_ORDER,
)
from tests.e2e.paid.shop import Shop, until

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]


def test_killed_around_the_making_of_a_page_everybody_gets_one_page_and_what_was_paid_for(
    shop: Shop,
) -> None:
    before, unrecorded, recorded = shop.sells(3)
    begins = shop.hold(BEGINS_SESSION, before.attempt_id)
    notes = shop.hold(NOTES_SESSION, unrecorded.attempt_id)
    asked = [sale.asks() for sale in (before, unrecorded)]
    until(begins.is_reached, "the first session is about to be begun")
    until(notes.is_reached, "the second session is about to be noted")
    asked.append(recorded.asks())
    until(lambda: (recorded.row or {}).get("session_ids"), "the third session is noted")
    assert shop.till.ledger(str(before.order_id))["sessions"] == []
    assert len(unrecorded.open_sessions()) == 1

    shop.crash()

    for sale, page in zip(shop.sales, asked, strict=True):
        assert page.result()["checkout_url"]
        assert len(sale.open_sessions()) == 1
        sale.pay()
    for sale in shop.sales:
        sale.ends("delivered")
    audit(shop)


def test_killed_around_the_look_after_a_payment_everybody_gets_what_was_paid_for(
    shop: Shop,
) -> None:
    before, unrecorded, recorded = shop.sells(3)
    notes = shop.hold(NOTES_PAYMENT, unrecorded.attempt_id)
    begins = shop.hold(BEGINS_HD, recorded.attempt_id)
    unrecorded.pay()
    recorded.pay()
    until(notes.is_reached, "a payment is about to be noted")
    until(begins.is_reached, "HD that was paid is about to be begun")
    before.page()
    (session,) = before.open_sessions()
    route = f"GET /v1/checkout/sessions/{session['id']}"
    shop.till.does({"kind": "slow", "route": route, "seconds": 600, "count": None})
    before.pay_now()
    until(shop.till.has_done, "a payment is about to be read")

    shop.crash()

    for sale in shop.sales:
        sale.ends("delivered")
    audit(shop)


def test_killed_around_the_making_of_hd_it_is_made_and_delivered_once(shop: Shop) -> None:
    rendering, stored, untold = shop.sells(3)
    notes = shop.hold(NOTES_HD, stored.attempt_id)
    tells = shop.hold(TELLS_ORDER, untold.attempt_id)
    stored.pay()
    untold.pay()
    until(notes.is_reached, "HD is stored and about to be noted")
    until(tells.is_reached, "HD is noted and its order about to be told")
    shop.engine.hold()
    rendering.pay()
    until(lambda: rendering.prompts == [None], "HD is being rendered")
    assert all(sale.hd().status_code in (402, 409) for sale in shop.sales)

    shop.crash()

    for sale in shop.sales:
        sale.ends("delivered")
    audit(shop)


def test_killed_around_a_refund_everybody_gets_their_money_back_once(shop: Shop) -> None:
    sales = unwritten, uncalled, unrecorded, recorded = shop.sells(4)
    for sale in sales:
        sale.page()
    shop.engine.fail()
    begins = shop.hold(BEGINS_REFUND, unwritten.order_id)
    notes = shop.hold(NOTES_REFUND, unrecorded.order_id)
    closes = shop.hold(CLOSES_REFUNDED, recorded.attempt_id)
    for sale in (unwritten, unrecorded, recorded):
        sale.pay()
    until(begins.is_reached, "a refund is about to be written")
    until(notes.is_reached, "a refund is made and about to be noted")
    until(closes.is_reached, "a refund is noted and its order about to be closed")
    shop.till.does({"kind": "reset", "route": "POST /v1/refunds", "count": None})
    uncalled.pay()
    until(shop.till.has_done, "a refund was written and its call failed")

    shop.crash()

    for sale in sales:
        sale.ends("refunded")
    audit(shop)


def test_payments_that_the_killed_api_told_nobody_of_or_never_heard_of_are_found_by_the_sweep(
    shop: Shop,
) -> None:
    """One is in the inbox, and its wake died with the API; of the other nothing ever arrived."""
    stored, unheard = shop.sells(2)
    stored.page()
    unheard.page()
    shop.stack.temporal.kill()
    stored.pay_now()
    until(lambda: stored.announced, "a payment is in the inbox")
    shop.stack.api.kill()
    shop.till.does({"kind": "webhook_loss", "count": None})
    unheard.pay_now()
    shop.stack.temporal.start()
    shop.stack.api.start()
    assert not unheard.announced
    assert stored.is_("awaiting_payment")
    assert unheard.is_("awaiting_payment")

    shop.change("update payment_events set received_at = received_at - interval '2 minutes'")
    shop.sweep()

    for sale in shop.sales:
        sale.ends("delivered")
    audit(shop)


def test_with_the_provider_killed_after_a_payment_its_news_arrive_and_hd_is_delivered(
    shop: Shop,
) -> None:
    """Killed while the news of one payment is on its way; whoever asks for a page is told."""
    paid, late = shop.sells(2)
    paid.page()
    shop.till.does({"kind": "webhook_delay", "seconds": 3, "count": None})
    paid.pay_now()
    shop.till.process.kill()
    told = late.asks_once()
    assert (told.status_code, told.json()["code"]) == (503, "payments_unavailable")

    shop.till.process.start()
    late.pay()

    for sale in shop.sales:
        sale.ends("delivered")
    audit(shop)


def test_with_temporal_killed_while_hd_is_rendered_it_is_made_and_delivered_once(
    shop: Shop,
) -> None:
    (sale,) = shop.sells(1)
    shop.engine.hold()
    sale.pay()
    until(lambda: sale.prompts == [None], "HD is being rendered")

    shop.stack.temporal.kill()
    shop.engine.go()
    until(lambda: sale.prompts == ["success"], "its prompt has ended")
    shop.stack.temporal.start()

    sale.ends("delivered")
    audit(shop)
