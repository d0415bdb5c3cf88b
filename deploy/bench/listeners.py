"""Clients of event streams that do little else than note when an event came."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Self
from urllib.parse import urlsplit


class Listener:
    """One open event stream.

    It reads HTTP by itself: a hundred full clients in one process would measure themselves.
    """

    def __init__(self, reader: asyncio.StreamReader) -> None:
        """Use `listeners` instead."""
        self._reader = reader

    async def hears(self) -> float:
        """`time.monotonic()` at which the next event had come.

        Raises:
            ConnectionError: the stream ended.
        """
        while line := await self._reader.readline():
            if line.startswith(b"id: "):  # the last line of each of our events
                return time.monotonic()
        raise ConnectionError("the stream of events ended")

    async def opens(self) -> Self:
        """Wait for the answer and for the first event, which says how the job stands.

        Raises:
            ConnectionError: the API refused, or the stream ended.
        """
        answer = await self._reader.readline()
        if b" 200 " not in answer:
            raise ConnectionError(f"no stream of events: {answer.decode(errors='replace')}")
        await self.hears()
        return self


@asynccontextmanager
async def listeners(api: str, path: str, token: str, count: int) -> AsyncIterator[list[Listener]]:
    """Open streams, each over a connection of its own, until the block ends.

    Args:
        api: `http://host:port`.
        path: of the stream.
        token: who listens.
        count: how many.
    """
    address = urlsplit(api)
    request = (
        f"GET {path} HTTP/1.1\r\nHost: {address.netloc}\r\nAuthorization: Bearer {token}\r\n"
        "Accept: text/event-stream\r\n\r\n"
    ).encode()
    async with AsyncExitStack() as stack:
        opened = []
        for _ in range(count):
            reader, writer = await asyncio.open_connection(address.hostname, address.port)
            stack.push_async_callback(_close, writer)
            writer.write(request)
            opened.append(Listener(reader))
        yield list(await asyncio.gather(*(listener.opens() for listener in opened)))


async def _close(writer: asyncio.StreamWriter) -> None:
    writer.close()
    await writer.wait_closed()
