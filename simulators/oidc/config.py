"""Who may ask this issuer for what: clients, users, audiences, scopes."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

OIDC_SCOPES = frozenset({"openid", "profile"})

_CLIENT_ID = re.compile(r"[a-z0-9][a-z0-9-]{0,63}")
_USERNAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}")


def is_client_id(text: str) -> bool:
    """Whether the text can name a client: also a safe file name, so a secret can live under it."""
    return _CLIENT_ID.fullmatch(text) is not None


def is_username(text: str) -> bool:
    """Whether the text can name a user."""
    return _USERNAME.fullmatch(text) is not None


def subject_of(username: str) -> str:
    """The `sub` of a user: the connection and the name, the way Auth0 writes it."""
    return f"dev|{username}"


@dataclass(frozen=True, slots=True)
class Client:
    """A registered application.

    A client with redirect URIs signs users in with a code and PKCE. It is public, without a secret,
    unless it is a web client: a server that keeps one. A client without redirect URIs gets tokens
    with its own secret (client credentials).
    """

    id: str
    redirect_uris: frozenset[str] = frozenset()
    logout_uris: frozenset[str] = frozenset()
    """Where people may be sent after they have signed out."""
    is_web: bool = False
    """Whether it signs people in as a server does, with a secret."""
    username: str | None = None
    """Whose device a confidential client is; None for a machine that acts for itself."""
    scopes: frozenset[str] = frozenset()
    """What a client may ask for that gets tokens of its own."""

    @property
    def signs_people_in(self) -> bool:
        """Whether it gets tokens for a code, and not of its own."""
        return bool(self.redirect_uris)

    @property
    def is_public(self) -> bool:
        """Whether it runs where no secret can be kept, and so has none."""
        return self.signs_people_in and not self.is_web

    @property
    def subject(self) -> str:
        """The `sub` of its own tokens; Auth0 gives machines `{client id}@clients`."""
        return subject_of(self.username) if self.username else f"{self.id}@clients"


@dataclass(frozen=True, slots=True)
class IssuerConfig:
    """Everything the issuer knows except its secrets, which live in its data directory."""

    issuer: str
    """`scheme://host:port/`, with the trailing slash that Auth0's issuers have."""
    audiences: tuple[str, ...]
    """The APIs that tokens may be for; the first is used when a request names none."""
    clients: Mapping[str, Client] = field(default_factory=dict)
    users: Mapping[str, frozenset[str]] = field(default_factory=dict)
    """Names offered on the sign-in page, each with the further scopes that user may be granted."""
    scopes: frozenset[str] = frozenset()
    """API scopes that every user may be granted."""
    token_seconds: int = 3600
    code_seconds: int = 60

    def grantable(self, username: str) -> frozenset[str]:
        """Every scope a client may obtain on behalf of that user."""
        return OIDC_SCOPES | self.scopes | self.users.get(username, frozenset())

    @property
    def all_scopes(self) -> frozenset[str]:
        """Every scope this issuer knows, for the discovery document."""
        return OIDC_SCOPES.union(
            self.scopes, *self.users.values(), *(c.scopes for c in self.clients.values())
        )
