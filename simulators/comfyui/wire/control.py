"""Routes that ComfyUI does not have: the fault plan and the prompt ledger."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response

from simulators.comfyui.engine.engine import Engine
from simulators.comfyui.engine.faults import FaultPlan
from simulators.comfyui.wire.replies import json_reply, read_json


class ControlRoutes:
    """Handlers over one engine, all below ``/simulator``."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    async def get_faults(self, _: Request) -> Response:
        """The plan in force."""
        return json_reply(self._engine.faults.plan.as_json())

    async def post_faults(self, request: Request) -> Response:
        """Put a whole new plan in force; a running delay follows it at once."""
        try:
            plan = FaultPlan.parse(await read_json(request))
        except ValueError as problem:
            return json_reply({"error": str(problem)}, 400)
        return json_reply(self._engine.faults.use(plan).as_json())

    async def delete_faults(self, _: Request) -> Response:
        """Go back to the plan the process was started with."""
        return json_reply(self._engine.faults.use(None).as_json())

    async def get_ledger(self, request: Request) -> Response:
        """Every run of every prompt, or only those of ``?prompt_id=``."""
        runs = self._engine.ledger.runs()
        asked = request.query_params.get("prompt_id")
        if asked is not None:
            runs = [run for run in runs if run["prompt_id"] == asked]
        return json_reply({"boots": self._engine.ledger.boots, "runs": runs})
