"""Plain ASGI helpers: reading a body, sending a reply, breaking a connection off."""

from __future__ import annotations

import asyncio
import json
import socket
import struct
from typing import Any

from starlette.types import Receive, Scope, Send
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

TRANSPORT = "simulator.transport"
JSON = b"application/json"
PROBLEM_JSON = b"application/problem+json"


class TellingProtocol(HttpToolsProtocol):
    """Hands the connection on to the application, which may want to break it."""

    def on_message_begin(self) -> None:
        """Put the transport beside what uvicorn tells about a request."""
        super().on_message_begin()
        self.scope["extensions"] = {TRANSPORT: {"transport": self.transport}}


def json_bytes(value: object) -> bytes:
    """JSON on one line."""
    return json.dumps(value).encode()


async def read_body(receive: Receive) -> bytes:
    """The whole body of a request.

    Raises:
        ConnectionError: The client went away before its end.
    """
    parts = []
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise ConnectionError("the client is gone")
        parts.append(message.get("body", b""))
        if not message.get("more_body"):
            return b"".join(parts)


async def reply(
    send: Send,
    status: int,
    body: bytes = b"",
    content_type: bytes = JSON,
    headers: list[tuple[bytes, bytes]] | None = None,
) -> None:
    """Send a whole reply."""
    fields = [(b"content-length", str(len(body)).encode())]
    if body:
        fields.append((b"content-type", content_type))
    fields += headers or []
    await send({"type": "http.response.start", "status": status, "headers": fields})
    await send({"type": "http.response.body", "body": body})


def closing(scope: Scope) -> list[tuple[bytes, bytes]]:
    """Headers of a refusal that was sent before the body was read.

    A client that waits for `100 Continue` then never sends its body, so what follows on the
    connection could be taken for it.
    """
    waits = any(name == b"expect" for name, _ in scope["headers"])
    return [(b"connection", b"close")] if waits else []


async def break_off(scope: Scope, receive: Receive) -> None:
    """Break a connection, so that the client reads "connection reset".

    Raises:
        ConnectionResetError: There is no connection: the application is called directly.
    """
    extension: dict[str, Any] | None = scope.get("extensions", {}).get(TRANSPORT)
    if extension is None:
        raise ConnectionResetError("broken off by the simulator")
    transport: asyncio.Transport = extension["transport"]
    linger_not = struct.pack("ii", 1, 0)
    transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger_not)
    transport.abort()
    # Without an answer uvicorn would send one of its own; it knows of the end by then.
    while (await receive())["type"] != "http.disconnect":
        pass
