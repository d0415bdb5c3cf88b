"""What every ``/v2`` request passes: the key, the rate limit, planned refusals."""

from __future__ import annotations

import math
from collections.abc import Mapping

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from simulators.common.asgi import PROBLEM_JSON, json_bytes, reply
from simulators.runpod.problem import Problem
from simulators.runpod.wire.caller import CALLER, Doorkeeper
from simulators.runpod.wire.misfortune import PLANNED_429
from simulators.runpod.wire.rate_limit import RateLimit, too_many


class Gate:
    """Lets callers with a key through, and adds rate limit headers to every reply."""

    def __init__(self, app: ASGIApp, doorkeeper: Doorkeeper, limit: RateLimit) -> None:
        self._app = app
        self._doorkeeper = doorkeeper
        self._limit = limit

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request of the API."""
        fields = dict(scope["headers"])
        try:
            caller = self._doorkeeper.identify(fields.get(b"authorization"))
        except Problem as problem:
            await send_problem(send, problem)
            return
        headers, refusal = self._limit.count(caller.key)
        planned: float | None = scope.get(PLANNED_429)
        if planned is not None:
            refusal = too_many("minute", max(1, math.ceil(planned)))
        if refusal is not None:
            await send_problem(send, refusal, headers)
            return
        extra = [(name.lower().encode(), value.encode()) for name, value in headers.items()]

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                message = {**message, "headers": [*message["headers"], *extra]}
            await send(message)

        await self._app({**scope, CALLER: caller}, receive, send_with_headers)


async def send_problem(
    send: Send, problem: Problem, headers: Mapping[str, str] | None = None
) -> None:
    """Send a refusal."""
    fields = {**problem.headers, **(headers or {})}
    encoded = [(name.lower().encode(), value.encode()) for name, value in fields.items()]
    await reply(send, problem.status, json_bytes(problem.as_json()), PROBLEM_JSON, encoded)
