"""Requests passed on to ComfyUI and its replies passed back, in pieces both ways."""

from collections.abc import Mapping
from urllib.parse import quote

import structlog
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from rekindle.errors import ComfyUnavailable, NotFound
from rekindle.ports.relay import ComfyRelay, RelayRequest
from worker.agent.allowed import Allowed
from worker.agent.bodies import bounded

_LOG = structlog.get_logger(__name__)
_PASSED_ON = (
    "accept",
    "accept-encoding",
    "content-length",
    "content-type",
    "if-match",
    "if-modified-since",
    "if-none-match",
    "if-range",
    "if-unmodified-since",
    "range",
)
"""Neither token, nor cookies, nor `Origin`, which ComfyUI compares with a host it does not know."""


class Relayed(Response):
    """ComfyUI's own reply to a request."""

    def __init__(self, relay: ComfyRelay, asked: RelayRequest) -> None:
        """Ask when it is sent."""
        super().__init__()
        self._relay = relay
        self._asked = asked

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Ask, and send what comes. Raises `ComfyUnavailable` while nothing has been sent."""
        del scope, receive
        started = False
        try:
            async with self._relay.open(self._asked) as reply:
                headers = {"x-content-type-options": "nosniff", **reply.headers}
                raw = [(k.encode("latin-1"), v.encode("latin-1")) for k, v in headers.items()]
                started = True
                await send({"type": "http.response.start", "status": reply.status, "headers": raw})
                async for piece in reply.body:
                    await send({"type": "http.response.body", "body": piece, "more_body": True})
                await send({"type": "http.response.body", "body": b"", "more_body": False})
        except ComfyUnavailable as error:
            if not started:
                raise
            # The server closes a connection whose reply was not ended, and so the client knows.
            _LOG.warning("reply_cut_short", path=self._asked.path, why=str(error))


def as_it_is(relay: ComfyRelay, allowed: Allowed, request: Request) -> Relayed:
    """Pass a request on unchanged; its query is dropped.

    Raises:
        NotFound: a path that would lead elsewhere.
    """
    body = bounded(request, allowed.max_bytes) if allowed.max_bytes else None
    headers = passed_on(request, with_body=body is not None)
    path = upstream_path(allowed, request.path_params)
    return Relayed(relay, RelayRequest(allowed.method, path, headers=headers, body=body))


def upstream_path(allowed: Allowed, segments: Mapping[str, str]) -> str:
    """The path at ComfyUI, with each segment encoded again. Raises `NotFound` for dots."""
    if any(segment in (".", "..") for segment in segments.values()):
        raise NotFound
    return allowed.path.format_map({k: quote(v, safe="") for k, v in segments.items()})


def passed_on(request: Request, *, with_body: bool) -> dict[str, str]:
    """The headers that ComfyUI gets to see."""
    found = {name: request.headers[name] for name in _PASSED_ON if name in request.headers}
    if not with_body:
        found.pop("content-length", None)
    return found
