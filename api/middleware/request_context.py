"""A name for every request, in its answer and in each log line that it causes."""

import re
import time
from uuid import uuid4

import structlog
from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api import paths

HEADER = "X-Request-ID"
_ACCEPTABLE = re.compile(r"[A-Za-z0-9-]{8,64}")
_QUIET = frozenset(
    {paths.HEALTH, paths.HEALTH_V1, paths.READY, paths.METRICS, paths.STRIPE_WEBHOOK}
)
"""Probes, which say nothing, and events, which come in bursts and leave a row of their own."""
_LOG = structlog.get_logger(__name__)


class RequestContext:
    """Names requests (a proxy's name is kept when it is harmless) and logs how each ended."""

    def __init__(self, app: ASGIApp) -> None:
        """Stand around `app`."""
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        request_id = _request_id(scope)
        scope.setdefault("state", {})["request_id"] = request_id
        started_at, status = time.perf_counter(), 0

        async def named(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                MutableHeaders(scope=message)[HEADER] = request_id
            await send(message)

        with structlog.contextvars.bound_contextvars(request_id=request_id):
            try:
                await self._app(scope, receive, named)
            finally:
                _log(scope, status, time.perf_counter() - started_at)


def _request_id(scope: Scope) -> str:
    given = Headers(scope=scope).get(HEADER, "")
    return given if _ACCEPTABLE.fullmatch(given) else str(uuid4())


def _log(scope: Scope, status: int, seconds: float) -> None:
    """One line a request; the route instead of the path, so that no query or id is in it."""
    log = _LOG.debug if scope["path"] in _QUIET else _LOG.info
    log(
        "request",
        method=scope["method"],
        route=getattr(scope.get("route"), "path", None),
        status=status,
        milliseconds=round(seconds * 1000, 1),
    )
