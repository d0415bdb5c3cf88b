"""The small ComfyUI engine as a process of its own, spoken to over its socket alone."""

import asyncio
import itertools
import json
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import pytest
from websockets.asyncio.client import ClientConnection, connect

Graph = dict[str, Any]
TEXT_FRAME = 3
colors = itertools.count()


class Server:
    """One engine process on a free port."""

    def __init__(self, base: Path, *arguments: str, port: int = 0) -> None:
        self.base = base
        self._arguments = arguments
        self._log = (base.parent / f"{base.name}-{uuid4().hex}.log").open("w+")
        self.process = subprocess.Popen(
            [
                *(sys.executable, "-m", "simulators.comfyui", "--base-directory", str(base)),
                *("--listen", "127.0.0.1", "--port", str(port), *arguments),
            ],
            stdout=subprocess.PIPE,
            stderr=self._log,
            text=True,
        )
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        assert line.startswith("To see the GUI go to: http"), self.log()
        self.url = line.split(": ", 1)[1].strip()
        self.http = httpx.AsyncClient(base_url=self.url, trust_env=False, timeout=60)

    def log(self) -> str:
        """What it wrote to stderr."""
        self._log.seek(0)
        return self._log.read()

    def stop(self, number: signal.Signals = signal.SIGKILL) -> int:
        """Send a signal and wait for the end."""
        self.process.send_signal(number)
        return self.process.wait(30)

    def close(self) -> None:
        """Leave nothing behind."""
        if self.process.poll() is None:
            self.stop()
        if self.process.stdout is not None:
            self.process.stdout.close()
        self._log.close()

    async def post(self, graph: Graph, **more: Any) -> str:
        """Post a graph that has to be accepted; returns its id."""
        body = {"prompt": graph, "prompt_id": str(uuid4()), **more}
        reply = await self.http.post("/prompt", json=body)
        assert reply.status_code == 200, reply.text
        assert reply.json()["node_errors"] == {}
        return str(reply.json()["prompt_id"])

    async def history(self, prompt_id: str) -> dict[str, Any]:
        """The entry of a prompt, or nothing."""
        reply = await self.http.get(f"/history/{prompt_id}")
        return dict(reply.json().get(prompt_id, {}))

    async def ended(self, prompt_id: str) -> dict[str, Any]:
        """Wait until a prompt is in the history."""
        async with asyncio.timeout(60):
            while not (entry := await self.history(prompt_id)):
                await asyncio.sleep(0.01)
        return entry

    async def runs(self, prompt_id: str) -> list[dict[str, Any]]:
        """The ledger's runs of a prompt."""
        reply = await self.http.get("/simulator/ledger", params={"prompt_id": prompt_id})
        return list(reply.json()["runs"])

    async def hold(self, *class_names: str) -> None:
        """Keep nodes of these classes from running; without any, let all go on."""
        plan = {"node_delay": dict.fromkeys(class_names, 3600)}
        (await self.http.post("/simulator/faults", json=plan)).raise_for_status()

    async def upload(self, data: bytes, name: str = "p.png", **fields: str) -> httpx.Response:
        """Upload a file."""
        return await self.http.post("/upload/image", files={"image": (name, data)}, data=fields)

    @asynccontextmanager
    async def listen(self, client_id: str | None = None) -> AsyncIterator["Listener"]:
        """A websocket that has had its first message."""
        query = "" if client_id is None else f"?clientId={client_id}"
        address = self.url.replace("http", "ws", 1)
        async with connect(f"{address}/ws{query}", max_size=None, proxy=None) as socket:
            yield Listener(socket)

    async def settle(self) -> None:
        """Wait until every message of before has left; the engine has to be idle.

        Messages leave one after the other, and the size of a picture is told to everyone.
        """
        marker = uuid4().hex
        size = {"width": 8, "height": 8, "batch_size": 1, "color": 1}
        graph = {
            "image": {"class_type": "EmptyImage", "inputs": size},
            marker: {"class_type": "GetImageSize", "inputs": {"image": ["image", 0]}},
            "shown": {"class_type": "PreviewAny", "inputs": {"source": [marker, 0]}},
        }
        async with self.listen("witness") as witness:
            prompt_id = await self.post(graph, client_id="nobody")
            while True:
                name, data = await witness.next()
                if name == TEXT_FRAME and marker.encode() in data:
                    break
        await self.ended(prompt_id)


class Listener:
    """Reads a websocket."""

    def __init__(self, socket: ClientConnection) -> None:
        self.socket = socket

    async def next(self) -> tuple[Any, Any]:
        """Name and data of the next message; a binary one has its type number as name."""
        async with asyncio.timeout(60):
            message = await self.socket.recv()
        if isinstance(message, bytes):
            return int.from_bytes(message[:4], "big"), message[4:]
        told = json.loads(message)
        return told["type"], told["data"]

    async def until(self, name: str, **fields: Any) -> list[tuple[Any, Any]]:
        """Messages up to the first of that name with these fields."""
        seen = []
        while True:
            seen.append(await self.next())
            if seen[-1][0] == name and fields.items() <= seen[-1][1].items():
                return seen

    async def received(self) -> list[tuple[Any, Any]]:
        """What has arrived and was not read yet; a pong says that nothing is under way."""
        seen = []
        async with asyncio.timeout(60):
            await (await self.socket.ping())
            while True:
                try:
                    async with asyncio.timeout(0.01):
                        seen.append(await self.next())
                except TimeoutError:
                    return seen


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[..., Server]]:
    """Start engines; ``start("--cache-none", base=folder)``."""
    servers: list[Server] = []

    def begin(*arguments: str, base: Path | None = None, port: int = 0) -> Server:
        servers.append(Server(base or tmp_path / "base", *arguments, port=port))
        return servers[-1]

    yield begin
    for server in servers:
        server.close()


@pytest.fixture(scope="module")
def shared_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    server = Server(tmp_path_factory.mktemp("comfyui") / "base", "--max-upload-size", "1")
    yield server
    server.close()


@pytest.fixture
async def server(shared_server: Server) -> AsyncIterator[Server]:
    """An engine that takes bodies of up to 1 MiB, shared by the tests of a file."""
    async with httpx.AsyncClient(
        base_url=shared_server.url, trust_env=False, timeout=60
    ) as shared_server.http:
        await shared_server.hold()
        yield shared_server


@pytest.fixture
def two_nodes() -> Callable[..., Graph]:
    """A graph that saves a plain picture; every one differs, so that none is cached."""

    def graph(prefix: str | None = None, **changes: Any) -> Graph:
        color = next(colors)
        size = {"width": 8, "height": 6, "batch_size": 1, "color": color} | changes
        saving = {"images": ["1", 0], "filename_prefix": prefix or uuid4().hex}
        return {
            "1": {"class_type": "EmptyImage", "inputs": size},
            "2": {"class_type": "SaveImage", "inputs": saving},
        }

    return graph
