"""Where the executor puts messages for clients, without knowing sockets."""

from __future__ import annotations

import json
from typing import Any, Protocol

Event = str | int
"""Name of a JSON message, or type number of a binary one."""

TEXT_FRAME = 3


class Outbox(Protocol):
    """Takes messages from any thread and delivers them in order.

    Attributes:
        client_id: Who the running prompt belongs to; the last one's when none runs.
        last_node_id: The node that runs now; a client that reconnects is told.
    """

    client_id: str | None
    last_node_id: str | None

    def send(self, event: Event, data: Any, sid: str | None) -> None:
        """Send to the client ``sid``, or to every client when it is None."""


def text_frame(node_id: str, text: str) -> bytes:
    """Body of a binary text message: length of the node id, node id, text."""
    name = node_id.encode()
    return len(name).to_bytes(4, "big") + name + text.encode()


def to_json(data: Any) -> str:
    """Encode as ComfyUI does: ASCII, with spaces, NaN allowed."""
    return json.dumps(data)
