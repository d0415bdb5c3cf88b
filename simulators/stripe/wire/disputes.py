"""Routes of disputes."""

from __future__ import annotations

from simulators.stripe.account import disputes
from simulators.stripe.account.book import Thing
from simulators.stripe.wire.call import Call
from simulators.stripe.wire.lists import by_created, by_words, page


def list_disputes(call: Call) -> Thing:
    """Disputes, newest first."""
    found = by_created(call.book.newest_first(disputes.KIND), call.fields)
    found = by_words(found, call.fields, "payment_intent", "charge")
    return page(found, call.fields, "/v1/disputes")


def get_dispute(call: Call) -> Thing:
    """One dispute."""
    return call.need(disputes.KIND, "dispute", "dispute")
