"""A pod that points elsewhere: nobody goes there, and nobody takes its token along (SEC-S1)."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from uuid import uuid4

import pytest

from rekindle.adapters.comfyui import ComfyClient
from rekindle.adapters.comfyui.relay import HttpComfyRelay
from rekindle.errors import ComfyUnavailable, RekindleError
from rekindle.ports.comfy import OutputFile
from rekindle.ports.relay import RelayRequest

TOKEN = "token-of-the-pod"  # pragma: allowlist secret


@asynccontextmanager
async def server(answer: bytes) -> AsyncIterator[tuple[str, list[bytes]]]:
    """Answers everything with these bytes; its address, and every request that came."""
    requests: list[bytes] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        requests.append(await reader.readuntil(b"\r\n\r\n"))
        writer.write(answer)
        await writer.drain()
        writer.close()

    running = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with running:
        port = running.sockets[0].getsockname()[1]
        yield f"http://127.0.0.1:{port}", requests


@asynccontextmanager
async def misleading(
    status: int, scheme: str = "http"
) -> AsyncIterator[tuple[str, list[bytes], list[bytes]]]:
    """A pod that redirects to a private server: its address, and what each of both was asked."""
    async with server(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}") as (elsewhere, reached):
        target = f"{scheme}{elsewhere.removeprefix('http')}/private"
        head = f"HTTP/1.1 {status} Elsewhere\r\nLocation: {target}\r\n"
        answer = f"{head}Content-Length: 0\r\nConnection: close\r\n\r\n".encode()
        async with server(answer) as (url, asked):
            yield url, asked, reached


CALLS: dict[str, Callable[[ComfyClient, Path], Awaitable[object]]] = {
    "check": lambda comfy, _: comfy.check(),
    "status": lambda comfy, _: comfy.status(uuid4()),
    "submit": lambda comfy, _: comfy.submit(uuid4(), {}, client_id="c"),
    "fetch": lambda comfy, folder: comfy.fetch(
        OutputFile(node="9", filename="a.png", subfolder="", kind="output"), folder / "a.png"
    ),
}


@pytest.mark.parametrize(("name", "status"), [("check", 307), *((name, 302) for name in CALLS)])
async def test_a_redirect_of_a_pod_is_not_followed(tmp_path: Path, name: str, status: int) -> None:
    async with misleading(status) as (url, asked, reached):
        comfy = ComfyClient(url, token=TOKEN, timeout=60)
        with pytest.raises(RekindleError):
            await CALLS[name](comfy, tmp_path)
        await comfy.close()
    assert asked
    assert reached == []


async def test_the_websocket_of_a_pod_is_not_led_elsewhere_either() -> None:
    async with misleading(302, "ws") as (url, asked, reached):
        comfy = ComfyClient(url, token=TOKEN, timeout=60)
        async with comfy.listen("c") as listener:
            assert [each async for each in listener.fractions(uuid4(), {})] == []
        await comfy.close()
    assert TOKEN.encode() in asked[0]
    assert reached == []


async def test_an_agent_is_not_led_elsewhere_by_its_engine() -> None:
    async with misleading(302, "ws") as (url, asked, reached):
        relay = HttpComfyRelay(url, timeout=60)
        assert (await relay.exchange(RelayRequest("GET", "/x"), max_bytes=99)).status == 302
        with pytest.raises(ComfyUnavailable):
            async with relay.socket("c"):
                pass
        await relay.close()
    assert len(asked) == 2
    assert reached == []
