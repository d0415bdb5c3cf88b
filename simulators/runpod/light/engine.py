"""The engine of one light pod: a queue, a history and a timer. It computes nothing."""

from __future__ import annotations

import json
import uuid
from asyncio import Queue
from collections import Counter, deque
from collections.abc import Callable, Mapping
from typing import Any

from simulators.common.clock import Clock, Timer
from simulators.runpod.light.prompt import Prompt, output_of, targets_of

STEPS = 4
"""How often a prompt reports progress."""

Socket = Queue[str | None]
"""Messages for one websocket; None closes it."""


class LightEngine:
    """ComfyUI's prompt queue, one prompt at a time; implements Workload.

    A prompt id that is known is not run again: the on-pod agent makes ``POST /prompt``
    idempotent.

    Args:
        clock: Runs the prompts.
        seconds: How long a prompt takes, asked when it starts.
        object_info: The node classes; empty when any class will do.
        note: Takes every prompt that is accepted.
    """

    def __init__(
        self,
        clock: Clock,
        seconds: Callable[[], float],
        object_info: Mapping[str, Any],
        note: Callable[[Prompt], None],
    ) -> None:
        self._clock = clock
        self._seconds = seconds
        self._object_info = object_info
        self._note = note
        self._numbers = 0
        self._files: Counter[str] = Counter()
        self._timer: Timer | None = None
        self._known: dict[str, Prompt] = {}
        self.running: Prompt | None = None
        self.pending: deque[Prompt] = deque()
        self.history: dict[str, Prompt] = {}
        self.sockets: dict[str, Socket] = {}

    def stop(self) -> None:
        """As ComfyUI on SIGTERM: gone at once."""
        self.kill()

    def kill(self) -> None:
        """Lose everything, and the sockets with it."""
        if self._timer is not None:
            self._timer.cancel()
        for prompt in (self.running, *self.pending):
            if prompt is not None:
                prompt.outcome, prompt.ended_at = "lost", self._clock.now()
        self.running = None
        self.pending.clear()
        self._known.clear()
        self.history.clear()
        for socket in self.sockets.values():
            socket.put_nowait(None)
        self.sockets.clear()

    def submit(self, body: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        """Queue a prompt; the status and body of the reply."""
        prompt_id = str(body.get("prompt_id") or uuid.uuid4())
        prompt = self._known.get(prompt_id)
        if prompt is None:
            graph = body.get("prompt")
            refusal = self._refusal(graph)
            if refusal is not None or not isinstance(graph, dict):
                return 400, {"error": refusal, "node_errors": {}}
            prompt = self._accept(prompt_id, graph, body)
        return 200, {"prompt_id": prompt_id, "number": prompt.number, "node_errors": {}}

    def remaining(self) -> int:
        """How many prompts run or wait."""
        return len(self.pending) + (self.running is not None)

    def delete(self, prompt_id: str) -> None:
        """Drop a pending prompt; a running or unknown one is left alone."""
        prompt = self._known.get(prompt_id)
        if prompt is not None and prompt in self.pending:
            self.pending.remove(prompt)
            self._forget(prompt_id)
            prompt.outcome, prompt.ended_at = "deleted", self._clock.now()
            self._tell_status()

    def interrupt(self, prompt_id: str | None) -> None:
        """End the running prompt, whichever it is or only a given one."""
        prompt = self.running
        if prompt is None or prompt_id not in (None, prompt.id):
            return
        if self._timer is not None:
            self._timer.cancel()
        node = prompt.first_node
        said = {"node_id": node, "node_type": prompt.graph[node]["class_type"], "executed": []}
        self._finish(prompt, "interrupted", "execution_interrupted", said)

    def forget(self, prompt_id: str) -> None:
        """Drop a history entry."""
        if self.history.pop(prompt_id, None) is not None:
            self._forget(prompt_id)

    def attach(self, client_id: str) -> Socket:
        """A new socket; it takes the place of an older one of the same client."""
        socket: Socket = Queue()
        self.sockets[client_id] = socket
        info = {"exec_info": {"queue_remaining": self.remaining()}}
        socket.put_nowait(_message("status", {"status": info, "sid": client_id}))
        return socket

    def detach(self, client_id: str, socket: Socket) -> None:
        """A socket is closed."""
        if self.sockets.get(client_id) is socket:
            del self.sockets[client_id]

    def _refusal(self, graph: object) -> dict[str, Any] | None:
        """ComfyUI's word on a graph that cannot run."""
        if not isinstance(graph, dict):
            return _error("no_prompt", "No prompt provided")
        for node, body in graph.items():
            class_type = body.get("class_type") if isinstance(body, dict) else None
            if class_type is None or (self._object_info and class_type not in self._object_info):
                return _error("invalid_prompt", f"node {node}: {class_type} does not exist")
        if not targets_of(graph, self._object_info):
            return _error("prompt_no_outputs", "Prompt has no outputs")
        return None

    def _accept(self, prompt_id: str, graph: dict[str, Any], body: dict[str, Any]) -> Prompt:
        extra = dict(body.get("extra_data") or {})
        if "client_id" in body:
            extra["client_id"] = body["client_id"]
        targets = targets_of(graph, self._object_info)
        prompt = Prompt(prompt_id, self._numbers, graph, extra, targets, self._clock.now())
        self._numbers += 1
        self._known[prompt_id] = prompt
        self._note(prompt)
        self.pending.append(prompt)
        self._tell_status()
        self._start_next()
        return prompt

    def _start_next(self) -> None:
        if self.running is not None or not self.pending:
            return
        prompt = self.running = self.pending.popleft()
        prompt.started_at = self._clock.now()
        self._say(prompt, "execution_start", {}, is_kept=True)
        self._say(prompt, "execution_cached", {"nodes": []}, is_kept=True)
        node = prompt.first_node
        self._say(prompt, "executing", {"node": node, "display_node": node})
        self._step(prompt, 1, self._seconds() / STEPS)

    def _step(self, prompt: Prompt, step: int, seconds: float) -> None:
        self._timer = self._clock.call_later(seconds, lambda: self._after(prompt, step, seconds))

    def _after(self, prompt: Prompt, step: int, seconds: float) -> None:
        told = {"value": step, "max": STEPS, "node": prompt.first_node}
        self._say(prompt, "progress", told)
        if step < STEPS:
            self._step(prompt, step + 1, seconds)
            return
        for node in prompt.targets:
            prefix = str(prompt.graph[node].get("inputs", {}).get("filename_prefix", ""))
            self._files[prefix] += 1
            output = output_of(prompt.graph[node], self._files[prefix])
            prompt.outputs[node] = output
            self._say(prompt, "executed", {"node": node, "display_node": node, "output": output})
        self._finish(prompt, "success", "execution_success", {})

    def _finish(self, prompt: Prompt, outcome: str, event: str, said: dict[str, Any]) -> None:
        prompt.outcome, prompt.ended_at = outcome, self._clock.now()
        self._say(prompt, event, said, is_kept=True)
        self.history[prompt.id] = prompt
        self.running = None
        self._say(prompt, "executing", {"node": None})
        self._tell_status()
        self._start_next()

    def _forget(self, prompt_id: str) -> None:
        self._known.pop(prompt_id, None)

    def _say(
        self, prompt: Prompt, event: str, data: dict[str, Any], *, is_kept: bool = False
    ) -> None:
        """Tell the prompt's client, and keep what the history shows."""
        data = {**data, "prompt_id": prompt.id}
        if is_kept:
            data["timestamp"] = int(self._clock.now() * 1000)
            prompt.messages.append((event, data))
        socket = self.sockets.get(prompt.client_id or "")
        if socket is not None:
            socket.put_nowait(_message(event, data))

    def _tell_status(self) -> None:
        if self.sockets:
            info = {"exec_info": {"queue_remaining": self.remaining()}}
            text = _message("status", {"status": info})
            for socket in self.sockets.values():
                socket.put_nowait(text)


def _message(event: str, data: dict[str, Any]) -> str:
    return json.dumps({"type": event, "data": data})


def _error(kind: str, message: str) -> dict[str, Any]:
    return {"type": kind, "message": message, "details": message, "extra_info": {}}
