"""Requests that go wrong on script: late, refused, reset, or done without an answer."""

from __future__ import annotations

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from simulators.common.asgi import PROBLEM_JSON, break_off, closing, json_bytes, reply
from simulators.common.clock import Clock
from simulators.runpod.cloud.faults import Fault, FaultKind
from simulators.runpod.cloud.injector import FaultInjector
from simulators.runpod.problem import Problem

PLANNED_429 = "simulator.planned_429"
_DEFAULT_RETRY = 12.0  # seconds, as in the vendor's example


class Misfortune:
    """Applies the faults of the plan that name a route."""

    def __init__(self, app: ASGIApp, faults: FaultInjector, clock: Clock) -> None:
        self._app = app
        self._faults = faults
        self._clock = clock

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve a request, or have it fail as planned."""
        fault = None
        if scope["type"] == "http" and not scope["path"].startswith("/simulator/"):
            fault = self._faults.of_request(scope["method"], scope["path"])
        if fault is None:
            await self._app(scope, receive, send)
        else:
            await self._go_wrong(fault, scope, receive, send)

    async def _go_wrong(self, fault: Fault, scope: Scope, receive: Receive, send: Send) -> None:
        if fault.kind is FaultKind.SLOW:
            await self._clock.sleep(fault.seconds or 0.0)
            await self._app(scope, receive, send)
        elif fault.kind is FaultKind.RATE_LIMITED:
            wait = _DEFAULT_RETRY if fault.seconds is None else fault.seconds
            await self._app({**scope, PLANNED_429: wait}, receive, send)
        elif fault.kind is FaultKind.SERVER_ERROR:
            await _send_error(fault, scope, send)
        elif fault.kind is FaultKind.ERROR_AFTER:
            await self._app(scope, receive, _swallow)
            await _send_error(fault, scope, send)
        else:
            if fault.kind is FaultKind.LOST_REPLY:
                await self._app(scope, receive, _swallow)
            await break_off(scope, receive)


async def _send_error(fault: Fault, scope: Scope, send: Send) -> None:
    problem = Problem(fault.status_code or 500, "an unexpected error occurred")
    body, headers = json_bytes(problem.as_json()), closing(scope)
    await reply(send, problem.status, body, PROBLEM_JSON, headers)


async def _swallow(_: Message) -> None:
    """Send a reply nowhere."""
