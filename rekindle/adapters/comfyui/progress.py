"""The websocket half of the wire: fractions of a prompt, and the moment it left the server."""

import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any
from uuid import UUID

import structlog
from websockets.asyncio.client import ClientConnection
from websockets.exceptions import WebSocketException

from rekindle.adapters.comfyui.socket import Connecting
from rekindle.ports.comfy import Graph

_LOG = structlog.get_logger(__name__)
_LARGEST_MESSAGE = 16 << 20


@asynccontextmanager
async def open_socket(
    url: str, client_id: str, headers: Mapping[str, str]
) -> AsyncIterator[ClientConnection | None]:
    """Connect as `client_id`; None when that cannot be, since progress is only a hint.

    One client id a connection: of two sockets with one id only the newer hears anything, and
    both are forgotten when the older closes.
    """
    address = "ws" + url.removeprefix("http") + f"/ws?clientId={client_id}"
    connecting = Connecting(
        address,
        additional_headers=dict(headers),
        open_timeout=5,
        close_timeout=1,
        max_size=_LARGEST_MESSAGE,
        proxy=None,
    )
    try:
        socket = await connecting
    except (OSError, TimeoutError, WebSocketException) as error:
        _LOG.info("comfy_socket_unavailable", error=repr(error))
        yield None
        return
    try:
        yield socket
    finally:
        await socket.close()


class SocketListener:
    """Reads one socket (`ports.comfy.ProgressListener`)."""

    def __init__(self, socket: ClientConnection | None) -> None:
        """Listen on an open socket, or on none."""
        self._socket = socket

    async def fractions(self, prompt_id: UUID, graph: Graph) -> AsyncIterator[float]:
        """See `ProgressListener.fractions`."""
        if self._socket is None:
            return
        done: set[str] = set()
        try:
            async for message in self._socket:
                if isinstance(message, bytes):
                    continue  # preview pictures
                event = json.loads(message)
                data = event.get("data") or {}
                if data.get("prompt_id") != str(prompt_id):
                    continue
                if event["type"] == "executing" and data.get("node") is None:
                    return
                fraction = _fraction(event["type"], data, graph, done)
                if fraction is not None:
                    yield fraction
        except (OSError, WebSocketException, ValueError) as error:
            _LOG.info("comfy_socket_broke", error=repr(error))


def _fraction(kind: str, data: Mapping[str, Any], graph: Graph, done: set[str]) -> float | None:
    """Share of the graph's nodes that are done; a running one counts by its own progress."""
    running = 0.0
    match kind:
        case "execution_cached":
            done.update(data["nodes"])
        case "progress_state":
            states = data["nodes"]
            done.update(n for n, s in states.items() if s["state"] == "finished")
            running = sum(
                s["value"] / s["max"]
                for n, s in states.items()
                if s["state"] == "running" and s["max"] and n not in done
            )
        case _:
            return None
    return min((len(done & graph.keys()) + running) / max(len(graph), 1), 1.0)
