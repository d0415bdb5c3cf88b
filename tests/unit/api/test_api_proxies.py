"""Whose word counts for where a request comes from: the peer's address, or a trusted proxy's."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any

import httpx
import pytest

from api.app import create_app
from api.server import Server

GRAPHS = "/api/v1/graphs"
Running = Callable[..., AbstractAsyncContextManager[httpx.AsyncClient]]


@pytest.fixture
def running(world: Any, make_settings: Any) -> Running:
    """A client of a server on a port, where all users of an address may read once an hour."""

    @asynccontextmanager
    async def serve(*trusted: str, **changed: Any) -> AsyncIterator[httpx.AsyncClient]:
        limits = {"rate_limit_reads": "1/hour", "rate_limit_address_factor": 1}
        settings = make_settings(trusted_proxies=trusted, **{**limits, **changed})
        server = Server(create_app(settings, open_ports=world.open), host="127.0.0.1", port=0)
        task = asyncio.create_task(server.serve())
        try:
            async with asyncio.timeout(120):
                while not server.started:
                    await asyncio.sleep(0.01)
            port = server.servers[0].sockets[0].getsockname()[1]
            async with httpx.AsyncClient(
                base_url=f"http://127.0.0.1:{port}",
                headers={"Authorization": "Bearer bad"},
                trust_env=False,
                timeout=60,
            ) as http:
                yield http
        finally:
            server.should_exit = True
            async with asyncio.timeout(120):
                await task

    return serve


async def statuses(http: httpx.AsyncClient, *said: str) -> list[int]:
    """Of requests that come, it is said, from there; nobody has a good token."""
    return [(await http.get(GRAPHS, headers={"X-Forwarded-For": x})).status_code for x in said]


async def test_nobody_is_believed_by_default(running: Running) -> None:
    async with running() as http:
        assert await statuses(http, "192.0.2.1", "192.0.2.2") == [401, 429]
        forged = await http.get("/nothing", headers={"X-Forwarded-Proto": "https"})
    assert "strict-transport-security" not in forged.headers


@pytest.mark.parametrize("proxy", ["127.0.0.1", "127.0.0.0/8"])
async def test_a_trusted_proxy_is_believed(proxy: str, running: Running) -> None:
    async with running(proxy) as http:
        assert await statuses(http, "192.0.2.1", "192.0.2.2", "192.0.2.1") == [401, 401, 429]
        over_https = await http.get("/nothing", headers={"X-Forwarded-Proto": "https"})
    assert "strict-transport-security" in over_https.headers


async def test_what_a_client_told_its_proxy_is_not_believed(running: Running) -> None:
    """The proxy appends whom it sees; what stands before that is the client's own word."""
    async with running("127.0.0.1") as http:
        said = ("198.51.100.1, 192.0.2.1", "198.51.100.2, 192.0.2.1")
        assert await statuses(http, *said) == [401, 429]


async def test_another_proxy_is_not_believed(running: Running) -> None:
    async with running("192.0.2.0/24") as http:
        assert await statuses(http, "198.51.100.1", "198.51.100.2") == [401, 429]


async def test_nonsense_is_an_address_like_any_other(running: Running) -> None:
    async with running("127.0.0.1") as http:
        for said in ("", "no address", "," * 100, "x" * 4000):
            assert (await statuses(http, said))[0] in (401, 429)
