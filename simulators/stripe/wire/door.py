"""Who may come in: the secret key, the account, the version."""

from __future__ import annotations

import base64
import binascii
import hmac
import re
from collections.abc import Mapping

from simulators.stripe.account.refusal import Refusal
from simulators.stripe.options import API_VERSION, Options

_VERSION = re.compile(r"\d{4}-\d{2}-\d{2}(\.[a-z]+)?(;.*)?")


class Door:
    """Checks the headers that every request carries.

    Args:
        options: Hold the key and the account.
    """

    def __init__(self, options: Options) -> None:
        self._key = options.api_key.encode()
        self._account = options.account

    def check(self, headers: Mapping[str, str]) -> str:
        """Let a request in; returns the API version that it is answered with.

        Raises:
            Refusal: 401 without the key, 403 for another account, 400 for no version at all.
        """
        key = _key_of(headers.get("authorization", ""))
        if not key:
            raise Refusal(
                "You did not provide an API key. You need to provide your API key in the "
                "Authorization header, using Bearer auth (e.g. 'Authorization: Bearer "
                "YOUR_SECRET_KEY').",
                status=401,
            )
        if not hmac.compare_digest(key.encode(), self._key):
            shown = f"{key[:8]}{'*' * 8}{key[-4:]}" if len(key) > 20 else "*" * 8
            raise Refusal(f"Invalid API Key provided: {shown}", status=401)
        account = headers.get("stripe-account", self._account)
        if account != self._account:
            message = f"The provided key does not have access to account '{account[:40]}'."
            raise Refusal(message, status=403, code="account_invalid")
        version = headers.get("stripe-version", API_VERSION)
        if not _VERSION.fullmatch(version):
            raise Refusal(f"Invalid Stripe API version: {version[:40]}")
        return version


def _key_of(authorization: str) -> str:
    """The key of ``Bearer KEY``, or of ``Basic`` with the key as user name."""
    scheme, _, value = authorization.partition(" ")
    if scheme.lower() == "bearer":
        return value.strip()
    if scheme.lower() == "basic":
        try:
            return base64.b64decode(value, validate=True).decode("ascii").partition(":")[0]
        except (binascii.Error, UnicodeDecodeError):
            return ""
    return ""
