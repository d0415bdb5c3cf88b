"""How much of a request's body is read, how long it may pause, and what becomes of the rest."""

import asyncio
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import NoReturn

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.problems import problem_response
from rekindle.errors import RekindleError, RequestStalled

SLOWEST_BYTES_PER_SECOND = 1024
"""A body arrives at least so fast, after the first pause: else a byte now and then holds us up."""

_SMALL_REST = 64 * 1024
"""A rest up to this size is left to the server, which discards it and keeps the connection."""


@dataclass(frozen=True)
class Allowance:
    """How large a body may be, in bytes, and what to say to a larger one."""

    max_bytes: int
    refusal: Callable[[], RekindleError]


class BodyLimit:
    """Ends a body that is too large, or that stops arriving, wherever it is being read.

    The limit holds with a `Content-Length` and without. Nothing is read for a route that does not
    ask for the body, so a stranger is turned away before. An answer that comes before the whole
    body was read closes the connection, after a moment in which the rest is thrown away: closing
    at once would reset the connection, and the client would never see the answer (RFC 9112, 9.6).
    """

    def __init__(
        self,
        app: ASGIApp,
        *,
        default: Allowance,
        by_path: Mapping[str, Allowance],
        pause_seconds: float = 30.0,
        linger_seconds: float = 10.0,
    ) -> None:
        """Stand around `app`.

        Args:
            default: for every path that is not in `by_path`.
            by_path: for single paths.
            pause_seconds: longest pause between two pieces of a body.
            linger_seconds: how long an unread rest is thrown away before the connection closes.
        """
        self._app = app
        self._default = default
        self._by_path = by_path
        self._pause_seconds = pause_seconds
        self._linger_seconds = linger_seconds

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        allowance = self._by_path.get(scope["path"], self._default)
        body = _Body(Headers(scope=scope), receive, allowance, self._pause_seconds)
        answer = _Answer(send, body, self._linger_seconds)
        try:
            await self._app(scope, body.receive, answer.send_unless_refused)
        except RekindleError as error:
            if error is not body.refusal:
                raise
        if body.refusal is not None and not answer.started:
            response = problem_response(body.refusal, scope)
            await response(scope, receive, answer.send)


class _Body:
    """A request's body as the application may read it."""

    def __init__(
        self, headers: Headers, receive: Receive, allowance: Allowance, pause_seconds: float
    ) -> None:
        length = headers.get("content-length", "")
        self._declared = int(length) if length.isdecimal() else None
        self._ended = not self._declared and "transfer-encoding" not in headers
        self._waits_for_permission = "100-continue" in headers.get("expect", "").lower()
        self._receive = receive
        self._allowance = allowance
        self._pause_seconds = pause_seconds
        self._received = 0
        self._waited = 0.0
        self.refusal: RekindleError | None = None

    @property
    def has_large_rest(self) -> bool:
        """Whether much of it, or nobody knows how much, has not been read."""
        if self._ended:
            return False
        return self._declared is None or self._declared - self._received > _SMALL_REST

    async def receive(self) -> Message:
        """The next piece; raises the refusal once there is one."""
        if self.refusal is not None:
            raise self.refusal
        if self._ended:
            return await self._receive()
        if (self._declared or 0) > self._allowance.max_bytes:
            self._refuse(self._allowance.refusal())
        try:
            async with asyncio.timeout(self._patience):
                message = await self._awaited()
        except TimeoutError:
            self._refuse(RequestStalled(f"{self._received} bytes in {self._waited:.1f} s"))
        if self._received > self._allowance.max_bytes:
            self._refuse(self._allowance.refusal())
        return message

    @property
    def _patience(self) -> float:
        """How long the next piece may take: a pause, unless the whole is too slow already."""
        earned = self._pause_seconds + self._received / SLOWEST_BYTES_PER_SECOND
        return min(self._pause_seconds, max(earned - self._waited, 0.0))

    async def _awaited(self) -> Message:
        """The next piece; what we wait for the client counts, not what we do ourselves."""
        began = time.monotonic()
        try:
            return await self._next()
        finally:
            self._waited += time.monotonic() - began

    async def throw_away(self) -> None:
        """Read what is left of it, for nobody."""
        if self._waits_for_permission and not self._received:
            return  # the client has not begun, and now it will not
        while not self._ended:
            await self._next()

    async def _next(self) -> Message:
        message = await self._receive()
        self._received += len(message.get("body", b""))
        self._ended = message["type"] == "http.disconnect" or not message.get("more_body", False)
        return message

    def _refuse(self, refusal: RekindleError) -> NoReturn:
        self.refusal = refusal
        raise refusal


class _Answer:
    """The answer on its way out, and the end of the connection where that is due."""

    def __init__(self, send: Send, body: _Body, linger_seconds: float) -> None:
        self._send = send
        self._body = body
        self._linger_seconds = linger_seconds
        self.started = False

    async def send_unless_refused(self, message: Message) -> None:
        """As `send`, except that a refused body is answered by its refusal alone.

        FastAPI turns any error while it reads JSON into a 400 of its own.
        """
        if self._body.refusal is None or self.started:
            await self.send(message)

    async def send(self, message: Message) -> None:
        """Send a piece of the answer."""
        if message["type"] == "http.response.start":
            self.started = True
            if self._body.has_large_rest:
                MutableHeaders(scope=message)["Connection"] = "close"
        elif not message.get("more_body", False) and self._body.has_large_rest:
            await self._send({**message, "more_body": True})
            await self._linger()
            message = {"type": "http.response.body", "body": b"", "more_body": False}
        await self._send(message)

    async def _linger(self) -> None:
        try:
            async with asyncio.timeout(self._linger_seconds):
                await self._body.throw_away()
        except TimeoutError:
            return
