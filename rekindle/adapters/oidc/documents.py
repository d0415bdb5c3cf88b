"""Reads an issuer's discovery document and its key set, trusting neither size nor content."""

import ipaddress
import json
from dataclasses import dataclass
from typing import Any
from urllib.parse import SplitResult, urlsplit

import httpx
from joserfc.errors import JoseError
from joserfc.jwk import ECKey, RSAKey
from joserfc.util import urlsafe_b64decode

VerificationKey = RSAKey | ECKey

_WELL_KNOWN = ".well-known/openid-configuration"
_LEAST_RSA_BYTES = 256  # 2048 bits, NIST SP 800-131A


class UnusableReply(Exception):
    """The issuer answered, but not with what its specification promises."""


@dataclass(frozen=True, slots=True)
class IssuerEndpoints:
    """Where an issuer signs people in and out."""

    authorization: str
    token: str
    end_session: str | None
    names_itself: bool
    """Whether it says in every answer that it is the one who answers (RFC 9207)."""


class IssuerDocuments:
    """The two documents of one issuer."""

    def __init__(
        self,
        issuer: str,
        *,
        timeout: float,
        max_bytes: int,
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        """Prepare a client; nothing is requested yet.

        Args:
            issuer: the exact `iss`, with or without a trailing slash as the issuer has it.
            timeout: for each step of a request, seconds.
            max_bytes: largest document that is read.
            transport: how requests travel; None for the network.

        Raises:
            ValueError: the issuer is no HTTPS address (plain HTTP is for loopback alone).
        """
        self._address = _safe_address(issuer, plain_allowed=True)
        if self._address.query or self._address.fragment:
            raise ValueError("an issuer has neither query nor fragment")
        self.issuer = issuer
        self._max_bytes = max_bytes
        self._jwks_uri: str | None = None
        self._http = httpx.AsyncClient(
            transport=transport,
            timeout=timeout,
            follow_redirects=False,
            # A proxy from the environment is for the internet, not for this machine.
            trust_env=self.trusts_environment,
            headers={"Accept": "application/json", "Accept-Encoding": "identity"},
        )

    async def fetch_keys(self) -> dict[str, VerificationKey]:
        """The issuer's signing keys by key id; never empty.

        The address of the key set is discovered once and again after any failure.

        Raises:
            UnusableReply: a document is not what it should be.
            httpx.HTTPError: the issuer cannot be reached.
        """
        try:
            if self._jwks_uri is None:
                self._jwks_uri = await self._discover()
            keys = usable_keys((await self._fetch(self._jwks_uri)).get("keys"))
            if not keys:
                raise UnusableReply("the key set holds no usable signing key")
        except BaseException:  # a timeout arrives as a cancellation
            self._jwks_uri = None
            raise
        return keys

    async def fetch_endpoints(self) -> IssuerEndpoints:
        """Where the issuer signs people in and out.

        Raises:
            UnusableReply: a document is not what it should be.
            httpx.HTTPError: the issuer cannot be reached.
        """
        document = await self._discovered()
        has_end = document.get("end_session_endpoint") is not None
        return IssuerEndpoints(
            authorization=self._address_in(document, "authorization_endpoint"),
            token=self._address_in(document, "token_endpoint"),
            end_session=self._address_in(document, "end_session_endpoint") if has_end else None,
            names_itself=document.get("authorization_response_iss_parameter_supported") is True,
        )

    async def aclose(self) -> None:
        """Close the connections."""
        await self._http.aclose()

    @property
    def trusts_environment(self) -> bool:
        """Whether a proxy from the environment may stand on the way to the issuer."""
        return not _is_loopback(self._address)

    async def _discover(self) -> str:
        return self._address_in(await self._discovered(), "jwks_uri")

    async def _discovered(self) -> dict[str, Any]:
        document = await self._fetch(f"{self.issuer.rstrip('/')}/{_WELL_KNOWN}")
        # OpenID Connect Discovery 1.0, 4.3: equal to the character, or another issuer's keys
        # could be slipped in.
        if document.get("issuer") != self.issuer:
            raise UnusableReply("the discovery document is another issuer's")
        return document

    def _address_in(self, document: dict[str, Any], name: str) -> str:
        address = document.get(name)
        if not isinstance(address, str):
            raise UnusableReply(f"the discovery document names no {name}")
        try:
            _safe_address(address, plain_allowed=_is_loopback(self._address))
        except ValueError as error:
            raise UnusableReply(f"{name}: {error}") from error
        return address

    async def _fetch(self, url: str) -> dict[str, Any]:
        """One JSON object, read no further than the limit."""
        body = bytearray()
        async with self._http.stream("GET", url) as response:
            if response.status_code != httpx.codes.OK:
                raise UnusableReply(f"the issuer answered {response.status_code}")
            # Raw: we asked for no compression, and a decompressor would defeat the limit.
            async for chunk in response.aiter_raw():
                body += chunk
                if len(body) > self._max_bytes:
                    raise UnusableReply(f"the document is larger than {self._max_bytes} bytes")
        try:
            document = json.loads(body)
        except (ValueError, RecursionError) as error:
            raise UnusableReply("the document is not JSON") from error
        if not isinstance(document, dict):
            raise UnusableReply("the document is not a JSON object")
        return document


def usable_keys(listed: object) -> dict[str, VerificationKey]:
    """The keys of a JWK set that can verify RS256 or ES256, by key id.

    Everything else is passed over, not refused: issuers publish encryption keys and new
    algorithms beside the keys we need (RFC 7517, section 5).

    Args:
        listed: the `keys` member as it came.
    """
    keys: dict[str, VerificationKey] = {}
    for each in listed if isinstance(listed, list) else []:
        key = _usable_key(each)
        if key is not None:
            keys.setdefault(*key)
    return keys


def _usable_key(jwk: object) -> tuple[str, VerificationKey] | None:
    if not isinstance(jwk, dict) or not _is_for(jwk, {"use": "sig"}):
        return None
    kid = jwk.get("kid")
    if not isinstance(kid, str) or not kid:
        return None
    try:
        if jwk.get("kty") == "RSA" and _is_for(jwk, {"alg": "RS256"}):
            # Measured before the import, which only warns about short keys.
            if len(urlsafe_b64decode(jwk["n"].encode("ascii"))) >= _LEAST_RSA_BYTES:
                return kid, RSAKey.import_key(jwk)
        elif jwk.get("kty") == "EC" and _is_for(jwk, {"alg": "ES256", "crv": "P-256"}):
            return kid, ECKey.import_key(jwk)
    except (JoseError, ValueError, TypeError, KeyError, AttributeError):
        return None
    return None


def _is_for(jwk: dict[str, Any], wanted: dict[str, str]) -> bool:
    """Whether each member is absent or as wanted."""
    return all(jwk.get(name, value) == value for name, value in wanted.items())


def _safe_address(url: str, *, plain_allowed: bool) -> SplitResult:
    """The parts of an address that may be asked for keys.

    Raises:
        ValueError: it is not HTTPS (or, where plain is allowed, HTTP on loopback), or it
            carries a user name.
    """
    address = urlsplit(url)
    if not address.hostname or address.username is not None:
        raise ValueError("not a plain host address")
    plain = plain_allowed and address.scheme == "http" and _is_loopback(address)
    if address.scheme != "https" and not plain:
        raise ValueError("not HTTPS")
    return address


def _is_loopback(address: SplitResult) -> bool:
    host = address.hostname or ""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
