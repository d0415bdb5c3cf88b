"""The last catch: what nobody expected becomes a plain 500, and a log line that tells all."""

import structlog
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.problems import problem_response
from rekindle.errors import PlatformError

_LOG = structlog.get_logger(__name__)


class FailureBoundary:
    """Answers for an application that raised.

    Starlette's own catch-all lies outside of all middleware, where its answer would get neither
    request id nor security headers.
    """

    def __init__(self, app: ASGIApp) -> None:
        """Stand around `app`."""
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        started = False

        async def watched(message: Message) -> None:
            nonlocal started
            started = True
            await send(message)

        try:
            await self._app(scope, receive, watched)
        except Exception:
            if started:  # half an answer is out: the server closes the connection
                raise
            _LOG.exception("unexpected error")
            await problem_response(PlatformError(), scope)(scope, receive, send)
