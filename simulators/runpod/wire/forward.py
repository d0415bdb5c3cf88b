"""Carries a request or a websocket to a process on this machine, and its answer back."""

from __future__ import annotations

import asyncio
import contextlib
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable

import httpx
from starlette.types import Message, Receive, Scope, Send
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake, InvalidStatus

from simulators.common.asgi import break_off, reply
from simulators.common.clock import Clock
from simulators.runpod.options import Tunables

_OF_ONE_HOP = frozenset(
    {
        *(b"connection", b"keep-alive", b"proxy-authenticate", b"proxy-authorization"),
        *(b"te", b"trailer", b"transfer-encoding", b"upgrade", b"host"),
    }
)
_TIMEOUTS = {"timeout": {"connect": 10.0, "read": None, "write": None, "pool": None}}


class Forwarder:
    """Reaches local ports. Every request and every websocket ends after the proxy's limit.

    Args:
        tunables: Hold the limit.
        clock: Measures it.
    """

    def __init__(self, tunables: Tunables, clock: Clock) -> None:
        self._tunables = tunables
        self._clock = clock
        # A kept connection may be closed by the pod just when it is used again.
        limits = httpx.Limits(max_connections=None, max_keepalive_connections=0)
        # Pods are reached without TLS; a context without certificates spares reading them.
        nothing = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        self._transport = httpx.AsyncHTTPTransport(nothing, limits=limits, trust_env=False)

    async def close(self) -> None:
        """Close what is open."""
        await self._transport.aclose()

    async def http(self, port: int, host: str, scope: Scope, receive: Receive, send: Send) -> None:
        """Carry one request: 502 when nobody listens, 524 when it takes too long."""
        exchange = _Exchange(receive, send)
        request = _request(port, host, scope, exchange)
        outcome = await self._within_limit(lambda: self._exchange(request, exchange), exchange)
        if outcome is None:
            return
        if exchange.is_answered:
            await break_off(scope, exchange.receive)
        else:
            page = f"<html><body>error {outcome}</body></html>".encode()
            await reply(send, outcome, page, b"text/html")

    async def _exchange(self, request: httpx.Request, exchange: _Exchange) -> None:
        response = await self._transport.handle_async_request(request)
        try:
            headers = [
                (name.lower(), value)
                for name, value in response.headers.raw
                if name.lower() not in _OF_ONE_HOP
            ]
            await exchange.send(
                {"type": "http.response.start", "status": response.status_code, "headers": headers}
            )
            async for chunk in response.aiter_raw():
                await exchange.send(
                    {"type": "http.response.body", "body": chunk, "more_body": True}
                )
            await exchange.send({"type": "http.response.body", "body": b""})
        finally:
            await response.aclose()

    async def _within_limit(
        self, work: Callable[[], Awaitable[None]], exchange: _Exchange
    ) -> int | None:
        """Do it; the status to answer with if it failed, None when all is said."""
        task = asyncio.ensure_future(work())
        timer = self._clock.call_later(self._tunables.proxy_seconds, task.cancel)
        watcher = asyncio.create_task(exchange.watch(task))
        try:
            await asyncio.wait([task])
            if task.cancelled():
                return None if exchange.is_client_gone else 524
            error = task.exception()
            if error is not None and not isinstance(error, httpx.TransportError | ConnectionError):
                raise error
            return None if error is None or exchange.is_client_gone else 502
        finally:
            timer.cancel()
            task.cancel()
            watcher.cancel()
            await asyncio.gather(task, watcher, return_exceptions=True)

    async def websocket(self, port: int, scope: Scope, receive: Receive, send: Send) -> None:
        """Carry one websocket until either side or the limit ends it."""
        await receive()
        headers = [
            (name.decode("latin-1"), value.decode("latin-1"))
            for name, value in scope["headers"]
            if name not in _OF_ONE_HOP and not name.startswith(b"sec-websocket-")
        ]
        try:
            upstream = await connect(
                f"ws://127.0.0.1:{port}{_raw_path(scope).decode()}",
                additional_headers=headers,
                subprotocols=scope["subprotocols"] or None,
                user_agent_header=None,
                compression=None,
                max_size=None,
                ping_interval=None,
                proxy=None,
            )
        except InvalidStatus as refusal:
            await _refuse_socket(send, refusal.response.status_code)
        except (OSError, InvalidHandshake, TimeoutError):
            await _refuse_socket(send, 502)
        else:
            await send({"type": "websocket.accept", "subprotocol": upstream.subprotocol})
            await self._carry(upstream, receive, send)

    async def _carry(self, upstream: ClientConnection, receive: Receive, send: Send) -> None:
        inward = asyncio.create_task(_inward(upstream, receive))
        outward = asyncio.create_task(_outward(upstream, send))
        timer = self._clock.call_later(self._tunables.proxy_seconds, outward.cancel)
        try:
            await asyncio.wait([inward, outward], return_when=asyncio.FIRST_COMPLETED)
            if not inward.done():
                with contextlib.suppress(RuntimeError, OSError):  # the client went away as well
                    await send({"type": "websocket.close", "code": _close_code(upstream)})
        finally:
            timer.cancel()
            for task in (inward, outward):
                task.cancel()
                with contextlib.suppress(asyncio.CancelledError, ConnectionClosed):
                    await task
            await upstream.close()


