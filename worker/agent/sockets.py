"""ComfyUI's websocket, passed on both ways."""

import asyncio
import contextlib
import re

import structlog
from starlette.websockets import WebSocket, WebSocketDisconnect, WebSocketState

from rekindle.errors import ComfyUnavailable, InvalidRequest, NotFound
from rekindle.ports.relay import ComfyRelay, RelaySocket
from worker.agent.problems import problem_response
from worker.agent.watch import ComfyWatch

_LOG = structlog.get_logger(__name__)
_CLIENT_ID = re.compile(r"[A-Za-z0-9._-]{1,100}")
_MOST_WAITING = 256
_SERVICE_RESTART = 1012
_TRY_AGAIN_LATER = 1013
_CLOSE_SECONDS = 2.0


class SocketDoor:
    """Lets clients listen to ComfyUI. What it says is a hint, never the truth."""

    def __init__(self, relay: ComfyRelay, watch: ComfyWatch) -> None:
        """Pass on through `relay`; every message is shown to `watch`."""
        self._relay = relay
        self._watch = watch

    async def serve(self, client: WebSocket) -> None:
        """Pass on until one of the two leaves; refused with a status before it is accepted."""
        client_id = client.query_params.get("clientId", "")
        if not _CLIENT_ID.fullmatch(client_id):
            await client.send_denial_response(problem_response(InvalidRequest("no clientId")))
            return
        try:
            async with self._relay.socket(client_id) as server:
                await client.accept()
                await self._between(client, server)
        except ComfyUnavailable as error:
            if client.client_state is WebSocketState.CONNECTING:
                await client.send_denial_response(problem_response(error))

    async def _between(self, client: WebSocket, server: RelaySocket) -> None:
        waiting: asyncio.Queue[str | bytes | None] = asyncio.Queue(_MOST_WAITING)
        too_slow = asyncio.Event()
        listening = asyncio.create_task(self._listen(server, waiting, too_slow))
        ends = [
            asyncio.create_task(_tell(client, waiting)),
            asyncio.create_task(_pass_up(client, server)),
            asyncio.create_task(too_slow.wait()),
        ]
        try:
            await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in (listening, *ends):
                task.cancel()
            await asyncio.gather(listening, *ends, return_exceptions=True)
        await _close(client, _TRY_AGAIN_LATER if too_slow.is_set() else _SERVICE_RESTART)

    async def _listen(
        self,
        server: RelaySocket,
        waiting: asyncio.Queue[str | bytes | None],
        too_slow: asyncio.Event,
    ) -> None:
        """Read on whatever the client does: one slow listener makes ComfyUI wait with all."""
        async for message in server.messages():
            self._watch.heard(message)
            if waiting.full():
                _LOG.info("socket_client_too_slow")
                too_slow.set()
                return
            waiting.put_nowait(message)
        await waiting.put(None)


async def _tell(client: WebSocket, waiting: asyncio.Queue[str | bytes | None]) -> None:
    """Hand messages over until ComfyUI has left."""
    while (message := await waiting.get()) is not None:
        if isinstance(message, bytes):
            await client.send_bytes(message)
        else:
            await client.send_text(message)


async def _pass_up(client: WebSocket, server: RelaySocket) -> None:
    while (message := await client.receive())["type"] != "websocket.disconnect":
        said = message.get("text")
        await server.send(said if said is not None else message["bytes"])


async def _close(client: WebSocket, code: int) -> None:
    """End it, if the client has not done so first."""
    with contextlib.suppress(WebSocketDisconnect, RuntimeError, TimeoutError):
        async with asyncio.timeout(_CLOSE_SECONDS):
            await client.close(code)


async def no_such_socket(client: WebSocket) -> None:
    """Answers for every other path."""
    await client.send_denial_response(problem_response(NotFound()))
