"""The authorization code flow with PKCE, at the server, by Authlib (`ports.sign_in.SignIns`)."""

import asyncio
import logging
import secrets as random
import time
import warnings
from collections.abc import Callable
from typing import Any
from urllib.parse import urlencode, urlsplit

import httpx

from rekindle.adapters.oidc.documents import IssuerEndpoints, UnusableReply
from rekindle.adapters.oidc.id_tokens import IdTokens
from rekindle.adapters.oidc.keys import KeyPolicy
from rekindle.adapters.oidc.verifier import OidcVerifier
from rekindle.errors import (
    ExpiredToken,
    InvalidToken,
    IssuerUnavailable,
    SettingsInvalid,
    SignInFailed,
)
from rekindle.ports.identity import Principal
from rekindle.ports.sign_in import SignInAnswer, SignInSecrets

with warnings.catch_warnings():
    # Authlib announces httpx's successor on import; with httpx it works as before. Its warning
    # has a filter of its own, which must be there before ours to be behind it.
    from authlib.deprecate import AuthlibDeprecationWarning  # type: ignore[import-untyped]

    warnings.simplefilter("ignore", AuthlibDeprecationWarning)
    from authlib.common.errors import AuthlibBaseError  # type: ignore[import-untyped]
    from authlib.integrations.httpx_client import (  # type: ignore[import-untyped]
        AsyncOAuth2Client,
    )

_log = logging.getLogger(__name__)

_NOT_NOW = frozenset({"temporarily_unavailable", "server_error", "slow_down", "too_many_requests"})
_DEFAULT_POLICY = KeyPolicy()


