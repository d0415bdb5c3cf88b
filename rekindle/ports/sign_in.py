"""Signing people in with a browser, by an OpenID Connect issuer."""

from dataclasses import dataclass
from typing import Protocol

from rekindle.ports.identity import Principal


@dataclass(frozen=True, slots=True)
class SignInSecrets:
    """What one sign-in is tied together by; all of them random, none used twice."""

    state: str
    """Comes back with the browser."""
    nonce: str
    """Comes back in the ID token."""
    verifier: str
    """Of PKCE (RFC 7636): only its digest travels with the browser."""


@dataclass(frozen=True, slots=True)
class SignInAnswer:
    """What the browser brought back."""

    code: str
    issuer: str | None
    """Who sent it, where the issuer says so (RFC 9207)."""


class SignIns(Protocol):
    """An issuer, as an application sees it that signs people in."""

    async def address(self, secrets: SignInSecrets) -> str:
        """Where a browser is sent to sign in.

        Raises:
            IssuerUnavailable: the issuer cannot be asked where that is.
        """
        ...

    async def redeem(self, answer: SignInAnswer, secrets: SignInSecrets) -> Principal:
        """Who has signed in, by what the issuer says itself.

        Raises:
            SignInFailed: the answer is not to this sign-in, was used before or is too old.
            IssuerUnavailable: the issuer cannot be asked; the code may be used up or not.
            SettingsInvalid: the issuer does not know us.
        """
        ...

    async def sign_out_address(self) -> str | None:
        """Where a browser is sent to end its session at the issuer; None if it has no such place.

        Raises:
            IssuerUnavailable: it cannot be asked.
        """
        ...
