"""The queue of prompts, the running one and the history, under one lock."""

from __future__ import annotations

import copy
import heapq
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from simulators.comfyui.engine.links import Graph

HISTORY_LIMIT = 10_000
_SECRETS = ("auth_token_comfy_org", "api_key_comfy_org")

Item = tuple[float, str, Graph, dict[str, Any], list[str]]
"""Number, prompt id, graph, extra data, ids of the output nodes: as clients see it in /queue.

Items are compared as tuples, like ComfyUI's: two pending ones with equal number and id raise
TypeError, because their graphs cannot be ordered.
"""


@dataclass(frozen=True)
class Queued:
    """An item together with its name in the ledger, which clients do not see."""

    item: Item
    run: str

    def __lt__(self, other: Queued) -> bool:
        return self.item < other.item


@dataclass(frozen=True)
class Ending:
    """How a prompt ended, as /history shows it."""

    outputs: dict[str, Any]
    meta: dict[str, Any]
    messages: list[tuple[str, dict[str, Any]]]
    completed: bool

    def entry(self, item: Item) -> dict[str, Any]:
        """The history entry of the prompt."""
        status = {
            "status_str": "success" if self.completed else "error",
            "completed": self.completed,
            "messages": self.messages,
        }
        return {"prompt": item, "outputs": self.outputs, "status": status, "meta": self.meta}


class PromptQueue:
    """Prompts move pending > running > history, each move under the lock.

    Args:
        changed: Called after every change of the queue's length.
        dropped: Called with every pending prompt that is deleted.
    """

    def __init__(self, changed: Callable[[], None], dropped: Callable[[Queued], None]) -> None:
        self._changed = changed
        self._dropped = dropped
        self._lock = threading.RLock()
        self._wake = threading.Condition(self._lock)
        self._pending: list[Queued] = []
        self._running: dict[str, Item] = {}
        self._history: dict[str, dict[str, Any]] = {}
        self._flags: dict[str, Any] = {}

    def put(self, queued: Queued) -> None:
        """Add a prompt.

        Raises:
            TypeError: A pending prompt has the same number and id but another graph.
        """
        with self._lock:
            heapq.heappush(self._pending, queued)
            self._changed()
            self._wake.notify()

    def take(self) -> Queued | None:
        """Wait for a prompt and make it the running one; None when only a flag was set."""
        with self._wake:
            if not self._pending and not self._flags:
                self._wake.wait()
            if not self._pending:
                return None
            queued = heapq.heappop(self._pending)
            # Execution writes into the graph; clients keep seeing what was posted.
            self._running[queued.run] = copy.deepcopy(queued.item)
            self._changed()
            return queued

    def finish(self, run: str, ending: Ending) -> None:
        """Move the running prompt into the history."""
        with self._lock:
            item = self._running.pop(run)
            if len(self._history) > HISTORY_LIMIT:
                self._history.pop(next(iter(self._history)))
            for secret in _SECRETS:
                item[3].pop(secret, None)
            # A second run of the same id keeps the first one's place in the order.
            self._history[item[1]] = ending.entry(item)
            self._changed()

    def snapshot(self) -> tuple[list[Item], list[Item]]:
        """Running and pending items; pending in heap order, which is not sorted."""
        with self._lock:
            return list(self._running.values()), [queued.item for queued in self._pending]

    def remaining(self) -> int:
        """How many prompts run or wait."""
        with self._lock:
            return len(self._pending) + len(self._running)

    def delete(self, prompt_id: object) -> None:
        """Drop the first pending prompt of that id; running and unknown ones are left alone."""
        with self._lock:
            for index, queued in enumerate(self._pending):
                if queued.item[1] == prompt_id:
                    del self._pending[index]
                    heapq.heapify(self._pending)
                    self._dropped(queued)
                    self._changed()
                    return

    def clear(self) -> None:
        """Drop all pending prompts."""
        with self._lock:
            dropped, self._pending = self._pending, []
            for queued in dropped:
                self._dropped(queued)
            self._changed()

    def history_of(self, prompt_id: str) -> dict[str, Any]:
        """The entry by its id, or nothing for an unknown, pending or running prompt."""
        with self._lock:
            entry = self._history.get(prompt_id)
            return {} if entry is None else {prompt_id: entry}

    def history(self, max_items: int | None, offset: int) -> dict[str, Any]:
        """A window of the history; a negative offset means the latest ``max_items``."""
        with self._lock:
            if offset < 0 and max_items is not None:
                offset = len(self._history) - max_items
            chosen: dict[str, Any] = {}
            for index, (prompt_id, entry) in enumerate(self._history.items()):
                if index >= offset:
                    chosen[prompt_id] = entry
                    if max_items is not None and len(chosen) >= max_items:
                        break
            return chosen

    def forget(self, prompt_id: object) -> None:
        """Drop one history entry."""
        with self._lock:
            if isinstance(prompt_id, str):
                self._history.pop(prompt_id, None)

    def forget_all(self) -> None:
        """Drop the whole history."""
        with self._lock:
            self._history = {}

    def set_flag(self, name: str, value: Any) -> None:
        """Ask the executor for something between prompts."""
        with self._lock:
            self._flags[name] = value
            self._wake.notify()

    def take_flags(self) -> dict[str, Any]:
        """What was asked for since the last call."""
        with self._lock:
            flags, self._flags = self._flags, {}
            return flags
