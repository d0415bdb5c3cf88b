"""Words of Stripe's objects that the simulator does not say."""

from typing import Any

import pytest
import stripe

from rekindle.adapters.stripe import wire
from rekindle.errors import PaymentsUnavailable
from rekindle.ports.payments import DisputeStatus


def made(kind: type[stripe.StripeObject], **values: Any) -> Any:
    return kind.construct_from({"id": "x_1", **values}, "sk_test_1")


@pytest.mark.parametrize(
    ("status", "meaning"),
    [
        ("won", DisputeStatus.WON),
        ("warning_closed", DisputeStatus.WON),
        ("lost", DisputeStatus.LOST),
        ("prevented", DisputeStatus.LOST),
        ("needs_response", DisputeStatus.OPEN),
        ("under_review", DisputeStatus.OPEN),
        ("appeal_under_review", DisputeStatus.OPEN),
        ("warning_needs_response", DisputeStatus.OPEN),
        ("a word of next year", DisputeStatus.OPEN),
    ],
)
def test_only_a_closed_dispute_decides_anything(status: str, meaning: DisputeStatus) -> None:
    found = made(stripe.Dispute, payment_intent="pi_1", amount=5, status=status, created=7)
    assert wire.read_as(found, wire.dispute).status is meaning


SESSION = {
    "status": "open",
    "payment_status": "no_payment_required",
    "amount_total": 0,
    "currency": "eur",
    "url": "https://checkout.stripe.com/c/pay/x_1",
    "payment_intent": None,
    "expires_at": 1_800_000_000,
    "metadata": None,
    "client_reference_id": None,
}


@pytest.mark.parametrize(("status", "is_paid"), [("open", False), ("complete", True)])
def test_what_is_free_is_paid_when_it_is_complete(status: str, is_paid: bool) -> None:
    found = made(stripe.checkout.Session, **SESSION | {"status": status})
    assert wire.read_as(found, wire.session).is_paid is is_paid


def test_an_expanded_payment_is_its_id() -> None:
    found = made(
        stripe.checkout.Session,
        **SESSION | {"payment_intent": {"id": "pi_1", "object": "payment_intent"}},
    )
    assert wire.read_as(found, wire.session).payment_id == "pi_1"


@pytest.mark.parametrize(
    "wrong",
    [
        {"status": "half-open"},
        {"status": None},
        {"amount_total": None},
        {"amount_total": "490"},
        {"amount_total": True},
        {"currency": None},
        {"expires_at": 10**30},
    ],
    ids=range(7),
)
def test_a_session_that_cannot_be_read_is_no_verdict(wrong: dict[str, Any]) -> None:
    with pytest.raises(PaymentsUnavailable):
        wire.read_as(made(stripe.checkout.Session, **SESSION | wrong), wire.session)


def test_a_reply_that_lacks_what_matters_is_no_verdict() -> None:
    for kind, reader in (
        (stripe.checkout.Session, wire.session),
        (stripe.Refund, wire.refund),
        (stripe.Dispute, wire.dispute),
        (stripe.PaymentIntent, wire.payment),
    ):
        with pytest.raises(PaymentsUnavailable):
            wire.read_as(made(kind), reader)


def test_a_payment_is_not_read_without_its_charge() -> None:
    found = made(stripe.PaymentIntent, latest_charge="ch_1", metadata={}, currency="eur")
    with pytest.raises(PaymentsUnavailable):
        wire.read_as(found, wire.payment)
