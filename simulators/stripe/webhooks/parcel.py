"""One sending of an event: body, signature, and what may be wrong with them."""

from __future__ import annotations

import json
import secrets
from dataclasses import dataclass
from enum import StrEnum

from simulators.stripe.account.book import Thing
from simulators.stripe.account.faults import Fault, FaultKind
from simulators.stripe.options import Endpoint
from simulators.stripe.webhooks.signature import signature_header

OTHER_ACCOUNT = "acct_1SomebodyElse00000"
_FAR_OFF = 600.0  # seconds: twice the tolerance that receivers have


class Signature(StrEnum):
    """How a parcel is signed."""

    RIGHT = "right"
    WRONG = "wrong"
    NONE = "none"


@dataclass(frozen=True)
class Wrapping:
    """What a parcel looks like from outside.

    Attributes:
        signature: Whether it verifies.
        seconds: How far its stamp is in the future, or in the past if below zero.
        account: The account that the event claims to be of; None says nothing, as is usual.
        livemode: What the event claims.
    """

    signature: Signature = Signature.RIGHT
    seconds: float = 0.0
    account: str | None = None
    livemode: bool = False


PLAIN = Wrapping()


def wrapping_of(fault: Fault | None) -> Wrapping:
    """What a fault makes of a parcel."""
    if fault is None:
        return PLAIN
    far = _FAR_OFF if fault.seconds is None else fault.seconds
    return {
        FaultKind.WEBHOOK_NO_SIGNATURE: Wrapping(Signature.NONE),
        FaultKind.WEBHOOK_WRONG_SIGNATURE: Wrapping(Signature.WRONG),
        FaultKind.WEBHOOK_STALE: Wrapping(seconds=-far),
        FaultKind.WEBHOOK_FUTURE: Wrapping(seconds=far),
        FaultKind.WEBHOOK_OTHER_ACCOUNT: Wrapping(account=OTHER_ACCOUNT),
        FaultKind.WEBHOOK_LIVEMODE: Wrapping(livemode=True),
    }.get(fault.kind, PLAIN)


def wrap(
    event: Thing, endpoint: Endpoint, now: float, wrapping: Wrapping = PLAIN
) -> tuple[bytes, dict[str, str]]:
    """The body and the headers of a request to the endpoint.

    Args:
        event: What happened.
        endpoint: Holds the secret.
        now: Unix seconds of the receiver's world, not of a clock that was moved.
        wrapping: What is wrong.
    """
    shown = {**event, "livemode": wrapping.livemode, "pending_webhooks": 1}
    if wrapping.account is not None:
        shown["account"] = wrapping.account
    body = json.dumps(shown, indent=2).encode()
    headers = {
        "Content-Type": "application/json; charset=utf-8",
        "User-Agent": "Stripe/1.0 (simulated)",
    }
    if wrapping.signature is not Signature.NONE:
        is_right = wrapping.signature is Signature.RIGHT
        secret = endpoint.secret if is_right else secrets.token_hex(16)
        headers["Stripe-Signature"] = signature_header(body, secret, int(now + wrapping.seconds))
    return body, headers
