"""The websocket hub: which client hears what, and in which order.

Messages come from the executor's thread and leave, one at a time, from one task of the event
loop: every client sees them in the order they were made. One client id has one socket. When a
second socket takes the id over, the first one hears nothing more; and when either of the two
closes, the id is struck off, so that the one left open stays silent. That is ComfyUI's
behaviour, measured, and clients have to cope with it.
"""

from __future__ import annotations

import asyncio
import json
import logging
import uuid
from collections.abc import Callable
from typing import Any

from starlette.websockets import WebSocket, WebSocketDisconnect

from simulators.comfyui.engine.outbox import Event, to_json

log = logging.getLogger(__name__)


class Hub:
    """Delivers the engine's messages to websockets; implements Outbox."""

    def __init__(self) -> None:
        self.client_id: str | None = None
        self.last_node_id: str | None = None
        self._sockets: dict[str, WebSocket] = {}
        self._messages: asyncio.Queue[tuple[Event, Any, str | None]] = asyncio.Queue()
        self._loop: asyncio.AbstractEventLoop | None = None

    def send(self, event: Event, data: Any, sid: str | None) -> None:
        """Queue a message for one client or, without ``sid``, for all; from any thread."""
        if self._loop is not None:
            self._loop.call_soon_threadsafe(self._messages.put_nowait, (event, data, sid))

    async def publish(self) -> None:
        """Deliver queued messages for ever."""
        self._loop = asyncio.get_running_loop()
        while True:
            event, data, sid = await self._messages.get()
            for socket in self._receivers(sid):
                await _deliver(socket, event, data)

    def _receivers(self, sid: str | None) -> list[WebSocket]:
        if sid is None:
            return list(self._sockets.values())
        socket = self._sockets.get(sid)
        return [] if socket is None else [socket]

    async def serve(
        self,
        socket: WebSocket,
        queue_info: Callable[[], dict[str, Any]],
        features: Callable[[], dict[str, Any]],
    ) -> None:
        """Serve one socket until it closes."""
        await socket.accept()
        sid = socket.query_params.get("clientId", "") or uuid.uuid4().hex
        self._sockets[sid] = socket
        try:
            await _deliver(socket, "status", {"status": queue_info(), "sid": sid})
            if self.client_id == sid and self.last_node_id is not None:
                await _deliver(socket, "executing", {"node": self.last_node_id})
            await self._listen(socket, sid, features)
        except WebSocketDisconnect:
            pass
        finally:
            self._sockets.pop(sid, None)

    async def _listen(
        self, socket: WebSocket, sid: str, features: Callable[[], dict[str, Any]]
    ) -> None:
        """Answer feature flags in the first message; ignore everything else."""
        is_first = True
        while True:
            message = await socket.receive()
            if message["type"] == "websocket.disconnect":
                return
            if message.get("text") is None:
                continue
            try:
                data = json.loads(message["text"])
                if is_first and data.get("type") == "feature_flags":
                    for receiver in self._receivers(sid):
                        await _deliver(receiver, "feature_flags", features())
                is_first = False
            except (ValueError, AttributeError):
                log.warning("client %s sent something that is no message", sid)


async def _deliver(socket: WebSocket, event: Event, data: Any) -> None:
    """Send one message; a socket that is gone is not this function's business."""
    try:
        if isinstance(event, int):
            await socket.send_bytes(event.to_bytes(4, "big") + data)
        else:
            await socket.send_text(to_json({"type": event, "data": data}))
    except (WebSocketDisconnect, RuntimeError, OSError) as problem:
        log.debug("not delivered: %r", problem)
