"""What Stripe's objects mean in our words. Pure functions.

Amounts and currencies are reported as they are: whether they are right is for the rules.
"""

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any, TypeVar
from uuid import UUID

import stripe

from rekindle.contracts.orders import refund_number
from rekindle.errors import PaymentsUnavailable
from rekindle.ports.payments import (
    CheckoutOrder,
    CheckoutSession,
    Dispute,
    DisputeStatus,
    Payment,
    PaymentEvent,
    Refund,
    RefundStatus,
    SessionStatus,
)

ORDER_ID = "order_id"
"""Our name in Stripe's metadata."""
KEY = "key"
"""There too, of a refund: the idempotency key of its call, which tells refunds apart."""

_CLOSED_DISPUTES = {
    "won": DisputeStatus.WON,
    "warning_closed": DisputeStatus.WON,  # a bank only asked; no money moved
    "lost": DisputeStatus.LOST,
    "prevented": DisputeStatus.LOST,  # the network gave the money back before it came to a dispute
}
"""Every other status, also one that is yet unknown, is open: that freezes, and decides nothing."""

Given = TypeVar("Given")
Thing = TypeVar("Thing")


def read_as(found: Given, reader: Callable[[Given], Thing]) -> Thing:
    """A reply in our words.

    Raises:
        PaymentsUnavailable: it lacks what makes a thing that thing.
    """
    try:
        return reader(found)
    except (AttributeError, KeyError, TypeError, ValueError, OverflowError, OSError):
        what = reader.__name__
        raise PaymentsUnavailable(f"what Stripe answered is no {what}") from None


def session_params(order: CheckoutOrder) -> stripe.params.checkout.SessionCreateParams:
    """The parameters of a session for an order."""
    order_id = str(order.order_id)
    params: stripe.params.checkout.SessionCreateParams = {
        "mode": "payment",
        "line_items": [
            {
                "quantity": 1,
                "price_data": {
                    "currency": order.currency,
                    "unit_amount": order.amount,
                    "product_data": {"name": order.name},
                },
            }
        ],
        "success_url": order.success_url,
        "cancel_url": order.cancel_url,
        "client_reference_id": order_id,
        "metadata": {ORDER_ID: order_id},
        # Refunds and disputes name the payment, never the session.
        "payment_intent_data": {"metadata": {ORDER_ID: order_id}},
        "expires_at": int(order.expires_at.timestamp()),
    }
    if order.email is not None:
        params["customer_email"] = order.email
    return params


def session(found: stripe.checkout.Session) -> CheckoutSession:
    """A Checkout session. Complete does not mean paid: a bank may take days."""
    status = SessionStatus(_text(found.status))
    is_free = found.payment_status == "no_payment_required" and status is SessionStatus.COMPLETE
    return CheckoutSession(
        session_id=_text(found.id),
        order_id=_order_of(found.metadata, found.client_reference_id),
        status=status,
        is_paid=found.payment_status == "paid" or is_free,
        amount=_whole(found.amount_total),
        currency=_text(found.currency),
        url=found.url if status is SessionStatus.OPEN else None,
        payment_id=_id_of(found.payment_intent),
        expires_at=_moment(found.expires_at),
    )


def payment(found: stripe.PaymentIntent) -> Payment:
    """A payment intent whose latest charge is expanded: no other one of it can hold money."""
    charge = found.latest_charge
    if isinstance(charge, str):
        raise ValueError("the charge is not expanded")
    # What a bank has yet to send is captured, but pending.
    has_arrived = charge is not None and charge.paid and charge.status == "succeeded"
    return Payment(
        payment_id=_text(found.id),
        order_id=_order_of(found.metadata),
        captured=_whole(charge.amount_captured) if charge and has_arrived else 0,
        currency=_text(found.currency if charge is None else charge.currency),
        has_failed=found.status == "canceled" or (charge is not None and charge.status == "failed"),
        created_at=None if charge is None else _moment(charge.created),
    )


def open_payment(found: stripe.PaymentIntent) -> Payment:
    """The payment of an open session: whose card was declined may try another one."""
    return replace(payment(found), has_failed=False)


def refund(found: stripe.Refund) -> Refund:
    """A refund."""
    return Refund(
        refund_id=_text(found.id),
        payment_id=_text(_id_of(found.payment_intent)),
        amount=_whole(found.amount),
        status=RefundStatus(_text(found.status)),
        order_id=_order_of(found.metadata),
        number=_number_of(found.metadata),
        created_at=_moment(found.created),
    )


def dispute(found: stripe.Dispute) -> Dispute:
    """A dispute."""
    return Dispute(
        dispute_id=_text(found.id),
        payment_id=_text(_id_of(found.payment_intent)),
        amount=_whole(found.amount),
        status=_CLOSED_DISPUTES.get(_text(found.status), DisputeStatus.OPEN),
        created_at=_moment(found.created),
    )


def event(found: Mapping[str, Any]) -> PaymentEvent:
    """An event, from a webhook's JSON or from the list. Of its object only names are read."""
    about = found["data"]["object"]
    names = about.get("metadata"), about.get("client_reference_id")
    is_payment = about.get("object") == "payment_intent"
    return PaymentEvent(
        event_id=_text(found["id"]),
        kind=_text(found["type"]),
        created_at=_moment(found["created"]),
        order_id=_order_of(*names),
        payment_id=_id_of(about.get("id" if is_payment else "payment_intent")),
    )


def _order_of(metadata: Any, reference: object = None) -> UUID | None:
    """The order that an object names; None when it names none of ours."""
    named = metadata[ORDER_ID] if metadata is not None and ORDER_ID in metadata else reference
    try:
        return UUID(named) if isinstance(named, str) else None
    except ValueError:
        return None


def _number_of(metadata: Any) -> int | None:
    """The number of the row in our ledger that a refund was asked for by."""
    key = metadata[KEY] if metadata is not None and KEY in metadata else None
    return refund_number(key) if isinstance(key, str) else None


def _id_of(expandable: object) -> str | None:
    """The id of what may be an id, an expanded object, or nothing."""
    if expandable is None or isinstance(expandable, str):
        return expandable or None
    if isinstance(expandable, Mapping):
        return _text(expandable["id"])
    return _text(getattr(expandable, "id"))  # noqa: B009  its type is not known


def _text(value: object) -> str:
    if not isinstance(value, str) or not value:
        raise ValueError("no text")
    return value


def _whole(value: object) -> int:
    if not isinstance(value, int) or isinstance(value, bool):
        raise ValueError("no whole number")
    return value


def _moment(value: object) -> datetime:
    return datetime.fromtimestamp(_whole(value), UTC)
