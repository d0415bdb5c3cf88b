"""Whether a webhook comes from Stripe, is fresh, and is for us."""

import json
import time
from collections.abc import Callable
from typing import Any

import stripe

from rekindle.adapters.stripe import wire
from rekindle.errors import PaymentsUnavailable, WebhookForged
from rekindle.ports.payments import PaymentEvent

TOLERANCE_SECONDS = 300


class WebhookJudge:
    """Judges the webhooks of one endpoint. Does no I/O."""

    def __init__(
        self,
        secret: str,
        *,
        is_live: bool,
        account: str | None = None,
        now: Callable[[], float] = time.time,
    ) -> None:
        """Prepare.

        Args:
            secret: of the endpoint; without one everything is forged, since an empty secret
                would verify what anybody signs with an empty key.
            is_live: the mode of our key.
            account: our own id. An event that names another account is refused; without an id of
                ours, one that names any: ours are not named unless they come through Connect.
            now: Unix seconds.
        """
        self._secret = secret.strip()
        self._is_live = is_live
        self._account = account
        self._now = now

    def verify(self, body: bytes, signature: str) -> PaymentEvent:
        """See `Payments.verify`."""
        if not self._secret:
            raise WebhookForged("no secret is set")
        try:
            # Its own tolerance is for the past alone, so both ways are ours.
            stripe.WebhookSignature.verify_header(body, signature, self._secret, tolerance=None)
            stamp = _stamp(signature)
        except (stripe.SignatureVerificationError, ValueError, TypeError):
            # Not as the cause: it carries the body.
            raise WebhookForged("the signature is not right") from None
        if abs(self._now() - stamp) > TOLERANCE_SECONDS:
            raise WebhookForged("the stamp is too old or in the future")
        return self._event(_parse(body))

    def _event(self, found: dict[str, Any]) -> PaymentEvent:
        if found.get("object") != "event":
            raise WebhookForged("it is no event")
        if found.get("livemode") is not self._is_live:
            raise WebhookForged("it is of the other mode, test or live")
        account = found.get("account")
        if account is not None and account != self._account:
            raise WebhookForged("it is of another account")
        try:
            return wire.read_as(found, wire.event)
        except PaymentsUnavailable as error:
            raise WebhookForged(error.detail) from None


def _stamp(signature: str) -> int:
    """The time in a header that has been verified: its first `t`, as the SDK reads it."""
    pairs = (item.split("=", 2) for item in signature.split(","))
    return next(int(pair[1]) for pair in pairs if pair[0] == "t")


def _parse(body: bytes) -> dict[str, Any]:
    try:
        found = json.loads(body)
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, dict):
        raise WebhookForged("it is no JSON object")
    return found
