"""The lever box: rotate keys and break the issuer on command, so that outages can be rehearsed.

Every command needs the bearer secret of the data directory (`control.secret`): the sign-in page is
open to any program on this machine, its levers are not.
"""

import asyncio
import hmac
import json
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, PlainTextResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send

from simulators.oidc.errors import OAuthError
from simulators.oidc.keys import KeyRing

PREFIX = "/simulator/"
_OVERSIZED = 4 * 1024 * 1024


class FaultMode(StrEnum):
    """How every endpoint but the levers misbehaves."""

    NONE = "none"
    UNAVAILABLE = "unavailable"
    """503, as behind a load balancer without servers."""
    HTML = "html"
    """200 with a web page, as from a captive portal."""
    OVERSIZED = "oversized"
    """200 with 4 MiB of JSON."""
    HANG = "hang"
    """No answer until the mode changes."""


@dataclass
class Faults:
    """The present mode. A restart forgets it."""

    mode: FaultMode = FaultMode.NONE
    delay_seconds: float = 0.0

    def __post_init__(self) -> None:
        self._changed = asyncio.Event()

    def set(self, mode: FaultMode, delay_seconds: float) -> None:
        """Change the mode and let go of every request that hangs."""
        self.mode, self.delay_seconds = mode, delay_seconds
        self._changed.set()
        self._changed = asyncio.Event()

    async def reply(self) -> Response | None:
        """What to answer instead of the truth; None for the truth."""
        if self.delay_seconds:
            await asyncio.sleep(self.delay_seconds)
        while self.mode is FaultMode.HANG:
            await self._changed.wait()
        match self.mode:
            case FaultMode.UNAVAILABLE:
                return PlainTextResponse("upstream connect error", 503)
            case FaultMode.HTML:
                return HTMLResponse("<!doctype html><title>Welcome to the hotel</title>")
            case FaultMode.OVERSIZED:
                return JSONResponse({"keys": [], "padding": "x" * _OVERSIZED})
            case _:
                return None


class FaultMiddleware:
    """Puts the faults in front of everything but the levers."""

    def __init__(self, app: ASGIApp, faults: Faults) -> None:
        self._app = app
        self._faults = faults

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer with the fault of the moment, or pass the request on."""
        app = self._app
        if scope["type"] == "http" and not scope["path"].startswith(PREFIX):
            app = await self._faults.reply() or app
        await app(scope, receive, send)


class ControlEndpoints:
    """`POST /simulator/rotate` and `POST /simulator/faults`."""

    def __init__(self, keys: KeyRing, faults: Faults, secret: str) -> None:
        self._keys = keys
        self._faults = faults
        self._secret = secret

    async def rotate(self, request: Request) -> JSONResponse:
        """Sign with a new key. Body: `{"keep_previous": true}`, the default."""
        body = await self._body(request)
        keep_previous = body.get("keep_previous", True)
        if set(body) - {"keep_previous"} or not isinstance(keep_previous, bool):
            raise OAuthError("invalid_request", 'Send {"keep_previous": true or false}.', 422)
        # Finding two primes takes a tenth of a second: not on the event loop.
        kid = await asyncio.to_thread(self._keys.rotate, keep_previous=keep_previous)
        return JSONResponse({"kid": kid})

    async def set_faults(self, request: Request) -> JSONResponse:
        """Change the fault mode. Body: `{"mode": "html", "delay_seconds": 0}`; `{}` heals."""
        body = await self._body(request)
        delay = body.get("delay_seconds", 0)
        try:
            mode = FaultMode(body.get("mode", "none"))
            if set(body) - {"mode", "delay_seconds"} or isinstance(delay, bool):
                raise ValueError("unknown member")
            if not isinstance(delay, int | float) or not 0 <= delay <= 60:
                raise ValueError("delay out of range")
        except ValueError as error:
            words = f"mode is one of {', '.join(FaultMode)}; delay_seconds is 0 to 60."
            raise OAuthError("invalid_request", words, 422) from error
        self._faults.set(mode, float(delay))
        return JSONResponse({"mode": mode, "delay_seconds": delay})

    async def _body(self, request: Request) -> dict[str, Any]:
        expected = f"Bearer {self._secret}".encode()
        if not hmac.compare_digest(request.headers.get("authorization", "").encode(), expected):
            raise OAuthError("invalid_token", "Send the bearer secret of control.secret.", 401)
        raw = await request.body()
        try:
            body = json.loads(raw) if raw else {}
        except ValueError as error:
            raise OAuthError("invalid_request", "The body is not JSON.", 422) from error
        if not isinstance(body, dict):
            raise OAuthError("invalid_request", "The body is not a JSON object.", 422)
        return body
