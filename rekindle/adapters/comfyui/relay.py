"""The wire as it is, passed on in pieces: what the on-pod agent reaches its ComfyUI with."""

import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import quote, urlencode

import httpx
from websockets.asyncio.client import ClientConnection
from websockets.exceptions import ConnectionClosed, WebSocketException

from rekindle.adapters.comfyui.socket import Connecting
from rekindle.errors import ComfyUnavailable
from rekindle.ports.relay import RelayReply, RelayRequest, WholeReply

_CHUNK = 1 << 16
_LARGEST_MESSAGE = 16 << 20
_LARGEST_LOOKUP = 64 << 20
_ABOUT_THE_CONTENT = (
    "accept-ranges",
    "content-disposition",
    "content-encoding",
    "content-length",
    "content-range",
    "content-type",
    "etag",
    "last-modified",
)


class HttpComfyRelay:
    """One ComfyUI on this machine (`ports.relay.ComfyRelay`)."""

    def __init__(self, url: str, *, timeout: float) -> None:
        """Prepare; nothing is requested yet.

        Args:
            url: base address.
            timeout: longest pause in a reply, seconds.
        """
        self._url = url.rstrip("/")
        self._http = httpx.AsyncClient(
            base_url=self._url,
            timeout=httpx.Timeout(timeout, connect=5.0),
            trust_env=False,  # a proxy of the environment is for the world outside
        )

    @asynccontextmanager
    async def open(self, asked: RelayRequest) -> AsyncIterator[RelayReply]:
        """See `ComfyRelay.open`."""
        request = self._http.build_request(
            asked.method,
            asked.path,
            params=asked.query or None,
            headers={"accept-encoding": "identity", **asked.headers},
            content=asked.body,
        )
        try:
            reply = await self._http.send(request, stream=True)
        except httpx.TransportError as error:
            raise ComfyUnavailable(repr(error)) from error
        try:
            yield RelayReply(reply.status_code, _about_content(reply.headers), _pieces(reply))
        finally:
            await reply.aclose()

    async def exchange(self, asked: RelayRequest, *, max_bytes: int) -> WholeReply:
        """See `ComfyRelay.exchange`."""
        async with self.open(asked) as reply:
            body = bytearray()
            async for piece in reply.body:
                body += piece
                if len(body) > max_bytes:
                    raise ComfyUnavailable(f"{asked.path}: more than {max_bytes} bytes")
            media_type = reply.headers.get("content-type", "application/octet-stream")
            return WholeReply(reply.status, media_type, bytes(body))

    async def number_of(self, prompt_id: str) -> float | None:
        """See `ComfyRelay.number_of`."""
        queue = await self._read("/queue")
        for item in (*queue["queue_running"], *queue["queue_pending"]):
            if item[1] == prompt_id:
                return float(item[0])
        entry = (await self._read(f"/history/{quote(prompt_id, safe='')}")).get(prompt_id)
        return None if entry is None else float(entry["prompt"][0])

    async def _read(self, path: str) -> Mapping[str, Any]:
        reply = await self.exchange(RelayRequest("GET", path), max_bytes=_LARGEST_LOOKUP)
        try:
            return dict(json.loads(reply.body))
        except ValueError as error:
            raise ComfyUnavailable(f"{path}: HTTP {reply.status}, not an object") from error

    @asynccontextmanager
    async def socket(self, client_id: str) -> AsyncIterator["OpenSocket"]:
        """See `ComfyRelay.socket`."""
        address = (
            "ws" + self._url.removeprefix("http") + "/ws?" + urlencode({"clientId": client_id})
        )
        connecting = Connecting(
            address,
            compression=None,
            open_timeout=5,
            close_timeout=1,
            ping_interval=None,  # a ComfyUI that loads a model answers no ping for a minute
            max_size=_LARGEST_MESSAGE,
            proxy=None,
        )
        try:
            socket = await connecting
        except (OSError, TimeoutError, WebSocketException) as error:
            raise ComfyUnavailable(repr(error)) from error
        try:
            yield OpenSocket(socket)
        finally:
            await socket.close()

    async def close(self) -> None:
        """Close the connections."""
        await self._http.aclose()


class OpenSocket:
    """A websocket that is open (`ports.relay.RelaySocket`)."""

    def __init__(self, socket: ClientConnection) -> None:
        """Use this connection."""
        self._socket = socket

    async def messages(self) -> AsyncIterator[str | bytes]:
        """See `RelaySocket.messages`."""
        while True:
            try:
                message = await self._socket.recv()
            except ConnectionClosed:
                return
            yield message

    async def send(self, message: str | bytes) -> None:
        """See `RelaySocket.send`."""
        try:
            await self._socket.send(message)
        except ConnectionClosed:
            return


def _about_content(headers: httpx.Headers) -> dict[str, str]:
    return {name: headers[name] for name in _ABOUT_THE_CONTENT if name in headers}


async def _pieces(reply: httpx.Response) -> AsyncIterator[bytes]:
    try:
        async for piece in reply.aiter_raw(_CHUNK):
            yield piece
    except httpx.TransportError as error:
        raise ComfyUnavailable(repr(error)) from error
