"""How far each node of the running prompt is, as clients are told."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any


@dataclass
class _Entry:
    state: str
    value: float
    maximum: float


class ProgressBoard:
    """States of the nodes that have started; every change tells all of them anew."""

    def __init__(self, prompt_id: str, tell: Callable[[dict[str, Any]], None]) -> None:
        self._prompt_id = prompt_id
        self._tell = tell
        self._entries: dict[str, _Entry] = {}

    def start(self, node_id: str) -> None:
        """A node begins."""
        self._set(node_id, _Entry("running", 0.0, 1.0))

    def update(self, node_id: str, value: float, maximum: float) -> None:
        """A node has done ``value`` of ``maximum`` steps."""
        self._set(node_id, _Entry("running", value, maximum))

    def finish(self, node_id: str) -> None:
        """A node is done, whether it ran or was cached."""
        maximum = self._entries[node_id].maximum if node_id in self._entries else 1
        self._set(node_id, _Entry("finished", maximum, maximum))

    def _set(self, node_id: str, entry: _Entry) -> None:
        self._entries[node_id] = entry
        nodes = {
            name: {
                "value": one.value,
                "max": one.maximum,
                "state": one.state,
                "node_id": name,
                "prompt_id": self._prompt_id,
                "display_node_id": name,
                "parent_node_id": None,
                "real_node_id": name,
            }
            for name, one in self._entries.items()
        }
        self._tell({"prompt_id": self._prompt_id, "nodes": nodes})
