"""Routes of events: 30 days of what happened, for whoever missed a webhook."""

from __future__ import annotations

from fnmatch import fnmatchcase

from simulators.stripe.account.book import Book, Thing
from simulators.stripe.account.refusal import Refusal, not_found
from simulators.stripe.wire.call import Call
from simulators.stripe.wire.lists import by_created, page

KIND = "event"
_KEPT_SECONDS = 30 * 86_400  # docs.stripe.com/api/events


def list_events(call: Call) -> Thing:
    """Events, newest first."""
    found = by_created(_kept(call.book), call.fields)
    one, many = call.fields.text("type"), call.fields.texts("types")
    if one is not None and many:
        raise Refusal("You may only specify one of these parameters: type, types.")
    patterns = many or [one or "*"]
    found = [e for e in found if any(fnmatchcase(e["type"], pattern) for pattern in patterns)]
    success = call.fields.truth("delivery_success")
    if success is not None:
        found = [e for e in found if _is_delivered(call.book, e) == success]
    listed = page(found, call.fields, "/v1/events")
    listed["data"] = [_as_shown(call.book, event) for event in listed["data"]]
    return listed


def get_event(call: Call) -> Thing:
    """One event."""
    event = call.need(KIND, "event", "event", "id")
    if event not in _kept(call.book):
        raise not_found("event", event["id"], "id")
    return _as_shown(call.book, event)


def _kept(book: Book) -> list[Thing]:
    since = book.clock.now() - _KEPT_SECONDS
    return [event for event in book.newest_first(KIND) if event["created"] >= since]


def _as_shown(book: Book, event: Thing) -> Thing:
    delivery = book.find("delivery", event["id"])
    is_pending = delivery is not None and delivery["state"] == "pending"
    return {**event, "pending_webhooks": int(is_pending)}


def _is_delivered(book: Book, event: Thing) -> bool:
    """Without an endpoint nothing failed."""
    delivery = book.find("delivery", event["id"])
    return delivery is None or delivery["state"] == "succeeded"
