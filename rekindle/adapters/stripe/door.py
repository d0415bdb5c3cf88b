"""The SDK's client for one account, and what its errors mean."""

import ipaddress
import logging
import re
from collections.abc import Iterator
from contextlib import contextmanager

import httpx
import stripe

from rekindle.adapters.stripe.transport import HttpxTransport
from rekindle.errors import (
    PaymentsRefused,
    PaymentsUnavailable,
    RekindleError,
    SettingsInvalid,
)

API_VERSION = "2026-10-28.endive"
"""The version whose shapes `wire` reads; a new SDK does not change what Stripe answers."""

_A_KEY = re.compile(r"(?:sk|rk)_(test|live)_[A-Za-z0-9_]+")
_AN_ID = re.compile(r"[A-Za-z0-9_]{1,255}")
_NO_VERDICT = frozenset({408, 409, 424, 425, 429})
"""Refusals of now, not of the request: time-out, a key in use, a dependency, too many."""


class StripeDoor:
    """One account. No call is repeated inside; telemetry is off; no body is ever logged.

    Attributes:
        client: of the SDK; its asynchronous methods alone work.
        is_live: whether the key moves real money.
    """

    def __init__(self, key: str, *, api_url: str | None, timeout: float) -> None:
        """Prepare a client for one event loop; nothing is requested yet.

        Args:
            key: secret or restricted API key.
            api_url: another address than Stripe's; None or empty means Stripe.
            timeout: for a whole call, seconds.

        Raises:
            SettingsInvalid: the key or the address cannot be one; shows neither.
        """
        key, self.is_live = _usable_key(key)
        address, is_local = _safe_address(api_url or stripe.DEFAULT_API_BASE)
        # Globals of the SDK: it would write an id of this machine into the home folder and send
        # it along, and its debug lines hold whole bodies.
        stripe.enable_telemetry = False
        logging.getLogger("stripe").setLevel(logging.WARNING)
        self._transport = HttpxTransport(timeout=timeout, is_local=is_local)
        self.client = stripe.StripeClient(
            key,
            stripe_version=API_VERSION,
            base_addresses={"api": address},
            max_network_retries=0,
            http_client=self._transport,
        )

    @contextmanager
    def calling(self, what: str) -> Iterator[None]:
        """Within it, errors of the SDK become ours.

        Args:
            what: is done, for the log.

        Raises:
            PaymentsUnavailable: no reply, an unreadable one, or a refusal of the moment.
            PaymentsRefused: any other refusal.
        """
        try:
            yield
        except stripe.StripeError as error:
            raise as_ours(error, what) from None

    async def close(self) -> None:
        """Close the connections."""
        await self._transport.close_async()


def as_ours(error: stripe.StripeError, what: str) -> RekindleError:
    """What an error of the SDK means.

    Its message is left out: it may quote what the person typed, or parts of a key.

    Args:
        error: of the SDK.
        what: was done.
    """
    status = error.http_status
    if status is None:
        return PaymentsUnavailable(f"{what}: no reply ({error.user_message})")
    words = [f"HTTP {status}", error.code, getattr(error, "param", None), error.request_id]
    detail = f"{what}: " + " ".join(str(word) for word in words if word)
    is_verdict = 400 <= status < 500 and status not in _NO_VERDICT
    # The SDK names a few old replies of 400 a rate limit.
    if is_verdict and not isinstance(error, stripe.RateLimitError):
        return PaymentsRefused(detail)
    is_kept = (error.headers or {}).get("Idempotent-Replayed") == "true"
    return PaymentsUnavailable(detail, is_kept=is_kept)


def checked_id(text: str) -> str:
    """An id as it may stand in an address.

    Raises:
        PaymentsRefused: it is none.
    """
    if not _AN_ID.fullmatch(text):
        raise PaymentsRefused("that is no id of Stripe's")
    return text


def _usable_key(key: str) -> tuple[str, bool]:
    """The key, and whether it is of live mode."""
    found = _A_KEY.fullmatch(key.strip())
    if found is None:
        raise SettingsInvalid(
            "STRIPE_SECRET_KEY must be a secret or restricted key, of test or live mode."
        )
    return found.group(), found.group(1) == "live"


def _safe_address(api_url: str) -> tuple[str, bool]:
    """The address, and whether it is this machine's.

    Raises:
        SettingsInvalid: the key must not go there.
    """
    wrong = SettingsInvalid(
        "STRIPE_API_URL must be an https:// address (http:// is for this machine alone), "
        "without user, query or fragment."
    )
    text = api_url.strip().rstrip("/")
    try:
        address = httpx.URL(text)
    except httpx.InvalidURL:
        raise wrong from None
    try:
        is_local = ipaddress.ip_address(address.host).is_loopback
    except ValueError:
        is_local = address.host == "localhost"
    is_safe = address.scheme == "https" or (address.scheme == "http" and is_local)
    if not is_safe or not address.host or address.userinfo or address.query or address.fragment:
        raise wrong
    return text, is_local
