"""Disputes: a payer's bank takes the money back, and somebody wins."""

from __future__ import annotations

from simulators.stripe.account.book import Change, Thing
from simulators.stripe.account.charges import CHARGE
from simulators.stripe.account.ids import new_id
from simulators.stripe.account.payments import NotPossible

KIND = "dispute"
REASONS = (
    *("bank_cannot_process", "credit_not_processed", "duplicate", "fraudulent", "general"),
    *("product_not_received", "product_unacceptable", "unrecognized"),
)
CLOSED = ("won", "lost", "warning_closed")
_DAYS_TO_ANSWER = 7 * 86_400


def open_dispute(
    change: Change,
    charge_id: str,
    reason: str = "fraudulent",
    amount: int | None = None,
    *,
    is_inquiry: bool = False,
) -> Thing:
    """A payer complains.

    Args:
        change: What it becomes part of.
        charge_id: What was charged.
        reason: One of ``REASONS``.
        amount: In the smallest unit; None: what was charged.
        is_inquiry: The bank only asks: no money moves, and a refund stays possible.

    Raises:
        NotPossible: There is no such money, or the charge is disputed already.
    """
    found = change.find(CHARGE, charge_id)
    if found is None or found["status"] != "succeeded":
        raise NotPossible(f"no such charge that succeeded: {charge_id}")
    if found["refunded"]:
        raise NotPossible("a fully refunded charge cannot be disputed")
    if found["disputed"]:
        raise NotPossible("the charge has been disputed already")
    if reason not in REASONS:
        raise NotPossible(f"reason is one of {', '.join(REASONS)}")
    charge = change.edit(CHARGE, charge_id)
    charge["disputed"] = True
    dispute = change.put(
        {
            "id": new_id("du_"),
            "object": KIND,
            "amount": charge["amount"] if amount is None else amount,
            "balance_transactions": [],
            "charge": charge_id,
            "created": change.now,
            "currency": charge["currency"],
            "enhanced_eligibility_types": [],
            "evidence": {},
            "evidence_details": {
                **{"due_by": change.now + _DAYS_TO_ANSWER, "enhanced_eligibility": {}},
                **{"has_evidence": False, "past_due": False, "submission_count": 0},
            },
            "is_charge_refundable": is_inquiry,
            "livemode": False,
            "metadata": {},
            "payment_intent": charge["payment_intent"],
            "payment_method_details": charge["payment_method_details"],
            "reason": reason,
            "status": "warning_needs_response" if is_inquiry else "needs_response",
        }
    )
    change.tell("charge.dispute.created", dispute)
    if not is_inquiry:
        change.tell("charge.dispute.funds_withdrawn", dispute)
    return dispute


def move(change: Change, dispute_id: str, status: str) -> Thing:
    """A dispute goes on: ``under_review``, then ``won`` or ``lost``.

    An inquiry goes to ``warning_under_review`` and ``warning_closed``, or escalates to
    ``needs_response``.

    Raises:
        NotPossible: There is none, it is closed, or it cannot go there.
    """
    found = change.find(KIND, dispute_id)
    if found is None:
        raise NotPossible(f"no such dispute: {dispute_id}")
    if status not in _NEXT.get(found["status"], ()):
        raise NotPossible(f"the dispute is {found['status']}")
    dispute = change.edit(KIND, dispute_id)
    dispute["status"] = status
    if status == "needs_response":
        dispute["is_charge_refundable"] = False
        change.tell("charge.dispute.funds_withdrawn", dispute)
    if status in CLOSED:
        change.tell("charge.dispute.closed", dispute, status=found["status"])
        if status == "won":
            change.tell("charge.dispute.funds_reinstated", dispute)
    else:
        change.tell("charge.dispute.updated", dispute, status=found["status"])
    return dispute


_NEXT = {
    "needs_response": ("under_review", "won", "lost"),
    "under_review": ("won", "lost"),
    "warning_needs_response": ("warning_under_review", "warning_closed", "needs_response"),
    "warning_under_review": ("warning_closed", "needs_response"),
}
