"""A sign-in between its two requests: kept by the browser, in a cookie that only we can read.

No row is written for strangers. The cookie ties the answer to the browser that asked: an answer
that somebody else was given (login CSRF) meets no cookie, or another one.
"""

import base64
import hashlib
import hmac
import secrets
from dataclasses import dataclass
from datetime import timedelta

from cryptography.fernet import Fernet, InvalidToken
from pydantic import BaseModel, ValidationError

from rekindle.errors import SignInFailed
from rekindle.ports.sign_in import SignInSecrets

LASTS = timedelta(minutes=10)
_PURPOSE = b"rekindle sign-in cookie"


class _Kept(BaseModel):
    """What the cookie holds."""

    state: str
    nonce: str
    verifier: str
    next_path: str


@dataclass(frozen=True)
class BegunSignIn:
    """A sign-in that is under way.

    Attributes:
        secrets: what ties it together.
        next_path: where on our pages it leads.
    """

    secrets: SignInSecrets
    next_path: str

    def belongs_to(self, state: str) -> bool:
        """Whether an answer with this `state` is the one to it."""
        return hmac.compare_digest(self.secrets.state.encode(), state.encode())


def begin(next_path: str) -> BegunSignIn:
    """A new sign-in, with 256 random bits for each of its secrets."""
    state, nonce, verifier = (secrets.token_urlsafe(32) for _ in range(3))
    return BegunSignIn(SignInSecrets(state=state, nonce=nonce, verifier=verifier), next_path)


def sealed(begun: BegunSignIn, secret_key: str) -> str:
    """A sign-in as the value of a cookie."""
    ties = begun.secrets
    kept = _Kept(
        state=ties.state, nonce=ties.nonce, verifier=ties.verifier, next_path=begun.next_path
    )
    return _fernet(secret_key).encrypt(kept.model_dump_json().encode()).decode()


def unsealed(cookie: str, secret_key: str, *, lasts: timedelta = LASTS) -> BegunSignIn:
    """The sign-in that a cookie holds.

    Args:
        cookie: its value, as it came.
        secret_key: SECRET_KEY.
        lasts: after so long it is void.

    Raises:
        SignInFailed: it is none of ours, or too old.
    """
    try:
        content = _fernet(secret_key).decrypt(cookie.encode(), ttl=int(lasts.total_seconds()))
        kept = _Kept.model_validate_json(content)
    except (InvalidToken, ValidationError) as error:
        raise SignInFailed("the cookie of the sign-in is not ours, or too old") from error
    ties = SignInSecrets(state=kept.state, nonce=kept.nonce, verifier=kept.verifier)
    return BegunSignIn(ties, kept.next_path)


def _fernet(secret_key: str) -> Fernet:
    """Encrypts and signs (AES-CBC with HMAC-SHA256) with a key that is for nothing else."""
    key = hmac.new(secret_key.encode(), _PURPOSE, hashlib.sha256).digest()
    return Fernet(base64.urlsafe_b64encode(key))
