"""Routes of payment intents and charges: to look at, since only people pay."""

from __future__ import annotations

from simulators.stripe.account.book import Thing
from simulators.stripe.account.charges import CHARGE, INTENT
from simulators.stripe.wire.call import Call
from simulators.stripe.wire.lists import by_created, by_words, page


def list_intents(call: Call) -> Thing:
    """Payment intents, newest first."""
    found = by_created(call.book.newest_first(INTENT), call.fields)
    return page(by_words(found, call.fields, "customer"), call.fields, "/v1/payment_intents")


def get_intent(call: Call) -> Thing:
    """One payment intent."""
    call.fields.text("client_secret")
    return call.need(INTENT, "intent", "payment_intent")


def list_charges(call: Call) -> Thing:
    """Charges, newest first."""
    found = by_created(call.book.newest_first(CHARGE), call.fields)
    found = by_words(found, call.fields, "payment_intent", "customer")
    return page(found, call.fields, "/v1/charges")


def get_charge(call: Call) -> Thing:
    """One charge."""
    return call.need(CHARGE, "charge", "charge")
