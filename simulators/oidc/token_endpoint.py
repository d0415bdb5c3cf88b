"""The token endpoint: codes and client secrets in, tokens out."""

import base64
import hmac
from collections.abc import Mapping
from urllib.parse import unquote_plus

from starlette.requests import Request
from starlette.responses import JSONResponse

from simulators.oidc.authorize import pick_audience
from simulators.oidc.codes import AuthorizationCodes
from simulators.oidc.config import Client, IssuerConfig
from simulators.oidc.errors import OAuthError
from simulators.oidc.forms import read_form
from simulators.oidc.tokens import Grant, TokenMint, joined

NO_STORE = {"Cache-Control": "no-store", "Pragma": "no-cache"}


class TokenEndpoint:
    """`POST /oauth/token`."""

    def __init__(
        self,
        config: IssuerConfig,
        codes: AuthorizationCodes,
        mint: TokenMint,
        secrets: Mapping[str, str],
    ) -> None:
        """Take the parts.

        Args:
            config: clients and what they may ask for.
            codes: where authorization codes are redeemed.
            mint: signs the tokens.
            secrets: the secret of each confidential client, by client id.
        """
        self._config = config
        self._codes = codes
        self._mint = mint
        self._secrets = secrets

    async def answer(self, request: Request) -> JSONResponse:
        """A token reply as RFC 6749 writes it."""
        form = await read_form(request)
        client = self._authenticated(request.headers.get("authorization"), form)
        grant_type = form.get("grant_type")
        if grant_type == "authorization_code" and client.signs_people_in:
            return self._for_code(client, form)
        if grant_type == "client_credentials" and not client.signs_people_in:
            return self._for_client(client, form)
        if grant_type in ("authorization_code", "client_credentials"):
            raise OAuthError("unauthorized_client", "This client may not use that grant type.")
        raise OAuthError("unsupported_grant_type", "Use authorization_code or client_credentials.")

    def _for_code(self, client: Client, form: Mapping[str, str]) -> JSONResponse:
        for name in ("code", "redirect_uri", "code_verifier"):
            if name not in form:
                raise OAuthError("invalid_request", f"{name} is missing.")
        grant = self._codes.redeem(
            form["code"],
            client_id=client.id,
            redirect_uri=form["redirect_uri"],
            verifier=form["code_verifier"],
        )
        access_token = self._mint.access_token(grant)
        reply = self._reply(access_token, grant)
        if "openid" in grant.scopes:
            reply["id_token"] = self._mint.id_token(grant, access_token)
        return JSONResponse(reply, headers=NO_STORE)

    def _for_client(self, client: Client, form: Mapping[str, str]) -> JSONResponse:
        asked = frozenset(form["scope"].split()) if "scope" in form else client.scopes
        if not asked <= client.scopes:
            raise OAuthError("invalid_scope", "This client may not ask for one of these scopes.")
        grant = Grant(
            client_id=client.id,
            subject=client.subject,
            username=client.username,
            audience=pick_audience(form.get("audience"), self._config),
            scopes=asked,
        )
        access_token = self._mint.access_token(grant, gty="client-credentials")
        return JSONResponse(self._reply(access_token, grant), headers=NO_STORE)

    def _reply(self, access_token: str, grant: Grant) -> dict[str, object]:
        return {
            "access_token": access_token,
            "token_type": "Bearer",
            "expires_in": self._config.token_seconds,
            "scope": joined(grant.scopes),
        }

    def _authenticated(self, authorization: str | None, form: Mapping[str, str]) -> Client:
        """The client behind the request, its secret checked when it has one."""
        refused = OAuthError("invalid_client", "Unknown client or wrong secret.", 401)
        client_id, secret = form.get("client_id"), form.get("client_secret")
        if authorization is not None:
            if secret is not None:
                raise OAuthError("invalid_request", "Authenticate in one way, not in two.")
            basic_id, secret = read_basic(authorization)
            if client_id not in (None, basic_id):
                raise OAuthError("invalid_request", "client_id differs from the header's.")
            client_id = basic_id
        client = self._config.clients.get(client_id or "")
        if client is None:
            raise refused
        expected = self._secrets.get(client.id)
        if expected is None and secret is None:
            return client
        if expected is None or secret is None:
            raise refused
        if not hmac.compare_digest(expected.encode(), secret.encode()):
            raise refused
        return client


def read_basic(authorization: str) -> tuple[str, str]:
    """Client id and secret of a Basic header, decoded as RFC 6749, 2.3.1 asks.

    Raises:
        OAuthError: it is not such a header.
    """
    scheme, _, encoded = authorization.partition(" ")
    try:
        if scheme.lower() != "basic":
            raise ValueError("not Basic")
        client_id, colon, secret = base64.b64decode(encoded, validate=True).decode().partition(":")
        if not colon:
            raise ValueError("no colon")
    except ValueError as error:
        raise OAuthError("invalid_client", "The Authorization header is unusable.", 401) from error
    return unquote_plus(client_id), unquote_plus(secret)