class OidcSignIns:
    """One issuer, asked as one application of it."""

    def __init__(
        self,
        verifier: OidcVerifier,
        *,
        audience: str,
        client_id: str,
        client_secret: str,
        redirect_uri: str,
        signed_out_uri: str,
        scopes: str = "openid",
        leeway: int = 30,
        policy: KeyPolicy = _DEFAULT_POLICY,
        transport: httpx.AsyncBaseTransport | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        """Prepare; the issuer is first asked when somebody signs in.

        Args:
            verifier: judges the access tokens; its keys and documents are used.
            audience: our API's identifier, which access tokens shall be for.
            client_id: the application.
            client_secret: its secret.
            redirect_uri: where browsers come back to; the issuer has it registered.
            signed_out_uri: where they come back to after they have signed out; the same.
            scopes: what is asked for, separated by spaces; `openid` is among them.
            leeway: how far the issuer's clock may be off, seconds.
            policy: how documents are cached, and how long an answer may take.
            transport: how requests travel; None for the network.
            clock: now, in Unix seconds.
        """
        self._verifier = verifier
        self._issuer = verifier.documents.issuer
        self._audience = audience
        self._client_id = client_id
        self._signed_out_uri = signed_out_uri
        self._policy = policy
        self._clock = clock
        self._endpoints: IssuerEndpoints | None = None
        self._fetched_at = float("-inf")
        self._id_tokens = IdTokens(
            verifier.keys, self._issuer, client_id, leeway=leeway, clock=clock
        )
        self._oauth = AsyncOAuth2Client(
            client_id,
            client_secret,
            scope=scopes,
            redirect_uri=redirect_uri,
            code_challenge_method="S256",
            transport=transport,
            timeout=policy.timeout,
            follow_redirects=False,
            trust_env=verifier.documents.trusts_environment,
        )

    async def address(self, secrets: SignInSecrets) -> str:
        """Where a browser is sent; see `SignIns.address`."""
        endpoints = await self._known_endpoints()
        address, _ = self._oauth.create_authorization_url(
            endpoints.authorization,
            state=secrets.state,
            code_verifier=secrets.verifier,
            nonce=secrets.nonce,
            audience=self._audience,  # Auth0 asks for it, others pass it over
        )
        return str(address)

    async def redeem(self, answer: SignInAnswer, secrets: SignInSecrets) -> Principal:
        """Who has signed in; see `SignIns.redeem`."""
        endpoints = await self._known_endpoints()
        if answer.issuer not in (
            (self._issuer,) if endpoints.names_itself else (self._issuer, None)
        ):
            raise SignInFailed("the answer does not come from our issuer")
        token = await self._exchanged(endpoints.token, answer.code, secrets.verifier)
        try:
            access_token, id_token = _texts(token, "access_token", "id_token")
            principal = await self._verifier.verify(access_token)
            subject = await self._id_tokens.subject(
                id_token, nonce=secrets.nonce, access_token=access_token
            )
        except (InvalidToken, ExpiredToken) as error:
            raise SignInFailed(str(error)) from error
        if subject != principal.subject:
            raise SignInFailed("the two tokens are of different people")
        if principal.authorized_party not in (None, self._client_id):
            raise SignInFailed("the access token was issued to another application")
        return principal

    async def sign_out_address(self) -> str | None:
        """Where a session at the issuer ends; see `SignIns.sign_out_address`."""
        end = (await self._known_endpoints()).end_session
        if end is None:
            return None
        # By the client's name: an ID token would have to be kept for it, and would be shown to the
        # browser (OpenID Connect RP-Initiated Logout 1.0, 2).
        told = {"client_id": self._client_id, "post_logout_redirect_uri": self._signed_out_uri}
        return f"{end}{'&' if urlsplit(end).query else '?'}{urlencode(told)}"

    async def check(self) -> None:
        """Return when the issuer knows us: it refuses a wrong code, and not us.

        Raises:
            IssuerUnavailable: it cannot be asked.
            SettingsInvalid: it does not know us, or our secret is another one.
        """
        endpoints = await self._known_endpoints()
        try:
            await self._exchanged(endpoints.token, "no-code", random.token_urlsafe(32))
        except SignInFailed:
            return

    async def aclose(self) -> None:
        """Close the connections; those of the verifier stay."""
        await self._oauth.aclose()

    async def _known_endpoints(self) -> IssuerEndpoints:
        """The issuer's endpoints; old ones go on while it cannot be asked."""
        now = self._clock()
        if self._endpoints is None or abs(now - self._fetched_at) > self._policy.fresh:
            try:
                async with asyncio.timeout(self._policy.timeout):
                    self._endpoints = await self._verifier.documents.fetch_endpoints()
                self._fetched_at = now
            except (httpx.HTTPError, httpx.InvalidURL, UnusableReply, TimeoutError) as error:
                reason = str(error) or type(error).__name__
                _log.warning("Endpoints of %s could not be fetched: %s", self._issuer, reason)
                if self._endpoints is None:
                    raise IssuerUnavailable("the issuer's endpoints are not known") from error
        return self._endpoints

    async def _exchanged(self, endpoint: str, code: str, verifier: str) -> dict[str, Any]:
        try:
            async with asyncio.timeout(self._policy.timeout):
                token: dict[str, Any] = await self._oauth.fetch_token(
                    endpoint, grant_type="authorization_code", code=code, code_verifier=verifier
                )
        except AuthlibBaseError as error:
            raise _refused(str(error.error)) from error
        except (httpx.HTTPError, httpx.InvalidURL, ValueError, TimeoutError) as error:
            raise IssuerUnavailable(f"no tokens: {type(error).__name__}") from error
        finally:
            self._oauth.token = None  # nothing of one person's is used again
            self._oauth.cookies.clear()
        return token


def _refused(code: str) -> SignInFailed | IssuerUnavailable | SettingsInvalid:
    """What an error of the token endpoint means (RFC 6749, 5.2); Auth0 has more of its own."""
    if code == "invalid_grant":
        return SignInFailed("the code is unknown, used or too old, or was given to another browser")
    if code in _NOT_NOW:
        return IssuerUnavailable(f"the issuer answered {code}")
    return SettingsInvalid(
        f"the issuer refuses OIDC_CLIENT_ID with OIDC_CLIENT_SECRET: {code[:80]!a}"
    )


def _texts(token: dict[str, Any], *names: str) -> list[str]:
    found = [token.get(name) for name in names]
    texts = [each for each in found if isinstance(each, str)]
    if len(texts) < len(names):
        raise InvalidToken(f"the issuer's answer lacks one of {', '.join(names)}")
    return texts
