"""A part that the paid way needs is killed with SIGKILL in mid-order: everybody gets what they paid
for, once, as soon as the part is back.
"""

import pytest

from tests.e2e.paid.auditor import audit
from tests.e2e.paid.shop import Shop, until

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]


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
