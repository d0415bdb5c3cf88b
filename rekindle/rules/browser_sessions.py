"""Browser sessions: the value of a cookie, what is kept of it, and the token that goes with it.

Only the SHA-256 of the value is kept, for the reasons in `rules.api_keys`. The CSRF token is made
of that and of SECRET_KEY, so it is kept nowhere: only who holds the cookie can have been told it.
"""

import hashlib
import hmac
import re
import secrets

USE_NOTED_SECONDS = 60
"""How often, at most, a session's use is written down."""
TRUSTED_SECONDS = 60
"""How long an event stream that was opened with a session lives: signing out reaches it by then."""

NAME_DIGITS = 16
"""Hex digits by which operators tell sessions apart."""

_VALUE = re.compile(r"[A-Za-z0-9_-]{43}")
_CSRF = b"rekindle csrf\x00"


def new_value() -> str:
    """The value of a new session's cookie: 256 random bits."""
    return secrets.token_urlsafe(32)


def looks_like_value(text: str) -> bool:
    """Whether a cookie can be one of ours."""
    return _VALUE.fullmatch(text) is not None


def sha256_of(value: str) -> bytes:
    """What is kept of a cookie's value."""
    return hashlib.sha256(value.encode()).digest()


def name_of(sha256: bytes) -> str:
    """What operators call a session: the beginning of its hash, which opens nothing."""
    return sha256.hex()[:NAME_DIGITS]


def csrf_token(sha256: bytes, secret: str) -> str:
    """What a page of ours sends along with everything that changes something, as hex digits.

    Args:
        sha256: of the session's cookie.
        secret: SECRET_KEY.
    """
    return hmac.new(secret.encode(), _CSRF + sha256, hashlib.sha256).hexdigest()


def is_csrf_token(given: str, sha256: bytes, secret: str) -> bool:
    """Whether that is the session's token; takes the same time for every wrong one."""
    return hmac.compare_digest(given.encode(), csrf_token(sha256, secret).encode())
