"""Routes of Checkout sessions."""

from __future__ import annotations

from simulators.stripe.account import sessions
from simulators.stripe.account.book import Thing
from simulators.stripe.wire.call import Call
from simulators.stripe.wire.lists import by_created, by_words, page
from simulators.stripe.wire.session_params import read_new_session

_URL = "/v1/checkout/sessions"


class SessionRoutes:
    """Handlers.

    Args:
        url: Where browsers reach this simulator.
    """

    def __init__(self, url: str) -> None:
        self._url = url

    def create(self, call: Call) -> Thing:
        """Open a session."""
        asked = read_new_session(call.fields, call.change.now)
        return sessions.create(call.change, asked, self._url)

    def list(self, call: Call) -> Thing:
        """Sessions, newest first."""
        found = by_created(call.book.newest_first(sessions.KIND), call.fields)
        found = by_words(found, call.fields, "payment_intent", "customer", "status")
        details = call.fields.group("customer_details")
        if (email := details.text("email")) is not None:
            found = [s for s in found if (s["customer_details"] or {}).get("email") == email]
        return page(found, call.fields, _URL)

    def get(self, call: Call) -> Thing:
        """One session."""
        return call.need(sessions.KIND, "session", "checkout session")

    def expire(self, call: Call) -> Thing:
        """End an open session."""
        call.need(sessions.KIND, "session", "checkout session")
        return sessions.expire(call.change, call.path["session"])

    def line_items(self, call: Call) -> Thing:
        """What a session sells."""
        call.need(sessions.KIND, "session", "checkout session")
        kept = call.need(sessions.LINE_ITEMS, "session", "checkout session")
        return page(kept["data"], call.fields, f"{_URL}/{kept['id']}/line_items")
