"""What a person does on the payment page, and what becomes of a payment by bank."""

from __future__ import annotations

from dataclasses import dataclass

from simulators.stripe.account import sessions
from simulators.stripe.account.book import Change, Thing
from simulators.stripe.account.charges import (
    CHARGE,
    INTENT,
    Means,
    fail,
    new_charge,
    new_intent,
    succeed,
)

APPOINTMENT = "appointment"


class NotPossible(ValueError):
    """What a person wants to do cannot be done now, as a real page would say."""


@dataclass(frozen=True)
class Payer:
    """Who pays, and what a test may have wrong about it.

    Attributes:
        email: Of the person; the session's own wins.
        name: Of the person.
        amount: Paid instead of the session's amount; Stripe never does so.
        currency: Likewise.
    """

    email: str | None = None
    name: str | None = None
    amount: int | None = None
    currency: str | None = None


NOBODY = Payer()


def pay_by_card(change: Change, session_id: str, payer: Payer = NOBODY) -> Thing:
    """The card is charged and the session complete; returns the session.

    Raises:
        NotPossible: The session is not open.
    """
    session = _open_session(change, session_id)
    if session["payment_status"] == "no_payment_required":
        sessions.complete(change, session_id, "no_payment_required", payer.email, payer.name)
    else:
        intent = _intent(change, session, payer)
        charge = new_charge(change, intent, "succeeded", Means.CARD, payer.email)
        succeed(change, intent, charge)
        sessions.complete(change, session_id, "paid", payer.email, payer.name)
    change.tell("checkout.session.completed", session)
    return session


def decline_card(
    change: Change, session_id: str, payer: Payer = NOBODY, reason: str = "generic_decline"
) -> Thing:
    """The card is declined; the session stays open and the person may try again.

    Raises:
        NotPossible: The session is not open, or nothing is to be paid.
    """
    session = _open_session(change, session_id)
    if session["payment_status"] == "no_payment_required":
        raise NotPossible("there is nothing to pay")
    intent = _intent(change, session, payer)
    charge = new_charge(change, intent, "failed", Means.CARD, payer.email)
    fail(change, intent, charge, "card_declined", reason)
    return session


def pay_by_bank(
    change: Change, session_id: str, payer: Payer, succeeds: bool, seconds: float
) -> Thing:
    """The session is complete, but unpaid until the bank has answered.

    Args:
        change: What it becomes part of.
        session_id: The session.
        payer: Who pays.
        succeeds: What the bank will say.
        seconds: When it will say so.

    Raises:
        NotPossible: The session is not open, offers no such method, or nothing is to be paid.
    """
    session = _open_session(change, session_id)
    if not offers_bank(session):
        raise NotPossible("this session does not take payments by bank")
    intent = _intent(change, session, payer)
    charge = new_charge(change, intent, "pending", Means.BANK, payer.email)
    intent["status"], intent["payment_method"] = "processing", charge["payment_method"]
    change.tell("payment_intent.processing", intent)
    change.tell("charge.pending", charge)
    sessions.complete(change, session_id, "unpaid", payer.email, payer.name)
    change.tell("checkout.session.completed", session)
    change.put(
        {
            "object": APPOINTMENT,
            "id": intent["id"],
            "at": change.now + seconds,
            "outcome": "succeeded" if succeeds else "failed",
        }
    )
    return session


def settle(change: Change, intent_id: str, *, succeeds: bool) -> Thing:
    """The bank has answered; returns the session.

    Raises:
        NotPossible: The payment is not waiting for a bank.
    """
    found = change.find(INTENT, intent_id)
    if found is None or found["status"] != "processing":
        raise NotPossible(f"no payment of that intent waits for a bank: {intent_id}")
    intent = change.edit(INTENT, intent_id)
    charge = change.edit(CHARGE, intent["latest_charge"])
    owner = sessions.of_intent(change.book, intent_id)
    assert owner is not None  # noqa: S101  only sessions make intents
    session = change.edit(sessions.KIND, owner["id"])
    if succeeds:
        succeed(change, intent, charge)
        session["payment_status"] = "paid"
        change.tell("checkout.session.async_payment_succeeded", session)
    else:
        fail(change, intent, charge, "payment_intent_payment_attempt_failed", "insufficient_funds")
        change.tell("checkout.session.async_payment_failed", session)
    return session


def offers_bank(session: Thing) -> bool:
    """Whether a delayed method is among those offered, and there is something to pay."""
    methods = sessions.DELAYED_METHODS.intersection(session["payment_method_types"])
    return bool(methods) and session["payment_status"] != "no_payment_required"


def _open_session(change: Change, session_id: str) -> Thing:
    found = change.find(sessions.KIND, session_id)
    if found is None:
        raise NotPossible(f"no such session: {session_id}")
    if found["status"] != "open":
        raise NotPossible(f"the session is {found['status']}")
    return change.edit(sessions.KIND, session_id)


def _intent(change: Change, session: Thing, payer: Payer) -> Thing:
    """The session's intent; one that a declined card left behind is used again."""
    if session["payment_intent"] is not None:
        return change.edit(INTENT, session["payment_intent"])
    amount = session["amount_total"] if payer.amount is None else payer.amount
    return new_intent(change, session, amount, payer.currency or session["currency"])
