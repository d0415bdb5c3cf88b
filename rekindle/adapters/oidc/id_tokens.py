"""Judges ID tokens: who signed in, for us and just now (OpenID Connect Core 1.0, 3.1.3.7)."""

import base64
import hashlib
import hmac
from collections.abc import Callable, Mapping
from typing import Any

from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jws import JWSRegistry

from rekindle.adapters.oidc.keys import IssuerKeys
from rekindle.adapters.oidc.verifier import read_header
from rekindle.errors import InvalidToken

_ALGORITHMS = ("RS256", "ES256")
_TYPES = frozenset({"jwt", ""})


class IdTokens:
    """ID tokens of one issuer for one application."""

    def __init__(
        self,
        keys: IssuerKeys,
        issuer: str,
        client_id: str,
        *,
        leeway: int,
        clock: Callable[[], float],
    ) -> None:
        """Judge by these.

        Args:
            keys: of the issuer.
            issuer: the exact `iss`.
            client_id: the application, which `aud` must name.
            leeway: how far the issuer's clock may be off, seconds.
            clock: now, in Unix seconds.
        """
        self._keys = keys
        self._issuer = issuer
        self._client_id = client_id
        self._leeway = leeway
        self._clock = clock
        self._signatures = JWSRegistry(algorithms=_ALGORITHMS)

    async def subject(self, token: str, *, nonce: str, access_token: str) -> str:
        """Who signed in.

        Args:
            token: as it came.
            nonce: what was sent along with the browser.
            access_token: the one that came with it.

        Raises:
            InvalidToken: it is no ID token of this sign-in.
            IssuerUnavailable: the issuer's keys are not at hand.
        """
        header = read_header(token)
        if header.get("typ", "").lower() not in _TYPES:
            raise InvalidToken("the ID token is of another type")
        key = await self._keys.get(header["kid"])
        rules = jwt.JWTClaimsRegistry(
            now=lambda: int(self._clock()),
            leeway=self._leeway,
            iss={"essential": True, "value": self._issuer},
            aud={"essential": True, "value": self._client_id},
            sub={"essential": True},
            exp={"essential": True},
            iat={"essential": True},
            nonce={"essential": True, "value": nonce},
        )
        try:
            # Two steps or nothing: decode checks the signature and no claim at all.
            claims = jwt.decode(token, key, registry=self._signatures).claims
            rules.validate(claims)
        except (JoseError, ValueError, RecursionError) as error:
            raise InvalidToken(f"the ID token is refused: {type(error).__name__}") from error
        if claims["nonce"] != nonce:  # joserfc takes a list that has it as well
            raise InvalidToken("the ID token is of another sign-in")
        self._check_party(claims)
        _check_hash(claims, access_token)
        return str(claims["sub"])

    def _check_party(self, claims: Mapping[str, Any]) -> None:
        """It was issued to us, also where it is for others as well."""
        party, audience = claims.get("azp"), claims["aud"]
        if party is None and isinstance(audience, list) and len(audience) > 1:
            raise InvalidToken("the ID token does not say to whom of several it was issued")
        if party not in (None, self._client_id):
            raise InvalidToken("the ID token was issued to another application")


def _check_hash(claims: Mapping[str, Any], access_token: str) -> None:
    """The access token that came along is the one that was meant to; both algorithms hash alike."""
    given = claims.get("at_hash")
    if given is None:
        return
    half = hashlib.sha256(access_token.encode()).digest()[:16]
    expected = base64.urlsafe_b64encode(half).rstrip(b"=")
    if not hmac.compare_digest(str(given).encode(), expected):
        raise InvalidToken("the ID token belongs to another access token")
