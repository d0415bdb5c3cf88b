"""Who is calling."""

from dataclasses import dataclass
from typing import Protocol
from uuid import UUID


@dataclass(frozen=True, slots=True)
class Principal:
    """The bearer of a valid access token or API key: known by the issuer's name, never by email."""

    issuer: str
    subject: str
    """Unique within the issuer; a person, or a machine acting for itself."""
    scopes: frozenset[str]
    """What the issuer grants, or, of a key, what its maker gave it."""
    authorized_party: str | None
    """The client the token was issued to, where the issuer says."""
    expires_at: int
    """Unix seconds; whoever goes on longer asks again."""
    api_key: UUID | None = None
    """The key that was sent instead of a token."""


class TokenVerifier(Protocol):
    """Tells whether a bearer token is good here."""

    async def verify(self, token: str) -> Principal:
        """Check a token completely: signature, issuer, audience, times, kind.

        Args:
            token: what stands after `Bearer `; never empty, otherwise untrusted.

        Raises:
            InvalidToken: it is not an access token of our issuer for our API.
            ExpiredToken: it was one, and nothing but its age is wrong with it.
            IssuerUnavailable: the issuer's keys are not at hand, so nobody can tell.
        """
        ...

    async def check(self) -> None:
        """Return when tokens can be judged; raise `IssuerUnavailable` otherwise."""
        ...
