"""What is sent back, and what is kept of it under an idempotency key."""

from __future__ import annotations

import json
from dataclasses import dataclass, field

from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from simulators.common.asgi import break_off
from simulators.stripe.account.book import Thing
from simulators.stripe.account.refusal import Refusal


@dataclass(frozen=True)
class Answer:
    """A status and a body, with headers of its own.

    Attributes:
        status: HTTP status.
        body: JSON text.
        headers: Beside those that every answer has.
        outcome: What the log of requests says about it.
    """

    status: int
    body: str
    outcome: str = "done"
    headers: dict[str, str] = field(default_factory=dict)

    @classmethod
    def of_thing(cls, thing: Thing) -> Answer:
        """What was asked for."""
        return cls(200, json.dumps(thing, indent=2))

    @classmethod
    def of_refusal(cls, refusal: Refusal, outcome: str = "refused") -> Answer:
        """Why not."""
        body = json.dumps(refusal.as_json(), indent=2)
        return cls(refusal.status, body, outcome, refusal.headers)


class BrokenOff(Response):
    """No answer: the client reads "connection reset"."""

    async def __call__(self, scope: Scope, receive: Receive, _: Send) -> None:
        """Break the connection."""
        await break_off(scope, receive)


def response(request: Request, answer: Answer, request_id: str, version: str) -> Response:
    """An answer with the headers that the SDK reads."""
    headers = {
        "Content-Type": "application/json",
        "Cache-Control": "no-cache, no-store",
        "Request-Id": request_id,
        "Stripe-Version": version,
        **answer.headers,
    }
    key = request.headers.get("idempotency-key")
    if key is not None:
        headers["Idempotency-Key"] = key
    return Response(answer.body, answer.status, headers)
