"""`POST /prompt`, idempotent by prompt id, which ComfyUI's own is not."""

import asyncio
import json
from collections import OrderedDict
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

import structlog

from rekindle.ports.relay import ComfyRelay, RelayRequest, WholeReply
from worker.agent.gate import PromptGate
from worker.agent.watch import ComfyWatch

_LOG = structlog.get_logger(__name__)
_JSON = "application/json"
_MOST_REPLIES = 4096
_LARGEST_REPLY = 8 << 20


@dataclass(frozen=True)
class _Taken:
    """A reply of ComfyUI's, and in which of its lives it gave it."""

    reply: WholeReply
    life: int


@dataclass
class _Turn:
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    waiting: int = 0


class PromptDesk:
    """Takes prompts. The same id twice is one prompt, and gets the same reply twice.

    A worker that was frozen may wake and post again, or a reply may be lost after the prompt was
    taken. What this ComfyUI was given once it is not given again, also when the prompt was
    cancelled or forgotten since; a ComfyUI that was started anew remembers nothing, so there the
    same id counts as new. An agent that was started anew looks in queue and history.
    """

    def __init__(self, relay: ComfyRelay, watch: ComfyWatch, gate: PromptGate) -> None:
        """Begin with none taken."""
        self._relay = relay
        self._watch = watch
        self._gate = gate
        self._taken: OrderedDict[str, _Taken] = OrderedDict()
        self._turns: dict[str, _Turn] = {}

    async def post(self, body: bytes) -> WholeReply:
        """Pass a prompt on, unless that has been done.

        Args:
            body: as ComfyUI's `POST /prompt` takes it; its `prompt_id` is a canonical UUID.

        Returns:
            ComfyUI's reply, or a 400 of its form for a body or an id that cannot be.

        Raises:
            ComfyUnavailable: nobody knows whether it was taken: post it again.
        """
        prompt_id = _prompt_id(body)
        if prompt_id is None:
            return _refusal()
        with self._gate.passing():
            async with self._turn(prompt_id):
                return await self._post(prompt_id, body)

    async def _post(self, prompt_id: str, body: bytes) -> WholeReply:
        life = self._watch.life
        taken = self._taken.get(prompt_id)
        if taken is not None and taken.life == life:
            _LOG.info("prompt_repeated", prompt=prompt_id)
            return taken.reply
        number = await self._relay.number_of(prompt_id)
        if number is not None:
            _LOG.info("prompt_known", prompt=prompt_id)
            reply = taken.reply if taken else _acceptance(prompt_id, number)
        else:
            headers = {"content-type": _JSON}
            asked = RelayRequest("POST", "/prompt", headers=headers, body=body)
            reply = await self._relay.exchange(asked, max_bytes=_LARGEST_REPLY)
            _LOG.info("prompt_posted", prompt=prompt_id, status=reply.status)
        if reply.status == 200:
            self._remember(prompt_id, _Taken(reply, life))
        return reply

    def _remember(self, prompt_id: str, taken: _Taken) -> None:
        self._taken[prompt_id] = taken
        self._taken.move_to_end(prompt_id)
        while len(self._taken) > _MOST_REPLIES:
            self._taken.popitem(last=False)

    @asynccontextmanager
    async def _turn(self, prompt_id: str) -> AsyncIterator[None]:
        """One at a time for each id."""
        turn = self._turns.setdefault(prompt_id, _Turn())
        turn.waiting += 1
        try:
            async with turn.lock:
                yield
        finally:
            turn.waiting -= 1
            if not turn.waiting:
                del self._turns[prompt_id]


def _prompt_id(body: bytes) -> str | None:
    """The id in a prompt; None when there is none that ComfyUI of every version keeps as it is."""
    try:
        parsed = json.loads(body)
        given = parsed["prompt_id"]
        return given if str(UUID(given)) == given else None
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return None


def _refusal() -> WholeReply:
    error = {
        "type": "invalid_prompt_id",
        "message": "The body must be JSON with a prompt_id that is a canonical lower-case UUID",
        "details": "",
        "extra_info": {},
    }
    return _json(400, {"error": error, "node_errors": {}})


def _acceptance(prompt_id: str, number: float) -> WholeReply:
    shown = int(number) if number.is_integer() else number
    return _json(200, {"prompt_id": prompt_id, "number": shown, "node_errors": {}})


def _json(status: int, content: Mapping[str, Any]) -> WholeReply:
    return WholeReply(status, _JSON, json.dumps(content).encode())
