"""The token check, before anything else sees a request."""

import hashlib
import hmac
from collections.abc import Callable

import structlog
from starlette.datastructures import Headers
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send
from starlette.websockets import WebSocket

from rekindle.errors import InvalidToken, MissingToken, RekindleError
from worker.agent.problems import problem_response

_LOG = structlog.get_logger(__name__)
OPEN_DOOR = ("GET", "/health")
"""All that may be asked without the token."""


class TokenGuard:
    """Turns away whoever does not hold the pod's token, whatever they ask for.

    Known and unknown paths look the same from outside. A request with the token is told to
    `on_holder`, `GET /health` too: that is how a controller keeps an idle pod alive.
    """

    def __init__(self, app: ASGIApp, *, token: str, on_holder: Callable[[], None]) -> None:
        """Stand around `app`."""
        self._app = app
        self._digest = _digest(token)
        self._on_holder = on_holder

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass on, or refuse."""
        if scope["type"] not in ("http", "websocket"):
            await self._app(scope, receive, send)
            return
        refusal = self._refusal(scope)
        if refusal is None:
            self._on_holder()
        elif not _is_open(scope):
            _LOG.warning("token_refused", code=refusal.code, kind=scope["type"])
            await _refuse(refusal, scope, receive, send)
            return
        await self._app(scope, receive, send)

    def _refusal(self, scope: Scope) -> RekindleError | None:
        given = Headers(scope=scope).getlist("authorization")
        if not given:
            return MissingToken()
        scheme, _, token = given[0].partition(" ")
        # Digests are of one length, so that the comparison's time tells nothing.
        is_right = hmac.compare_digest(_digest(token), self._digest)
        is_one_bearer = len(given) == 1 and scheme.lower() == "bearer"
        return None if is_right and is_one_bearer else InvalidToken()


def _digest(token: str) -> bytes:
    return hashlib.sha256(token.encode("latin-1", "replace")).digest()


def _is_open(scope: Scope) -> bool:
    return scope["type"] == "http" and (scope["method"], scope["path"]) == OPEN_DOOR


async def _refuse(refusal: RekindleError, scope: Scope, receive: Receive, send: Send) -> None:
    response: Response = problem_response(refusal)
    if scope["type"] == "http":
        await response(scope, receive, send)
    else:
        await WebSocket(scope, receive, send).send_denial_response(response)
