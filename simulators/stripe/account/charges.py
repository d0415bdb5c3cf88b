"""Payment intents and charges as objects: what they look like, and how they change together."""

from __future__ import annotations

from enum import StrEnum

from simulators.stripe.account.book import Change, Thing
from simulators.stripe.account.ids import new_id
from simulators.stripe.account.sessions import OWNER

INTENT, CHARGE = "payment_intent", "charge"


class Means(StrEnum):
    """What a person pays with."""

    CARD = "card"
    BANK = "bank"


def new_intent(change: Change, session: Thing, amount: int, currency: str) -> Thing:
    """The intent of a session, made when the person first tries to pay.

    Args:
        change: What it becomes part of.
        session: The session, staged for editing.
        amount: In the smallest unit; the session's own unless a test wants it wrong.
        currency: Likewise.
    """
    asked = change.find("session_intent", session["id"]) or {}
    intent_id = new_id("pi_")
    intent = change.put(
        _EMPTY_INTENT
        | {
            "id": intent_id,
            "amount": amount,
            "client_secret": f"{intent_id}_secret_{new_id('_')[1:]}",
            "created": change.now,
            "currency": currency,
            "customer": session["customer"],
            "description": asked.get("description"),
            "metadata": dict(asked.get("metadata", {})),
            "payment_method_types": list(session["payment_method_types"]),
            "receipt_email": asked.get("receipt_email"),
            "statement_descriptor": asked.get("statement_descriptor"),
            "statement_descriptor_suffix": asked.get("statement_descriptor_suffix"),
            "amount_details": {"tip": {}},
        }
    )
    session["payment_intent"] = intent_id
    change.put({"object": OWNER, "id": intent_id, "session": session["id"]})
    change.tell("payment_intent.created", intent)
    return intent


def new_charge(
    change: Change, intent: Thing, status: str, means: Means, email: str | None
) -> Thing:
    """A charge of the intent's whole amount: succeeded, pending or failed."""
    is_paid = status == "succeeded"
    charge = change.put(
        _EMPTY_CHARGE
        | {
            "id": new_id("ch_" if means is Means.CARD else "py_"),
            "amount": intent["amount"],
            "amount_captured": intent["amount"] if status != "failed" else 0,
            "balance_transaction": new_id("txn_") if is_paid else None,
            "billing_details": {"address": None, "email": email, "name": None, "phone": None},
            "captured": status != "failed",
            "created": change.now,
            "currency": intent["currency"],
            "customer": intent["customer"],
            "description": intent["description"],
            "fraud_details": {},
            "metadata": dict(intent["metadata"]),
            "outcome": _outcome(status),
            "paid": is_paid,
            "payment_intent": intent["id"],
            "payment_method": new_id("pm_"),
            "payment_method_details": _METHOD_DETAILS[means],
            "receipt_email": intent["receipt_email"],
            "status": status,
        }
    )
    intent["latest_charge"] = charge["id"]
    return charge


def succeed(change: Change, intent: Thing, charge: Thing) -> None:
    """The money is there."""
    charge |= {
        "status": "succeeded",
        "paid": True,
        "outcome": _outcome("succeeded"),
        "balance_transaction": charge["balance_transaction"] or new_id("txn_"),
    }
    intent |= {
        "status": "succeeded",
        "amount_received": charge["amount"],
        "payment_method": charge["payment_method"],
        "last_payment_error": None,
        "processing": None,
    }
    change.tell("charge.succeeded", charge)
    change.tell("payment_intent.succeeded", intent)


def fail(change: Change, intent: Thing, charge: Thing, code: str, reason: str) -> None:
    """There is no money: the card was declined, or the bank has sent it back.

    Args:
        change: What it becomes part of.
        intent: Staged for editing; it may be tried again.
        charge: Staged for editing.
        code: Such as ``card_declined``.
        reason: The ``decline_code``, such as ``insufficient_funds``.
    """
    message = "Your card was declined." if code == "card_declined" else "The payment has failed."
    charge |= {
        "status": "failed",
        "paid": False,
        "captured": False,
        "amount_captured": 0,
        "failure_code": code,
        "failure_message": message,
        "outcome": _outcome("failed"),
    }
    intent |= {
        "status": "requires_payment_method",
        "payment_method": None,
        "processing": None,
        "last_payment_error": {
            "type": "card_error",
            "charge": charge["id"],
            "code": code,
            "decline_code": reason,
            "message": message,
        },
    }
    change.tell("charge.failed", charge)
    change.tell("payment_intent.payment_failed", intent)


def _outcome(status: str) -> Thing | None:
    if status == "pending":
        return None
    is_good = status == "succeeded"
    return {
        "network_status": "approved_by_network" if is_good else "declined_by_network",
        "reason": None if is_good else "generic_decline",
        "risk_level": "normal",
        "seller_message": "Payment complete." if is_good else "The bank declined the payment.",
        "type": "authorized" if is_good else "issuer_declined",
    }


_METHOD_DETAILS: dict[Means, Thing] = {
    Means.CARD: {
        "type": "card",
        "card": {
            **{"brand": "visa", "country": "US", "funding": "credit", "last4": "4242"},
            **{"exp_month": 12, "exp_year": 2034, "network": "visa", "wallet": None},
        },
    },
    Means.BANK: {
        "type": "sepa_debit",
        "sepa_debit": {"bank_code": "37040044", "country": "DE", "last4": "3000"},
    },
}

_EMPTY_INTENT: Thing = {
    "object": INTENT,
    "livemode": False,
    "status": "requires_payment_method",
    "amount_capturable": 0,
    "amount_received": 0,
    "automatic_payment_methods": None,
    "capture_method": "automatic_async",
    "confirmation_method": "automatic",
    "payment_method_options": {},
    **dict.fromkeys(
        (
            *("application", "application_fee_amount", "canceled_at", "cancellation_reason"),
            *("last_payment_error", "latest_charge", "next_action", "on_behalf_of", "review"),
            *("payment_method", "payment_method_configuration_details", "processing", "source"),
            *("setup_future_usage", "shipping", "transfer_data", "transfer_group"),
            *("customer_account", "excluded_payment_method_types"),
        )
    ),
}

_EMPTY_CHARGE: Thing = {
    "object": CHARGE,
    "livemode": False,
    "amount_refunded": 0,
    "disputed": False,
    "refunded": False,
    "calculated_statement_descriptor": "SIMULATED",
    **dict.fromkeys(
        (
            *("application", "application_fee", "application_fee_amount", "failure_code"),
            *("failure_balance_transaction", "failure_message", "on_behalf_of", "review"),
            *("receipt_number", "receipt_url", "shipping", "source_transfer", "transfer_data"),
            *("statement_descriptor", "statement_descriptor_suffix", "transfer_group"),
        )
    ),
}
