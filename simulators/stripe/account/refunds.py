"""Refunds: never more than was paid, and their own life after they were made."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from simulators.stripe.account.book import Change, Thing
from simulators.stripe.account.charges import CHARGE
from simulators.stripe.account.ids import new_id
from simulators.stripe.account.money import written
from simulators.stripe.account.payments import APPOINTMENT, NotPossible
from simulators.stripe.account.refusal import Refusal, state_conflict

KIND = "refund"
_ENDED_WITHOUT = ("failed", "canceled")


@dataclass(frozen=True)
class NewRefund:
    """What is asked for.

    Attributes:
        charge_id: Of the charge to refund.
        amount: In the smallest unit; None: all that is left.
    """

    charge_id: str
    amount: int | None = None
    reason: str | None = None
    metadata: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Fate:
    """How a refund goes.

    Attributes:
        outcome: ``succeeded`` or ``failed``.
        seconds: When; 0 at once, None never: it stays pending.
        pending_reason: Why it is pending meanwhile.
    """

    outcome: str = "succeeded"
    seconds: float | None = 0
    pending_reason: str = "insufficient_funds"


SMOOTH = Fate()


def create(change: Change, asked: NewRefund, fate: Fate = SMOOTH) -> Thing:
    """Give money back.

    Raises:
        Refusal: The charge does not exist, has no such money left, or is disputed.
    """
    charge = _refundable(change, asked.charge_id)
    left = charge["amount"] - charge["amount_refunded"]
    amount = left if asked.amount is None else asked.amount
    if amount > left:
        money = written(amount, charge["currency"]), written(left, charge["currency"])
        raise state_conflict(
            f"Refund amount ({money[0]}) is greater than unrefunded amount on charge ({money[1]})",
            param="amount",
        )
    is_pending = fate.seconds != 0
    refund = change.put(
        _EMPTY
        | {
            "id": new_id("re_"),
            "amount": amount,
            "balance_transaction": new_id("txn_"),
            "charge": charge["id"],
            "created": change.now,
            "currency": charge["currency"],
            "metadata": dict(asked.metadata),
            "payment_intent": charge["payment_intent"],
            "pending_reason": fate.pending_reason if is_pending else None,
            "reason": asked.reason,
            "status": "pending" if is_pending else "succeeded",
        }
    )
    charge["amount_refunded"] += amount
    charge["refunded"] = charge["amount_refunded"] == charge["amount"]
    change.tell("refund.created", refund)
    change.tell("charge.refunded", charge, amount_refunded=charge["amount_refunded"] - amount)
    if not is_pending and fate.outcome == "failed":
        move(change, refund["id"], "failed")
    elif fate.seconds:
        change.put(
            {
                "object": APPOINTMENT,
                "id": refund["id"],
                "at": change.now + fate.seconds,
                "outcome": fate.outcome,
            }
        )
    return refund


def move(change: Change, refund_id: str, status: str) -> Thing:
    """A refund succeeds, fails (also after it had succeeded), or is canceled.

    Raises:
        NotPossible: There is none, or it has ended in another way.
    """
    found = change.find(KIND, refund_id)
    if found is None:
        raise NotPossible(f"no such refund: {refund_id}")
    may = {"pending": ("succeeded", "failed", "canceled"), "succeeded": ("failed",)}
    if status not in may.get(found["status"], ()):
        raise NotPossible(f"the refund is {found['status']}")
    refund, before = change.edit(KIND, refund_id), found["status"]
    refund |= {"status": status, "pending_reason": None}
    charge = change.edit(CHARGE, refund["charge"])
    if status in _ENDED_WITHOUT:
        refund["failure_reason"] = "unknown" if status == "failed" else None
        refund["failure_balance_transaction"] = new_id("txn_")
        charge["amount_refunded"] -= refund["amount"]
        charge["refunded"] = False
    change.tell("refund.updated", refund, status=before)
    change.tell("charge.refund.updated", refund, status=before)
    if status == "failed":
        change.tell("refund.failed", refund, status=before)
    return refund


def _refundable(change: Change, charge_id: str) -> Thing:
    charge = change.edit(CHARGE, charge_id)
    if charge["status"] != "succeeded":
        raise state_conflict(f"Charge {charge_id} has no money to refund: {charge['status']}.")
    for dispute in change.book.oldest_first("dispute"):
        if dispute["charge"] == charge_id and _is_against(dispute):
            message = f"Charge {charge_id} has been charged back; cannot issue a refund."
            raise state_conflict(message, "charge_disputed")
    if charge["refunded"]:
        message = f"Charge {charge_id} has already been refunded."
        raise state_conflict(message, "charge_already_refunded")
    return charge


def _is_against(dispute: Thing) -> bool:
    return not dispute["is_charge_refundable"] and dispute["status"] != "won"


def positive(amount: int | None) -> int | None:
    """An amount that can be refunded.

    Raises:
        Refusal: It is not above zero.
    """
    if amount is not None and amount < 1:
        raise Refusal(
            "This value must be greater than or equal to 1.",
            code="parameter_invalid_integer",
            param="amount",
        )
    return amount


_EMPTY: Thing = {
    "object": KIND,
    "destination_details": {"card": {"type": "refund"}, "type": "card"},
    **dict.fromkeys(
        (
            *("customer", "customer_account", "description", "failure_balance_transaction"),
            *("failure_reason", "instructions_email", "next_action", "payment_method"),
            *("presentment_details", "receipt_number", "source_transfer_reversal"),
            "transfer_reversal",
        )
    ),
}
