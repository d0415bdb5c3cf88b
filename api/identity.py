"""Who is calling: bearer tokens, checked before anything of a request's body is read."""

from collections.abc import Callable, Coroutine
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request, Response
from fastapi.routing import APIRoute
from fastapi.security import HTTPBearer
from starlette.datastructures import Headers

from api.dependencies import ports_of
from api.idempotency import carried_out_once
from api.idempotency.fingerprints import fingerprinted_body, fingerprinted_form
from api.uploads import FORM
from rekindle.errors import InvalidToken, MissingToken
from rekindle.ports.identity import Principal

_SCHEME = HTTPBearer(
    auto_error=False, bearerFormat="JWT", description="An access token of the sign-in service."
)
"""Only describes the header in OpenAPI; `GuardedRoute` reads and judges it."""


class GuardedRoute(APIRoute):
    """A route that answers nobody without a good token, and a POST with a key only once.

    FastAPI reads and parses a body before it resolves dependencies, so a dependency would let
    strangers make us read theirs.
    """

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """The route's handler behind the check."""
        handle = super().get_route_handler()
        if "POST" in (self.methods or ()):
            handle = carried_out_once(
                handle, fingerprinted_form if self._takes_form else fingerprinted_body
            )

        async def guarded(request: Request) -> Response:
            request.state.principal = await _authenticate(request)
            return await handle(request)

        return guarded

    @property
    def _takes_form(self) -> bool:
        body = (self.openapi_extra or {}).get("requestBody", {})
        return FORM in body.get("content", {})


def guarded_router(tag: str) -> APIRouter:
    """A router whose every route needs a token.

    Args:
        tag: heading of its routes in the API's description.
    """
    return APIRouter(tags=[tag], route_class=GuardedRoute, dependencies=[Depends(_SCHEME)])


async def _authenticate(request: Request) -> Principal:
    return await ports_of(request).tokens.verify(bearer_token(request.headers))


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
