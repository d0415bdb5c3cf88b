"""Authorization codes: short-lived, used once, bound to client, address and PKCE challenge."""

import base64
import hashlib
import hmac
import re
import secrets
from collections.abc import Callable
from dataclasses import dataclass

from simulators.oidc.errors import OAuthError
from simulators.oidc.tokens import Grant

_VERIFIER = re.compile(r"[A-Za-z0-9._~-]{43,128}")
_MOST = 10_000


@dataclass(frozen=True, slots=True)
class _Issued:
    grant: Grant
    redirect_uri: str
    code_challenge: str
    expires_at: float


class AuthorizationCodes:
    """Codes in memory: a restart forgets them, and people sign in again."""

    def __init__(self, seconds: int, clock: Callable[[], float]) -> None:
        self._seconds = seconds
        self._clock = clock
        self._issued: dict[str, _Issued] = {}

    def issue(self, grant: Grant, *, redirect_uri: str, code_challenge: str) -> str:
        """A fresh code for the grant."""
        now = self._clock()
        self._issued = {c: i for c, i in self._issued.items() if i.expires_at > now}
        while len(self._issued) >= _MOST:
            del self._issued[next(iter(self._issued))]  # the oldest
        code = secrets.token_urlsafe(32)
        self._issued[code] = _Issued(grant, redirect_uri, code_challenge, now + self._seconds)
        return code

    def redeem(self, code: str, *, client_id: str, redirect_uri: str, verifier: str) -> Grant:
        """The grant behind the code. Any attempt, right or wrong, uses the code up.

        Raises:
            OAuthError: `invalid_grant`, with a description that says which check failed.
        """
        issued = self._issued.pop(code, None)
        if issued is None or issued.expires_at <= self._clock():
            raise OAuthError("invalid_grant", "The code is unknown, used or expired.")
        if issued.grant.client_id != client_id:
            raise OAuthError("invalid_grant", "The code belongs to another client.")
        if issued.redirect_uri != redirect_uri:
            raise OAuthError("invalid_grant", "redirect_uri differs from the authorization's.")
        if not _matches(verifier, issued.code_challenge):
            raise OAuthError("invalid_grant", "code_verifier does not match the challenge.")
        return issued.grant


def _matches(verifier: str, challenge: str) -> bool:
    """Whether S256 of the verifier is the challenge (RFC 7636, 4.6)."""
    if not _VERIFIER.fullmatch(verifier):
        return False
    digest = hashlib.sha256(verifier.encode("ascii")).digest()
    expected = base64.urlsafe_b64encode(digest).rstrip(b"=").decode("ascii")
    return hmac.compare_digest(expected, challenge)
