"""Requests that go wrong on script: late, reset, or done without an answer."""

from __future__ import annotations

import asyncio
import socket
import struct

from starlette.types import ASGIApp, Message, Receive, Scope, Send
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from simulators.comfyui.engine.faults import FaultKind
from simulators.comfyui.engine.injector import FaultInjector

_TRANSPORT = "simulator.transport"


class TellingProtocol(HttpToolsProtocol):
    """Hands the connection on to the application, which may want to break it."""

    def on_message_begin(self) -> None:
        """Put the transport beside what uvicorn tells about a request."""
        super().on_message_begin()
        self.scope["extensions"] = {_TRANSPORT: {"transport": self.transport}}


class Misfortune:
    """Applies the faults of the plan that name a route."""

    def __init__(self, app: ASGIApp, faults: FaultInjector) -> None:
        self._app = app
        self._faults = faults

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve a request, or have it fail as planned."""
        fault = None
        if scope["type"] == "http":
            fault = self._faults.of_request(scope["method"], scope["path"])
        if fault is None:
            await self._app(scope, receive, send)
        elif fault.kind is FaultKind.SLOW:
            await asyncio.sleep(fault.seconds or 0.0)
            await self._app(scope, receive, send)
        else:
            if fault.kind is FaultKind.LOST_REPLY:
                await self._app(scope, receive, _swallow)
            _reset(scope)
            # Without an answer uvicorn would send one of its own; it knows of the end by then.
            while (await receive())["type"] != "http.disconnect":
                pass


async def _swallow(_: Message) -> None:
    """Send a reply nowhere."""


def _reset(scope: Scope) -> None:
    """Break the connection off, so that the client reads "connection reset"."""
    transport: asyncio.Transport = scope["extensions"][_TRANSPORT]["transport"]
    linger_not = struct.pack("ii", 1, 0)
    transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger_not)
    transport.abort()
