"""Checkout sessions: open, then complete or expired."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from simulators.stripe.account.book import Book, Change, Thing
from simulators.stripe.account.ids import new_id
from simulators.stripe.account.refusal import state_conflict

KIND = "checkout.session"
LINE_ITEMS = "line_items"
OWNER = "intent_owner"
"""Says which session a payment intent belongs to."""
SHORTEST, LONGEST = 30 * 60, 24 * 3600
"""Seconds from now between which ``expires_at`` lies (managing-limited-inventory in the docs)."""
DELAYED_METHODS = frozenset({"sepa_debit", "us_bank_account", "bacs_debit", "customer_balance"})


@dataclass(frozen=True)
class Item:
    """A line of the bill.

    Attributes:
        unit_amount: In the smallest unit of the currency.
    """

    name: str
    currency: str
    unit_amount: int
    quantity: int
    metadata: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class NewSession:
    """What a create call asks for, checked."""

    items: Sequence[Item]
    success_url: str
    cancel_url: str | None
    expires_at: int | None
    client_reference_id: str | None
    customer: str | None
    customer_email: str | None
    locale: str | None
    submit_type: str | None
    metadata: Mapping[str, str]
    methods: Sequence[str]
    intent: Mapping[str, Any]

    @property
    def currency(self) -> str:
        """The one currency of all items."""
        return self.items[0].currency

    @property
    def amount(self) -> int:
        """The sum in the currency's smallest unit."""
        return sum(item.unit_amount * item.quantity for item in self.items)


def create(change: Change, asked: NewSession, url: str) -> Thing:
    """Open a session.

    Args:
        change: What it becomes part of.
        asked: The checked parameters.
        url: Where browsers reach this simulator.
    """
    session_id = new_id("cs_test_")
    change.put({"object": LINE_ITEMS, "id": session_id, "data": _line_items(change, asked)})
    change.put({"object": "session_intent", "id": session_id, **asked.intent})
    return change.put(
        _EMPTY
        | {
            "id": session_id,
            "amount_subtotal": asked.amount,
            "amount_total": asked.amount,
            "automatic_tax": {
                "enabled": False,
                "liability": None,
                "provider": None,
                "status": None,
            },
            "cancel_url": asked.cancel_url,
            "client_reference_id": asked.client_reference_id,
            "created": change.now,
            "currency": asked.currency,
            "customer": asked.customer,
            "customer_details": _details(asked.customer_email),
            "customer_email": asked.customer_email,
            "expires_at": asked.expires_at or change.now + LONGEST,
            "locale": asked.locale,
            "metadata": dict(asked.metadata),
            "payment_method_types": list(asked.methods),
            "payment_status": "unpaid" if asked.amount else "no_payment_required",
            "status": "open",
            "submit_type": asked.submit_type,
            "success_url": asked.success_url,
            "total_details": {"amount_discount": 0, "amount_shipping": 0, "amount_tax": 0},
            "url": f"{url}/c/pay/{session_id}",
        }
    )


def expire(change: Change, session_id: str) -> Thing:
    """Expire an open session, by the API or because its time has come.

    Raises:
        Refusal: It is not open; the key replays this.
    """
    session = change.edit(KIND, session_id)
    if session["status"] != "open":
        raise state_conflict(
            'Only Checkout Sessions with a status in ["open"] can be expired. This Checkout '
            f"Session has a status of {session['status']}."
        )
    session["status"], session["url"] = "expired", None
    _cancel_intent(change, session["payment_intent"])
    change.tell("checkout.session.expired", session)
    return session


def complete(
    change: Change, session_id: str, payment_status: str, email: str | None, name: str | None
) -> Thing:
    """The person has done their part; the event is told by the caller."""
    session = change.edit(KIND, session_id)
    session["status"], session["url"] = "complete", None
    session["payment_status"] = payment_status
    session["customer_details"] = _details(session["customer_email"] or email, name)
    return session


def of_intent(book: Book, intent_id: str) -> Thing | None:
    """The session that a payment intent belongs to."""
    owner = book.find(OWNER, intent_id)
    return None if owner is None else book.find(KIND, owner["session"])


def _cancel_intent(change: Change, intent_id: str | None) -> None:
    """An intent that a declined card left behind ends with its session."""
    if intent_id is None:
        return
    intent = change.edit("payment_intent", intent_id)
    intent |= {
        "status": "canceled",
        "canceled_at": change.now,
        "cancellation_reason": "automatic",
    }
    change.tell("payment_intent.canceled", intent)


def _details(email: str | None, name: str | None = None) -> Thing | None:
    if email is None and name is None:
        return None
    return {
        "address": None,
        "business_name": None,
        "email": email,
        "individual_name": None,
        "name": name,
        "phone": None,
        "tax_exempt": "none",
        "tax_ids": [],
    }


def _line_items(change: Change, asked: NewSession) -> list[Thing]:
    return [_line_item(change, item) for item in asked.items]


def _line_item(change: Change, item: Item) -> Thing:
    total = item.unit_amount * item.quantity
    return {
        "id": new_id("li_"),
        "object": "item",
        "amount_discount": 0,
        "amount_subtotal": total,
        "amount_tax": 0,
        "amount_total": total,
        "currency": item.currency,
        "description": item.name,
        "metadata": {},
        "price": {
            "id": new_id("price_"),
            "object": "price",
            "active": False,
            "billing_scheme": "per_unit",
            "created": change.now,
            "currency": item.currency,
            "custom_unit_amount": None,
            "livemode": False,
            "lookup_key": None,
            "metadata": dict(item.metadata),
            "nickname": None,
            "product": new_id("prod_"),
            "recurring": None,
            "tax_behavior": "unspecified",
            "tiers_mode": None,
            "transform_quantity": None,
            "type": "one_time",
            "unit_amount": item.unit_amount,
            "unit_amount_decimal": str(item.unit_amount),
        },
        "quantity": item.quantity,
    }


_EMPTY: Thing = {
    "object": KIND,
    "livemode": False,
    "mode": "payment",
    "payment_intent": None,
    "ui_mode": "hosted_page",
    "custom_fields": [],
    "custom_text": {
        "after_submit": None,
        "shipping_address": None,
        "submit": None,
        "terms_of_service_acceptance": None,
    },
    "customer_creation": "if_required",
    "invoice_creation": {"enabled": False, "invoice_data": None},
    "payment_method_collection": "if_required",
    "payment_method_options": {},
    "phone_number_collection": {"enabled": False},
    "shipping_options": [],
    **dict.fromkeys(
        (
            *("adaptive_pricing", "after_expiration", "allow_promotion_codes", "client_secret"),
            *("billing_address_collection", "collected_information", "consent", "invoice"),
            *("consent_collection", "currency_conversion", "customer_account", "discounts"),
            *("payment_link", "payment_method_configuration_details", "permissions"),
            *("recovered_from", "redirect_on_completion", "return_url", "setup_intent"),
            *("saved_payment_method_options", "shipping_address_collection", "shipping_cost"),
            *("subscription", "wallet_options", "presentment_details", "origin_context"),
        )
    ),
}
"""What every session here has in common."""
