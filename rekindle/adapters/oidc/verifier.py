"""Judges access tokens: RFC 7519 and RFC 9068, hardened as RFC 8725 asks."""

import json
import re
import time
from collections.abc import Callable, Mapping
from typing import Any

import httpx
from joserfc import jwt
from joserfc.errors import ExpiredTokenError, JoseError
from joserfc.jws import JWSRegistry
from joserfc.util import urlsafe_b64decode

from rekindle.adapters.oidc.documents import IssuerDocuments, VerificationKey
from rekindle.adapters.oidc.keys import IssuerKeys, KeyPolicy
from rekindle.adapters.oidc.known_tokens import KnownToken, KnownTokens
from rekindle.errors import ExpiredToken, InvalidToken
from rekindle.ports.identity import Principal

_ALGORITHMS = ("RS256", "ES256")
_COMPACT = re.compile(r"[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+")
_LONGEST_TOKEN = 8 * 1024
_LONGEST_NAME = 255  # OpenID Connect Core, section 2: a subject is at most 255 characters

# All that an access token's header needs. jku, x5u, jwk and x5c would bring a key along;
# crit and b64 would change what is signed.
_HEADER_MEMBERS = frozenset({"alg", "kid", "typ", "x5t", "x5t#S256"})

_EXPLICIT_TYPES = frozenset({"at+jwt", "application/at+jwt"})
# Auth0's default token profile says JWT; RFC 7519 lets an issuer say nothing.
_GENERAL_TYPES = frozenset({"jwt", ""})
_ID_TOKEN_CLAIMS = frozenset({"nonce", "at_hash", "c_hash", "s_hash"})

_DEFAULT_POLICY = KeyPolicy()


