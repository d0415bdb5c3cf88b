"""The authorization endpoint: a request is checked, a person picks a user, a code goes back."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from urllib.parse import urlencode, urlsplit

from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from simulators.oidc.codes import AuthorizationCodes
from simulators.oidc.config import IssuerConfig, is_username, subject_of
from simulators.oidc.errors import OAuthError, RefusedPage
from simulators.oidc.forms import read_form, single_values
from simulators.oidc.pages import Pages
from simulators.oidc.tokens import Grant

_S256_CHALLENGE = re.compile(r"[A-Za-z0-9_-]{43}")
_LONGEST_VALUE = 1024


@dataclass(frozen=True, slots=True)
class AuthorizationRequest:
    """A request that passed every check and only lacks a person's consent."""

    client_id: str
    redirect_uri: str
    audience: str
    scopes: frozenset[str]
    code_challenge: str
    state: str | None
    nonce: str | None
    login_hint: str


class AuthorizationEndpoint:
    """`GET /authorize` shows the sign-in page, `POST /authorize` takes its answer."""

    def __init__(
        self,
        config: IssuerConfig,
        codes: AuthorizationCodes,
        pages: Pages,
        clock: Callable[[], float],
    ) -> None:
        self._config = config
        self._codes = codes
        self._pages = pages
        self._clock = clock

    async def show(self, request: Request) -> Response:
        """The sign-in page, or the refusal on the client's redirect URI."""
        asked = self._checked(request)
        return asked if isinstance(asked, Response) else self._page(asked, request)

    async def answer(self, request: Request) -> Response:
        """What the person chose: a code on the redirect URI, a refusal, or the page again."""
        asked = self._checked(request)
        if isinstance(asked, Response):
            return asked
        form = await read_form(request)
        if form.get("action") == "cancel":
            return self._back(asked.redirect_uri, asked.state, {"error": "access_denied"})
        username = form.get("username", "").strip().lower()
        if not is_username(username):
            return self._page(asked, request, rejected=form.get("username", ""))
        grant = Grant(
            client_id=asked.client_id,
            subject=subject_of(username),
            username=username,
            audience=asked.audience,
            scopes=asked.scopes & self._config.grantable(username),
            nonce=asked.nonce,
            signed_in_at=int(self._clock()),
        )
        code = self._codes.issue(
            grant, redirect_uri=asked.redirect_uri, code_challenge=asked.code_challenge
        )
        return self._back(asked.redirect_uri, asked.state, {"code": code})

    def _checked(self, request: Request) -> AuthorizationRequest | Response:
        pairs = request.query_params.multi_items()
        redirect_uri = self._trusted_redirect(pairs)
        state = next((value for name, value in pairs if name == "state" and value), None)
        try:
            return read_request(single_values(pairs), redirect_uri, self._config)
        except OAuthError as error:
            refusal = {"error": error.error, "error_description": error.description}
            return self._back(redirect_uri, state, refusal)

    def _trusted_redirect(self, pairs: list[tuple[str, str]]) -> str:
        """The redirect URI, once client and URI are known to belong together."""
        ids = [value for name, value in pairs if name == "client_id"]
        uris = [value for name, value in pairs if name == "redirect_uri"]
        client = self._config.clients.get(ids[0]) if len(ids) == 1 else None
        if client is None:
            raise RefusedPage("The application that sent you here is not registered.")
        # Compared as text: an open redirect needs only one clever character.
        if len(uris) != 1 or uris[0] not in client.redirect_uris:
            raise RefusedPage("The address to return to is not registered for this application.")
        return uris[0]

    def _back(self, redirect_uri: str, state: str | None, answer: Mapping[str, str]) -> Response:
        query = {**answer, "iss": self._config.issuer}  # iss: RFC 9207, against mix-up
        if state is not None:
            query["state"] = state
        joint = "&" if urlsplit(redirect_uri).query else "?"
        return RedirectResponse(
            f"{redirect_uri}{joint}{urlencode(query)}",
            status_code=303,
            headers={"Cache-Control": "no-store", "Referrer-Policy": "no-referrer"},
        )

    def _page(
        self, asked: AuthorizationRequest, request: Request, *, rejected: str | None = None
    ) -> HTMLResponse:
        return self._pages.sign_in(
            client_id=asked.client_id,
            redirect_uri=asked.redirect_uri,
            audience=asked.audience,
            users=sorted(self._config.users),
            action=f"/authorize?{request.url.query}",
            username=asked.login_hint if rejected is None else rejected,
            rejected=rejected is not None,
        )


def read_request(
    params: Mapping[str, str], redirect_uri: str, config: IssuerConfig
) -> AuthorizationRequest:
    """Check everything that may be refused on the redirect URI.

    Args:
        params: the query, each name once.
        redirect_uri: already known to be the client's.
        config: what the issuer allows.

    Raises:
        OAuthError: with the code RFC 6749 or OpenID Connect gives the fault.
    """
    if any(len(value) > _LONGEST_VALUE for value in params.values()):
        raise OAuthError("invalid_request", "A parameter is too long.")
    if params.get("response_type") != "code":
        raise OAuthError("unsupported_response_type", "Only response_type=code is offered.")
    if params.get("response_mode", "query") != "query":
        raise OAuthError("invalid_request", "Only response_mode=query is offered.")
    if params.get("code_challenge_method") != "S256":
        raise OAuthError("invalid_request", "PKCE with code_challenge_method=S256 is required.")
    if not _S256_CHALLENGE.fullmatch(params.get("code_challenge", "")):
        raise OAuthError("invalid_request", "code_challenge is not the digest of a verifier.")
    if params.get("prompt") == "none":
        raise OAuthError("login_required", "Nobody stays signed in here.")
    return AuthorizationRequest(
        client_id=params["client_id"],
        redirect_uri=redirect_uri,
        audience=pick_audience(params.get("audience"), config),
        scopes=frozenset(params.get("scope", "").split()),
        code_challenge=params["code_challenge"],
        state=params.get("state"),
        nonce=params.get("nonce"),
        login_hint=params.get("login_hint", ""),
    )


def pick_audience(asked: str | None, config: IssuerConfig) -> str:
    """The API a token will be for: the one asked for, or the first.

    Raises:
        OAuthError: the API is not known here.
    """
    if asked is None:
        return config.audiences[0]
    if asked not in config.audiences:
        raise OAuthError("invalid_target", "This issuer knows no API of that audience.")
    return asked
