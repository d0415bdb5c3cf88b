"""Routes of refunds."""

from __future__ import annotations

from simulators.stripe.account import refunds, sessions
from simulators.stripe.account.book import Thing
from simulators.stripe.account.charges import CHARGE, INTENT
from simulators.stripe.account.faults import FaultKind
from simulators.stripe.account.injector import FaultInjector
from simulators.stripe.account.refunds import SMOOTH, Fate, NewRefund
from simulators.stripe.account.refusal import Refusal, not_found, state_conflict
from simulators.stripe.wire.call import Call
from simulators.stripe.wire.lists import by_created, by_words, page

_REASONS = ("duplicate", "fraudulent", "requested_by_customer")
_FATES = frozenset({FaultKind.REFUND_FAILS, FaultKind.REFUND_PENDING})


class RefundRoutes:
    """Handlers.

    Args:
        faults: Say which refunds do not go well.
    """

    def __init__(self, faults: FaultInjector) -> None:
        self._faults = faults

    def create(self, call: Call) -> Thing:
        """Give money back."""
        charge = _charge(call)
        asked = NewRefund(
            charge["id"],
            refunds.positive(call.fields.whole("amount")),
            call.fields.text("reason", choices=_REASONS),
            call.fields.metadata(),
        )
        call.fields.done()
        session = sessions.of_intent(call.book, charge["payment_intent"])
        fate = self._fate(None if session is None else session["client_reference_id"])
        return refunds.create(call.change, asked, fate)

    def list(self, call: Call) -> Thing:
        """Refunds, newest first."""
        found = by_created(call.book.newest_first(refunds.KIND), call.fields)
        found = by_words(found, call.fields, "payment_intent", "charge")
        return page(found, call.fields, "/v1/refunds")

    def get(self, call: Call) -> Thing:
        """One refund."""
        return call.need(refunds.KIND, "refund", "refund")

    def _fate(self, reference: str | None) -> Fate:
        fault = self._faults.of_money(_FATES, reference)
        if fault is None:
            return SMOOTH
        if fault.kind is FaultKind.REFUND_FAILS:
            return Fate("failed", fault.seconds or 0, "processing")
        return Fate("succeeded", fault.seconds, fault.reason or "insufficient_funds")


def _charge(call: Call) -> Thing:
    """The charge that is named, or the one of the payment intent."""
    intent_id, charge_id = call.fields.text("payment_intent"), call.fields.text("charge")
    if (intent_id is None) == (charge_id is None):
        message = "One of the following params should be provided for this request: "
        raise Refusal(f"{message}payment_intent or charge.", code="parameter_missing")
    if intent_id is not None:
        intent = call.change.find(INTENT, intent_id)
        if intent is None:
            raise not_found("payment_intent", intent_id, "payment_intent", 400)
        if intent["status"] != "succeeded":
            message = (
                f"This PaymentIntent ({intent_id}) does not have a successful charge to refund."
            )
            raise state_conflict(message, param="payment_intent")
        charge_id = intent["latest_charge"]
    charge = call.change.find(CHARGE, charge_id)
    if charge is None:
        raise not_found("charge", charge_id or "", "charge", 400)
    return charge
