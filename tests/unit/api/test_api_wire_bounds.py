"""What comes before a body is bounded too: its size, and how long it may take (SEC-U2)."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest

from api.app import create_app
from api.http_protocol import LARGEST_HEAD, BoundedHttpProtocol
from api.server import Server

Wire = tuple[asyncio.StreamReader, asyncio.StreamWriter]
GET = b"GET /nothing HTTP/1.1\r\nHost: x\r\n"


class Hasty(BoundedHttpProtocol):
    """Waits for headers a moment only."""

    head_seconds = 1.0


@pytest.fixture
def protocol() -> type[BoundedHttpProtocol]:
    return BoundedHttpProtocol


@pytest.fixture
async def port(
    protocol: type[BoundedHttpProtocol], world: Any, make_settings: Any
) -> AsyncIterator[int]:
    """Where a server listens."""
    server = Server(create_app(make_settings(), open_ports=world.open), host="127.0.0.1", port=0)
    server.config.http = protocol
    task = asyncio.create_task(server.serve())
    async with asyncio.timeout(120):
        while not server.started:
            await asyncio.sleep(0.01)
    yield server.servers[0].sockets[0].getsockname()[1]
    server.should_exit = True
    async with asyncio.timeout(120):
        await task


async def answers(port: int, *pieces: bytes) -> bytes:
    """Everything that comes back until the server closes."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        for piece in pieces:
            writer.write(piece)
            await writer.drain()
        async with asyncio.timeout(60):
            return await reader.read()
    except ConnectionError:
        return b""
    finally:
        writer.close()


def end(size: int) -> bytes:
    return b"A: " + b"x" * size + b"\r\nConnection: close\r\n\r\n"


async def test_headers_of_usual_size_are_read(port: int) -> None:
    assert (await answers(port, GET, end(8000))).startswith(b"HTTP/1.1 404")


async def test_headers_that_are_too_large_are_refused_unread(port: int) -> None:
    """Told, or cut off while the rest was still being sent."""
    piece = b"x" * (LARGEST_HEAD // 2)
    got = await answers(port, GET + b"A: ", *[piece] * 8)
    assert got == b"" or got.startswith(b"HTTP/1.1 431")


async def test_an_address_that_is_too_long_is_refused(port: int) -> None:
    got = await answers(port, b"GET /", *[b"x" * (LARGEST_HEAD // 2)] * 8)
    assert got == b"" or got.startswith(b"HTTP/1.1 431")


async def test_headers_without_end_are_too_large_on_a_used_connection_as_well(port: int) -> None:
    got = await answers(port, GET + b"\r\n", GET, *[b"A: " + b"x" * 30_000 + b"\r\n"] * 8)
    assert got == b"" or got.startswith(b"HTTP/1.1 404")
    assert b"HTTP/1.1 200" not in got


async def test_a_body_is_not_counted_as_headers(port: int) -> None:
    head = b"POST /nothing HTTP/1.1\r\nHost: x\r\nConnection: close\r\n"
    got = await answers(port, head + b"Content-Length: 200000\r\n\r\n" + b"x" * 200_000)
    assert got.startswith(b"HTTP/1.1 404")


@pytest.mark.parametrize("protocol", [Hasty], ids=["hasty"])
@pytest.mark.parametrize("begun", [b"", b"GET / HT", GET, GET + b"A: b\r\n"], ids=range(4))
async def test_headers_that_do_not_arrive_in_time_end_the_connection(
    begun: bytes, port: int
) -> None:
    got = await answers(port, begun)
    assert got == b"" or got.startswith(b"HTTP/1.1 408")


@pytest.mark.parametrize("protocol", [Hasty], ids=["hasty"])
async def test_so_do_those_of_a_later_request(port: int) -> None:
    got = await answers(port, GET + b"\r\n", GET)
    assert got == b"" or b"HTTP/1.1 408" in got


async def test_many_requests_on_one_connection_are_answered(port: int) -> None:
    """More than the bound in all: each is counted for itself."""
    request = GET + b"A: " + b"x" * 9000 + b"\r\n\r\n"
    last = GET + b"Connection: close\r\n\r\n"
    got = await answers(port, *[request] * 20, last)
    assert got.count(b"HTTP/1.1 404") == 21
