"""Access tokens and ID tokens: what they say and how they are signed."""

import base64
import hashlib
import secrets
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from joserfc import jwt
from joserfc.errors import JoseError

from simulators.oidc.config import IssuerConfig
from simulators.oidc.errors import OAuthError
from simulators.oidc.keys import KeyRing


@dataclass(frozen=True, slots=True)
class Grant:
    """What a token is made from: who, through which client, for what."""

    client_id: str
    subject: str
    username: str | None
    audience: str
    scopes: frozenset[str]
    nonce: str | None = None
    signed_in_at: int = 0
    """Unix seconds; only for users."""


class TokenMint:
    """Signs tokens with the newest key and reads its own access tokens back."""

    def __init__(self, config: IssuerConfig, keys: KeyRing, clock: Callable[[], float]) -> None:
        self._config = config
        self._keys = keys
        self._clock = clock

    @property
    def userinfo_url(self) -> str:
        """The audience of tokens that may ask who their bearer is."""
        return f"{self._config.issuer}userinfo"

    def access_token(self, grant: Grant, **extra: str) -> str:
        """A signed access token in the profile of RFC 9068, with Auth0's `azp`."""
        audience: str | list[str] = grant.audience
        if "openid" in grant.scopes:
            # Auth0 does the same, so one token serves the API and the userinfo endpoint.
            audience = [grant.audience, self.userinfo_url]
        claims = {
            **self._times(),
            "iss": self._config.issuer,
            "sub": grant.subject,
            "aud": audience,
            "azp": grant.client_id,
            "client_id": grant.client_id,
            "scope": joined(grant.scopes),
            "jti": secrets.token_urlsafe(16),
            **extra,
        }
        return self._sign("at+jwt", claims)

    def id_token(self, grant: Grant, access_token: str) -> str:
        """A signed ID token: it tells the client who signed in, and opens no API."""
        half = hashlib.sha256(access_token.encode("ascii")).digest()[:16]
        claims = {
            **self._times(),
            "iss": self._config.issuer,
            "sub": grant.subject,
            "aud": grant.client_id,
            "auth_time": grant.signed_in_at,
            "at_hash": base64.urlsafe_b64encode(half).rstrip(b"=").decode("ascii"),
        }
        if grant.nonce is not None:
            claims["nonce"] = grant.nonce
        if "profile" in grant.scopes and grant.username:
            claims["preferred_username"] = grant.username
        return self._sign("JWT", claims)

    def read_access_token(self, token: str) -> dict[str, Any]:
        """The claims of a token this issuer signed for its own userinfo endpoint.

        Raises:
            OAuthError: it is not such a token, or it has expired.
        """
        rules = jwt.JWTClaimsRegistry(
            now=lambda: int(self._clock()),
            iss={"essential": True, "value": self._config.issuer},
            aud={"essential": True, "value": self.userinfo_url},
            exp={"essential": True},
            sub={"essential": True},
        )
        try:
            decoded = jwt.decode(token, self._keys.key_set(), algorithms=["RS256"])
            rules.validate(decoded.claims)
        except (JoseError, ValueError) as error:
            raise OAuthError("invalid_token", "The access token is not valid here.", 401) from error
        return decoded.claims

    def _times(self) -> dict[str, Any]:
        now = int(self._clock())
        return {"iat": now, "exp": now + self._config.token_seconds}

    def _sign(self, token_type: str, claims: dict[str, Any]) -> str:
        key = self._keys.signing_key
        header = {"alg": "RS256", "typ": token_type, "kid": key.kid}
        return jwt.encode(header, claims, key, algorithms=["RS256"])


def joined(scopes: Iterable[str]) -> str:
    """Scopes as the wire writes them: sorted, one space between."""
    return " ".join(sorted(scopes))
