"""Routes about prompts: posting, queue, history, interrupting."""

from __future__ import annotations

import json
import time
import uuid
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from simulators.comfyui.engine.engine import Engine
from simulators.comfyui.wire.replies import empty_reply, json_reply, read_json


class PromptRoutes:
    """Handlers over one engine."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    async def post_prompt(self, request: Request) -> Response:
        """Validate and queue a prompt."""
        body = await read_json(request)
        if "prompt" not in body:
            self._engine.number_without_prompt(body)
            return _rejected("no_prompt", "No prompt provided", "No prompt provided")
        if self._engine.options.canonical_ids:
            refused = _settle_as_0_38(body)
            if refused is not None:
                return refused
        verdict, prompt_id, number = self._engine.submit(body)
        if verdict.error is not None:
            refusal = {"error": verdict.error, "node_errors": verdict.node_errors}
            return json_reply(refusal, 400)
        accepted = {"prompt_id": prompt_id, "number": number, "node_errors": verdict.node_errors}
        return json_reply(accepted)

    async def get_prompt(self, _: Request) -> Response:
        """How many prompts run or wait."""
        return json_reply(self._engine.queue_info())

    async def get_queue(self, _: Request) -> Response:
        """The running and the pending prompts."""
        running, pending = self._engine.queue.snapshot()
        return json_reply({"queue_running": running, "queue_pending": pending})

    async def post_queue(self, request: Request) -> Response:
        """Delete pending prompts."""
        body = await read_json(request)
        if body.get("clear"):
            self._engine.queue.clear()
        if "delete" in body:
            for prompt_id in body["delete"]:
                self._engine.queue.delete(prompt_id)
        return empty_reply()

    async def get_history(self, request: Request) -> Response:
        """Finished prompts."""
        asked = request.query_params
        max_items = int(asked["max_items"]) if "max_items" in asked else None
        offset = int(asked["offset"]) if "offset" in asked else -1
        return json_reply(self._engine.queue.history(max_items, offset))

    async def get_history_of(self, request: Request) -> Response:
        """One finished prompt; ``{}`` for anything else."""
        return json_reply(self._engine.queue.history_of(request.path_params["prompt_id"]))

    async def post_history(self, request: Request) -> Response:
        """Forget finished prompts."""
        body = await read_json(request)
        if body.get("clear"):
            self._engine.queue.forget_all()
        if "delete" in body:
            for prompt_id in body["delete"]:
                self._engine.queue.forget(prompt_id)
        return empty_reply()

    async def interrupt(self, request: Request) -> Response:
        """Interrupt the running prompt, whichever it is or only a given one."""
        try:
            body = await read_json(request)
        except json.JSONDecodeError:
            body = {}
        self._engine.interrupt(body.get("prompt_id"))
        return empty_reply()

    async def free(self, request: Request) -> Response:
        """Let go of models and, if asked, of node results."""
        body = await read_json(request)
        for name in ("unload_models", "free_memory"):
            if body.get(name, False):
                self._engine.queue.set_flag(name, body[name])
        return empty_reply()


def _rejected(kind: str, message: str, details: str) -> Response:
    error = {"type": kind, "message": message, "details": details, "extra_info": {}}
    return json_reply({"error": error, "node_errors": {}}, 400)


def _settle_as_0_38(body: dict[str, Any]) -> Response | None:
    """Apply the id rules of 0.38: absent or null is minted, anything else must be canonical."""
    prompt_id = body.get("prompt_id")
    if prompt_id is None:
        body["prompt_id"] = str(uuid.uuid4())
    elif not _is_canonical(prompt_id):
        message = "prompt_id must be a canonical lower-case UUID"
        return _rejected("invalid_prompt_id", message, repr(prompt_id))
    body.setdefault("extra_data", {})["create_time"] = int(time.time() * 1000)
    return None


def _is_canonical(prompt_id: object) -> bool:
    try:
        return isinstance(prompt_id, str) and str(uuid.UUID(prompt_id)) == prompt_id
    except ValueError:
        return False