class OidcVerifier:
    """Access tokens of one issuer for one API (`ports.identity.TokenVerifier`)."""

    def __init__(
        self,
        issuer: str,
        audience: str,
        *,
        leeway: int = 30,
        policy: KeyPolicy = _DEFAULT_POLICY,
        transport: httpx.AsyncBaseTransport | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        """Prepare; the issuer is first asked when a token comes, or by `check`.

        Args:
            issuer: the exact `iss` of its tokens; Auth0's ends in a slash.
            audience: our API's identifier, which `aud` must contain.
            leeway: how far the issuer's clock may be off, seconds.
            policy: how keys are cached.
            transport: how requests travel; None for the network.
            clock: now, in Unix seconds.

        Raises:
            ValueError: the issuer is no safe address, or the audience is empty.
        """
        if not audience:
            raise ValueError("an empty audience would let every token in")
        self._issuer = issuer
        self._audience = audience
        self._documents = IssuerDocuments(
            issuer, timeout=policy.timeout, max_bytes=policy.max_bytes, transport=transport
        )
        self._keys = IssuerKeys(self._documents, policy, clock)
        self._known = KnownTokens()
        self._signatures = JWSRegistry(algorithms=_ALGORITHMS)
        self._claims = jwt.JWTClaimsRegistry(
            now=lambda: int(clock()),
            leeway=leeway,
            iss={"essential": True, "value": issuer},
            aud={"essential": True, "value": audience},
            sub={"essential": True},
            exp={"essential": True},
        )

    async def verify(self, token: str) -> Principal:
        """Who the bearer is; see `TokenVerifier.verify`. No error repeats any of the token."""
        known = self._known.get(token)
        if known is not None:
            # The issuer may have taken its key back, and time goes on: both are asked anew.
            if await self._keys.get(known.kid) is known.key:
                self._judge(known.claims)
                return known.principal
            self._known.forget(token)
        return await self._verify_anew(token)

    async def _verify_anew(self, token: str) -> Principal:
        header = read_header(token)
        key = await self._keys.get(header["kid"])
        claims = self._checked_claims(token, key)
        refuse_id_token(header.get("typ", ""), claims)
        principal = Principal(
            issuer=self._issuer,
            subject=_name(claims, "sub"),
            scopes=_scopes(claims),
            authorized_party=_party(claims),
            expires_at=int(claims["exp"]),
        )
        self._known.put(token, KnownToken(header["kid"], key, claims, principal))
        return principal

    async def check(self) -> None:
        """Return when tokens can be judged; raise `IssuerUnavailable` otherwise."""
        await self._keys.check()

    async def aclose(self) -> None:
        """Let go of the issuer."""
        await self._keys.aclose()
        await self._documents.aclose()

    @property
    def keys(self) -> IssuerKeys:
        """The issuer's keys, for who judges its ID tokens."""
        return self._keys

    @property
    def documents(self) -> IssuerDocuments:
        """The issuer's documents."""
        return self._documents

    def _checked_claims(self, token: str, key: VerificationKey) -> dict[str, Any]:
        # Two steps or nothing: decode checks the signature and no claim at all.
        try:
            claims = jwt.decode(token, key, registry=self._signatures).claims
            # The age is judged last: a token is only called expired, and its bearer sent to
            # sign in again, when that would help.
            exp = claims.pop("exp", None)
            claims["exp"] = exp
        except JoseError as error:
            raise InvalidToken(f"the token is refused: {type(error).__name__}") from error
        except (ValueError, RecursionError) as error:
            raise InvalidToken("the token's claims cannot be read") from error
        self._judge(claims)
        return claims

    def _judge(self, claims: dict[str, Any]) -> None:
        """Refuse claims that are not for us, or not for now."""
        try:
            self._claims.validate(claims)
        except ExpiredTokenError as error:
            raise ExpiredToken("the token has expired") from error
        except JoseError as error:
            raise InvalidToken(f"the token is refused: {type(error).__name__}") from error
        except (ValueError, RecursionError) as error:
            raise InvalidToken("the token's claims cannot be read") from error


def read_header(token: str) -> dict[str, str]:
    """The header of a signed token, every member of it known and a string.

    Runs before any key is looked up, so that nothing in a header can make us ask anybody.

    Raises:
        InvalidToken: too long, not three base64url parts, or a header we do not accept.
    """
    if len(token) > _LONGEST_TOKEN:
        raise InvalidToken("the token is too long")
    if not _COMPACT.fullmatch(token):
        raise InvalidToken("the token is not a signed JWT")
    try:
        header = json.loads(urlsafe_b64decode(token.partition(".")[0].encode("ascii")))
    except (ValueError, RecursionError) as error:
        raise InvalidToken("the token's header cannot be read") from error
    if not isinstance(header, dict) or not all(isinstance(v, str) for v in header.values()):
        raise InvalidToken("the token's header has a member that is no string")
    if not header.keys() <= _HEADER_MEMBERS:
        raise InvalidToken("the token's header has a member that is not accepted")
    if header.get("alg") not in _ALGORITHMS:
        raise InvalidToken("the token is signed with another algorithm")
    if not header.get("kid"):
        raise InvalidToken("the token does not name its key")
    return header


def refuse_id_token(token_type: str, claims: Mapping[str, Any]) -> None:
    """Refuse a token that tells a client who signed in, instead of opening an API.

    A type of `at+jwt` settles it (RFC 9068). Auth0's default profile calls both kinds `JWT`;
    the audience check tells them apart, since an ID token's audience is the client. These
    rules hold even when the API was given a client's id as its audience.

    Raises:
        InvalidToken: it is an ID token, or of some third kind.
    """
    kind = token_type.lower()
    if kind in _EXPLICIT_TYPES:
        return
    if kind not in _GENERAL_TYPES:
        raise InvalidToken("the token is of another type")
    if not _ID_TOKEN_CLAIMS.isdisjoint(claims):
        raise InvalidToken("that is an ID token: it has claims of one")
    party = _party(claims)
    if party is None:
        raise InvalidToken("that may be an ID token: it does not say which client it is for")
    audience = claims["aud"]
    if party in ([audience] if isinstance(audience, str) else audience):
        raise InvalidToken("that is an ID token: its audience is its client")


def _party(claims: Mapping[str, Any]) -> str | None:
    """The client the token was issued to: `azp` at Auth0, `client_id` in RFC 9068."""
    for claim in ("azp", "client_id"):
        if claim in claims:
            return _name(claims, claim)
    return None


def _name(claims: Mapping[str, Any], claim: str) -> str:
    """A claim that goes to the database and to logs: short text without control characters."""
    value = claims[claim]
    if not isinstance(value, str) or not 0 < len(value) <= _LONGEST_NAME:
        raise InvalidToken(f"{claim} is empty, too long or no text")
    if not value.isprintable():
        raise InvalidToken(f"{claim} holds characters that cannot be printed")
    return value


def _scopes(claims: Mapping[str, Any]) -> frozenset[str]:
    """`scope` of RFC 8693, 4.2, and `permissions`, where Auth0's RBAC puts what a role grants."""
    scope = claims.get("scope", "")
    permissions = claims.get("permissions", [])
    if not isinstance(scope, str):
        raise InvalidToken("scope is not a string")
    if not isinstance(permissions, list) or not all(isinstance(p, str) for p in permissions):
        raise InvalidToken("permissions is not a list of strings")
    return frozenset(scope.split()).union(permissions)
