"""One route for everything that can be done to an address."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

Handler = Callable[[Request], Awaitable[Response]]


def resource(path: str, **handlers: Handler) -> Route:
    """A route whose 405 names every method, as the vendor's ``Allow`` does.

    Args:
        path: As Starlette writes it.
        handlers: By method, such as ``GET``.
    """

    async def serve(request: Request) -> Response:
        method = "GET" if request.method == "HEAD" else request.method
        return await handlers[method](request)

    return Route(path, serve, methods=list(handlers))
