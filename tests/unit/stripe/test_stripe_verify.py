"""The table of W1: what claims to come from Stripe, and does not."""

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest

from rekindle.adapters.stripe import StripePayments
from rekindle.errors import WebhookForged
from simulators.stripe.webhooks.signature import signature_header

NOW = 1_800_000_000
SECRET = "whsec_theRightOne"  # pragma: allowlist secret
ORDER = UUID("0190f3a0-0000-7000-8000-000000000001")
SESSION = {
    "id": "cs_test_1",
    "object": "checkout.session",
    "metadata": {"order_id": str(ORDER)},
    "client_reference_id": str(ORDER),
    "payment_intent": "pi_1",
}
EVENT = {
    "id": "evt_1",
    "object": "event",
    "type": "checkout.session.completed",
    "created": NOW - 5,
    "livemode": False,
    "data": {"object": SESSION},
}


def payments(
    secret: str = SECRET, mode: str = "test", kind: str = "sk", account: str | None = None
) -> StripePayments:
    return StripePayments(
        key=f"{kind}_{mode}_0123456789",
        webhook_secret=secret,
        account=account,
        now=lambda: float(NOW),
    )


def body_of(found: object) -> bytes:
    return json.dumps(found, indent=2).encode()


def signed(body: bytes, at: int = NOW, secret: str = SECRET) -> str:
    return signature_header(body, secret, at)


def about(thing: Mapping[str, Any], **changes: Any) -> bytes:
    return body_of({**EVENT, "data": {"object": thing}, **changes})


def test_a_right_event_is_told_in_our_words() -> None:
    body = body_of(EVENT)
    found = payments().verify(body, signed(body))
    assert (found.event_id, found.kind) == ("evt_1", "checkout.session.completed")
    assert found.created_at == datetime.fromtimestamp(NOW - 5, UTC)
    assert (found.order_id, found.payment_id) == (ORDER, "pi_1")


@pytest.mark.parametrize("seconds", [-300, -1, 0, 299, 300])
def test_a_stamp_within_five_minutes_is_fresh(seconds: int) -> None:
    body = body_of(EVENT)
    assert payments().verify(body, signed(body, NOW + seconds)).event_id == "evt_1"


@pytest.mark.parametrize("seconds", [-(10**9), -301, 301, 10**9, 10**30])
def test_a_stale_or_future_stamp_is_forged(seconds: int) -> None:
    body = body_of(EVENT)
    with pytest.raises(WebhookForged):
        payments().verify(body, signed(body, NOW + seconds))


@pytest.mark.parametrize(
    "header",
    [
        "",
        "t=",
        f"t={NOW}",
        f"t={NOW},v1=",
        f"t={NOW},v1=00",
        f"t={NOW},v1=\u00fc",
        f"t={NOW},v0={signed(body_of(EVENT)).partition('v1=')[2]}",
        "t=soon,v1=00",
        ",,,",
        "v1=00",
        "=" * 10_000,
        f"t={'9' * 5000},v1=00",
    ],
    ids=range(12),
)
def test_a_header_that_verifies_nothing_is_forged(header: str) -> None:
    with pytest.raises(WebhookForged):
        payments().verify(body_of(EVENT), header)


def test_another_secret_or_a_changed_body_is_forged() -> None:
    body = body_of(EVENT)
    with pytest.raises(WebhookForged):
        payments().verify(body, signed(body, secret="whsec_other"))  # pragma: allowlist secret
    for changed in (body + b" ", body.replace(b"pi_1", b"pi_2"), b"", b"\xff"):
        with pytest.raises(WebhookForged):
            payments().verify(changed, signed(body))


def test_the_first_stamp_is_the_one_that_counts() -> None:
    body = body_of(EVENT)
    with pytest.raises(WebhookForged):
        payments().verify(body, f"{signed(body, NOW - 4000)},t={NOW}")


def test_one_of_several_signatures_is_enough_while_a_secret_is_rolled() -> None:
    body = body_of(EVENT)
    header = f"t={NOW},v1={'0' * 64},{signed(body).partition(',')[2]}"
    assert payments().verify(body, header).event_id == "evt_1"


@pytest.mark.parametrize("secret", ["", " ", "\n"])
def test_without_a_secret_everything_is_forged(secret: str) -> None:
    body = body_of(EVENT)
    for key in (secret, secret.strip(), SECRET):
        with pytest.raises(WebhookForged):
            payments(secret).verify(body, signed(body, secret=key))


@pytest.mark.parametrize("kind", ["sk", "rk"])
@pytest.mark.parametrize(("mode", "livemode"), [("test", True), ("live", False), ("test", None)])
def test_the_mode_must_fit_the_key(kind: str, mode: str, livemode: bool | None) -> None:
    body = about(SESSION, livemode=livemode)
    with pytest.raises(WebhookForged):
        payments(mode=mode, kind=kind).verify(body, signed(body))
    body = about(SESSION, livemode=mode == "live")
    assert payments(mode=mode, kind=kind).verify(body, signed(body)).event_id == "evt_1"


def test_an_event_of_another_account_is_forged() -> None:
    body = about(SESSION, account="acct_2")
    for ours in (None, "acct_1"):
        with pytest.raises(WebhookForged):
            payments(account=ours).verify(body, signed(body))
    assert payments(account="acct_2").verify(body, signed(body)).event_id == "evt_1"


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"null",
        b"[]",
        b"{}",
        b"{",
        b"[" * 100_000,
        about(SESSION, object="v2.core.event"),
        about(SESSION, id=None),
        about(SESSION, type=7),
        about(SESSION, created="now"),
        about(SESSION, created=10**30),
        body_of({**EVENT, "data": None}),
        body_of({**EVENT, "data": {"object": []}}),
    ],
    ids=range(13),
)
def test_a_well_signed_body_that_is_no_event_is_forged(body: bytes) -> None:
    with pytest.raises(WebhookForged) as forged:
        payments().verify(body, signed(body))
    assert forged.value.public_detail == "This message does not come from who it says."
    assert forged.value.__cause__ is None


@pytest.mark.parametrize(
    ("thing", "order_id", "payment_id"),
    [
        ({"object": "payment_intent", "id": "pi_9", "metadata": {}}, None, "pi_9"),
        ({"object": "dispute", "id": "du_1", "payment_intent": "pi_9"}, None, "pi_9"),
        ({"object": "refund", "payment_intent": {"id": "pi_9"}, "metadata": None}, None, "pi_9"),
        ({"object": "charge", "metadata": {"order_id": str(ORDER)}}, ORDER, None),
        ({"object": "checkout.session", "client_reference_id": str(ORDER)}, ORDER, None),
        ({"object": "checkout.session", "client_reference_id": "somebody else's"}, None, None),
        ({"object": "charge", "metadata": {"order_id": "../1"}}, None, None),
        ({"object": "balance"}, None, None),
    ],
    ids=range(8),
)
def test_an_event_names_its_order_and_its_payment_where_it_can(
    thing: dict[str, Any], order_id: UUID | None, payment_id: str | None
) -> None:
    body = about(thing)
    found = payments().verify(body, signed(body))
    assert (found.order_id, found.payment_id) == (order_id, payment_id)
