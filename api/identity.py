"""Who is calling: bearer tokens, keys and cookies, checked before anything of a body is read."""

from collections.abc import Callable, Coroutine
from typing import Annotated, Any, ClassVar

from fastapi import APIRouter, Depends, Request, Response, Security
from fastapi.routing import APIRoute
from fastapi.security import HTTPBearer
from starlette.datastructures import Headers

from api.api_keys import principal_of_key
from api.browser_sessions import principal_of_cookie
from api.cookies import SESSION, cookie_of
from api.dependencies import limits_of, ports_of, settings_of
from api.idempotency import carried_out_once
from api.idempotency.fingerprints import fingerprinted_body, fingerprinted_form
from api.limits import rate_class
from api.limits.headers import told
from api.uploads import FORM
from rekindle.errors import ExpiredToken, Forbidden, InvalidToken, MissingToken, SessionEnded
from rekindle.ports.identity import Principal
from rekindle.rules.api_keys import looks_like_key
from rekindle.rules.identity import OPERATE, may_operate

_SCHEME = HTTPBearer(
    auto_error=False,
    bearerFormat="JWT",
    description="An access token of the sign-in service, or an API key (`rk_...`) from "
    "`POST /api/v1/api-keys`, which acts as its maker. Operators' routes need the scope "
    f"`{OPERATE}`.",
)
"""Only describes the header in OpenAPI; `GuardedRoute` reads and judges it."""


_REFUSALS = (MissingToken, InvalidToken, ExpiredToken, SessionEnded)


class GuardedRoute(APIRoute):
    """A route that answers nobody without a good token, and a POST with a key only once.

    Whoever asks too often is turned away as early. A repeat of a request counts as another.

    FastAPI reads and parses a body before it resolves dependencies, so a dependency would let
    strangers make us read theirs.
    """

    for_operators: ClassVar[bool] = False

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """The route's handler behind the check."""
        handle = super().get_route_handler()
        if "POST" in (self.methods or ()):
            handle = carried_out_once(
                handle, fingerprinted_form if self._takes_form else fingerprinted_body
            )

        async def guarded(request: Request) -> Response:
            limits, kind = limits_of(request), rate_class(request.method, self.path)
            await limits.admit(kind, request.scope)
            try:
                principal = await _authenticate(request)
            except _REFUSALS:
                await limits.note_refusal(request.scope)
                raise
            await limits.spend(kind, principal, request.scope)
            if self.for_operators:
                require_operator(principal)
            request.state.principal = principal
            response = await handle(request)
            response.headers.update(told(request.scope))
            return response

        return guarded

    @property
    def _takes_form(self) -> bool:
        body = (self.openapi_extra or {}).get("requestBody", {})
        return FORM in body.get("content", {})


class OperatorRoute(GuardedRoute):
    """A guarded route that answers operators alone; others learn nothing of what is behind it."""

    for_operators = True


def guarded_router(tag: str) -> APIRouter:
    """A router whose every route needs a token.

    Args:
        tag: heading of its routes in the API's description.
    """
    return APIRouter(tags=[tag], route_class=GuardedRoute, dependencies=[Depends(_SCHEME)])


def operator_router(tag: str) -> APIRouter:
    """A router whose every route needs an operator's token.

    Args:
        tag: heading of its routes in the API's description.
    """
    needed = Security(_SCHEME, scopes=[OPERATE])
    return APIRouter(tags=[tag], route_class=OperatorRoute, dependencies=[needed])


def require_operator(principal: Principal) -> None:
    """Raise `Forbidden` when the caller is no operator."""
    if not may_operate(principal.scopes):
        raise Forbidden(f"the scope {OPERATE} is missing")


async def _authenticate(request: Request) -> Principal:
    """By the token or key, if there is an `Authorization` header, and only else by a cookie."""
    if "authorization" not in request.headers and cookie_of(request, SESSION) is not None:
        return await principal_of_cookie(request)
    token, ports = bearer_token(request.headers), ports_of(request)
    if looks_like_key(token):
        issuer = settings_of(request).issuer
        return await principal_of_key(token, ports.database, issuer=issuer)
    return await ports.tokens.verify(token)


def bearer_token(headers: Headers) -> str:
    """What stands after `Bearer ` (RFC 6750, 2.1).

    Raises:
        MissingToken: there is no such header.
        InvalidToken: there are several, so it is unclear who is calling.
    """
    given = headers.getlist("authorization")
    if len(given) > 1:
        raise InvalidToken("several Authorization headers")
    scheme, _, token = (given[0] if given else "").partition(" ")
    token = token.strip()
    if scheme.lower() != "bearer" or not token:
        raise MissingToken
    return token


async def _principal(request: Request) -> Principal:
    principal: Principal = request.state.principal
    return principal


CurrentPrincipal = Annotated[Principal, Depends(_principal)]
"""The caller; only in routes of a `guarded_router`."""


async def _operator(principal: CurrentPrincipal) -> Principal:
    require_operator(principal)
    return principal


Operator = Annotated[Principal, Depends(_operator)]
"""The caller, who is an operator; meant for routes of an `operator_router`."""


async def _person(principal: CurrentPrincipal) -> Principal:
    if principal.api_key is not None:
        raise Forbidden("an API key was sent where somebody must have signed in")
    return principal


SignedIn = Annotated[Principal, Depends(_person)]
"""The caller, who has signed in at the issuer and did not come with an API key."""
