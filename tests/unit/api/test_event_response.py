"""The stream as an answer: who may leave it, and how it ends."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest

from api.events.response import EventStreamResponse
from rekindle.errors import DatabaseUnavailable


class Stream:
    """Writes pieces until somebody leaves; notes whether it was closed."""

    def __init__(self, *pieces: bytes, failure: Exception | None = None) -> None:
        self._pieces, self._failure = pieces, failure
        self._left = asyncio.Event()
        self.closed = False

    @asynccontextmanager
    async def opened(self) -> AsyncIterator[None]:
        if self._failure:
            raise self._failure
        try:
            yield
        finally:
            self.closed = True

    async def run(self, write: Callable[[bytes], Awaitable[None]]) -> None:
        for piece in self._pieces:
            await write(piece)
        await self._left.wait()

    def leave(self) -> None:
        self._left.set()


async def answer(
    stream: Any, send: Callable[[Any], Awaitable[None]], *, gone: asyncio.Event
) -> None:
    async def receive() -> Any:
        if not stream.asked_for_body:
            stream.asked_for_body = True
            return {"type": "http.request", "body": b"", "more_body": False}
        await gone.wait()
        return {"type": "http.disconnect"}

    stream.asked_for_body = False
    async with asyncio.timeout(5):
        await EventStreamResponse(stream, patience_seconds=0.02)({}, receive, send)


async def test_a_client_that_goes_ends_the_stream() -> None:
    stream, gone, sent = Stream(b"one", b"two"), asyncio.Event(), []

    async def send(message: Any) -> None:
        sent.append(message)
        if message.get("body") == b"two":
            gone.set()

    await answer(stream, send, gone=gone)
    assert sent[0]["status"] == 200
    assert [(each["body"], each["more_body"]) for each in sent[1:]] == [
        (b"one", True),
        (b"two", True),
        (b"", False),
    ]
    assert stream.closed


async def test_a_client_that_stops_reading_is_given_up() -> None:
    """Without its last piece the answer is broken off, and the server closes the connection."""
    stream, sent = Stream(b"one", b"two"), []

    async def send(message: Any) -> None:
        if message.get("body") == b"two":
            await asyncio.Event().wait()
        sent.append(message)

    await answer(stream, send, gone=asyncio.Event())
    assert [each.get("body") for each in sent] == [None, b"one"]
    assert stream.closed


async def test_a_broken_connection_is_no_failure() -> None:
    stream = Stream(b"one")

    async def send(message: Any) -> None:
        if message["type"] == "http.response.body":
            raise ConnectionResetError

    await answer(stream, send, gone=asyncio.Event())
    assert stream.closed


async def test_what_fails_before_the_first_byte_can_still_be_answered() -> None:
    sent = []

    async def send(message: Any) -> None:
        sent.append(message)

    with pytest.raises(DatabaseUnavailable):
        await answer(Stream(failure=DatabaseUnavailable()), send, gone=asyncio.Event())
    assert sent == []


def test_headers_say_that_it_is_a_stream_and_has_no_length() -> None:
    stream: Any = None
    headers = EventStreamResponse(stream).headers
    assert headers["content-type"].startswith("text/event-stream")
    assert (headers["cache-control"], headers["x-accel-buffering"]) == ("no-store", "no")
    assert "content-length" not in headers
