"""A stream as an HTTP answer that never ends by itself."""

import asyncio

import structlog
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from api.events.stream import EventStream

_LOG = structlog.get_logger(__name__)

MEDIA_TYPE = "text/event-stream"
_PATIENCE_SECONDS = 30.0
"""How long one piece may wait for a client that does not read, with all buffers full."""

_HEADERS = {
    "Cache-Control": "no-store",
    "X-Accel-Buffering": "no",  # nginx would collect events before it hands them on
}


class EventStreamResponse(Response):
    """Sends a stream until it ends, its client goes, or its client stops reading."""

    media_type = MEDIA_TYPE

    def __init__(self, stream: EventStream, *, patience_seconds: float = _PATIENCE_SECONDS) -> None:
        """Answer with a stream; there is no body of known length, as `Response` would have it.

        Args:
            stream: not opened yet.
            patience_seconds: a client that takes nothing for so long is given up.
        """
        self._stream = stream
        self._patience_seconds = patience_seconds
        self.status_code = 200
        self.background = None
        self.init_headers(_HEADERS)

    async def __call__(self, _scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request."""
        async with self._stream.opened():
            watch = asyncio.create_task(self._leave_with_client(receive))
            try:
                await self._send(send)
            finally:
                watch.cancel()
                await asyncio.gather(watch, return_exceptions=True)

    async def _leave_with_client(self, receive: Receive) -> None:
        try:
            while (await receive())["type"] != "http.disconnect":
                pass  # a body, which nobody asked for
        finally:
            self._stream.leave()

    async def _send(self, send: Send) -> None:
        async def write(content: bytes) -> None:
            async with asyncio.timeout(self._patience_seconds):
                await send({"type": "http.response.body", "body": content, "more_body": True})

        await send({"type": "http.response.start", "status": 200, "headers": self.raw_headers})
        try:
            await self._stream.run(write)
            await send({"type": "http.response.body", "body": b"", "more_body": False})
        except TimeoutError:  # without the last piece the server closes the connection
            _LOG.info("an event stream's client stopped reading")
        except OSError:
            _LOG.debug("an event stream's client went away")