class _Exchange:
    """One request of a client: its body, its reply, and whether the client is still there."""

    def __init__(self, receive: Receive, send: Send) -> None:
        self._receive = receive
        self._send = send
        self._is_read = asyncio.Event()
        self.is_answered = False
        self.is_client_gone = False

    async def body(self) -> AsyncIterator[bytes]:
        """The request's body as it comes."""
        while True:
            message = await self._receive()
            if message["type"] == "http.disconnect":
                self.is_client_gone = True
                raise ConnectionError("the client is gone")
            yield message.get("body", b"")
            if not message.get("more_body"):
                self._is_read.set()
                return

    def skip_body(self) -> None:
        """There is nothing to read."""
        self._is_read.set()

    async def send(self, message: Message) -> None:
        """Send a part of the reply."""
        self.is_answered = True
        await self._send(message)

    async def receive(self) -> Message:
        """The next message of the client."""
        return await self._receive()

    async def watch(self, task: asyncio.Future[None]) -> None:
        """Cancel the task when the client goes away."""
        await self._is_read.wait()
        while (await self._receive())["type"] != "http.disconnect":
            pass
        self.is_client_gone = True
        task.cancel()


def _request(port: int, host: str, scope: Scope, exchange: _Exchange) -> httpx.Request:
    given = dict(scope["headers"])
    has_body = b"content-length" in given or b"transfer-encoding" in given
    headers = [(name, value) for name, value in scope["headers"] if name not in _OF_ONE_HOP]
    headers.append((b"host", host.encode()))
    headers.append((b"x-forwarded-proto", b"https"))
    url = httpx.URL(scheme="http", host="127.0.0.1", port=port, raw_path=_raw_path(scope))
    content = exchange.body() if has_body else None
    if not has_body:
        exchange.skip_body()
    return httpx.Request(
        scope["method"], url, headers=headers, content=content, extensions=_TIMEOUTS
    )


def _raw_path(scope: Scope) -> bytes:
    """The path inside the pod, with the escapes the client wrote."""
    raw: bytes = scope.get("raw_path") or scope["path"].encode()
    inside = b"/" + b"/".join(raw.split(b"/")[4:])
    return inside + (b"?" + scope["query_string"] if scope["query_string"] else b"")


async def _inward(upstream: ClientConnection, receive: Receive) -> None:
    with contextlib.suppress(ConnectionClosed):
        while (message := await receive())["type"] != "websocket.disconnect":
            text = message.get("text")
            await upstream.send(message["bytes"] if text is None else text)


async def _outward(upstream: ClientConnection, send: Send) -> None:
    with contextlib.suppress(ConnectionClosed):
        async for message in upstream:
            kind = "text" if isinstance(message, str) else "bytes"
            await send({"type": "websocket.send", kind: message})


def _close_code(upstream: ClientConnection) -> int:
    """What to close with; codes that no peer may send become "going away"."""
    code = upstream.close_code
    return code if code is not None and code not in (1005, 1006, 1015) else 1001


async def _refuse_socket(send: Send, status: int) -> None:
    await send({"type": "websocket.http.response.start", "status": status, "headers": []})
    await send({"type": "websocket.http.response.body", "body": b""})
