"""One contract for ComfyUI's wire: our engine always, and the server at COMFYUI_URL if given.

The server may be shared: prompts and files have names of their own, and what a test posted is
stopped and forgotten after it. Sockets are confined to this machine, so a distant server is
reached through a tunnel.
"""

import asyncio
import json
import os
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

from comfy_graphs import installed_packs, load_pack

Graph = dict[str, Any]
REAL = os.environ.get("COMFYUI_URL", "").rstrip("/")
BLURS = 60


class Wire:
    """One server under test, and everything that was posted to it."""

    def __init__(self, url: str, http: httpx.AsyncClient) -> None:
        self.url, self.http = url, http
        self._posted: set[str] = set()

    async def offer(self, graph: Any, **more: Any) -> httpx.Response:
        """Post a graph, whatever comes of it."""
        body = {"prompt": graph, "prompt_id": str(uuid4()), **more}
        reply = await self.http.post("/prompt", json=body)
        if reply.is_success:
            self._posted.add(reply.json()["prompt_id"])
        return reply

    async def post(self, graph: Graph, **more: Any) -> str:
        """Post a graph that has to be accepted; its id."""
        reply = await self.offer(graph, **more)
        assert (reply.status_code, reply.json()["node_errors"]) == (200, {}), reply.text
        return str(reply.json()["prompt_id"])

    async def history(self, prompt_id: str) -> dict[str, Any]:
        """The entry of a prompt, or nothing."""
        reply = await self.http.get(f"/history/{prompt_id}")
        assert reply.status_code == 200
        return dict(reply.json().get(prompt_id, {}))

    async def ended(self, prompt_id: str) -> dict[str, Any]:
        """Wait until a prompt is in the history."""
        async with asyncio.timeout(90):
            while not (entry := await self.history(prompt_id)):
                await asyncio.sleep(0.02)
        return entry

    async def queued(self, prompt_id: str) -> list[tuple[str, list[Any]]]:
        """Where the queue shows a prompt: `queue_running` or `queue_pending`, with the item."""
        shown = (await self.http.get("/queue")).json()
        assert set(shown) == {"queue_running", "queue_pending"}
        return [(k, i) for k, items in shown.items() for i in items if i[1] == prompt_id]

    async def running(self, prompt_id: str) -> list[Any]:
        """Wait until a prompt runs; its item in the queue."""
        async with asyncio.timeout(90):
            while True:
                for place, item in await self.queued(prompt_id):
                    if place == "queue_running":
                        return item
                await asyncio.sleep(0.02)

    async def upload(self, data: bytes, name: str, **fields: str) -> httpx.Response:
        """Upload a file."""
        return await self.http.post("/upload/image", files={"image": (name, data)}, data=fields)

    async def stop(self, prompt_id: str) -> None:
        """Take a prompt off the queue, and interrupt it if it runs."""
        await self.http.post("/queue", json={"delete": [prompt_id]})
        await self.http.post("/interrupt", json={"prompt_id": prompt_id})

    async def clear(self) -> None:
        """Stop and forget what was posted."""
        for prompt_id in self._posted:
            while await self.queued(prompt_id):
                await self.stop(prompt_id)
                await asyncio.sleep(0.02)
        await self.http.post("/history", json={"delete": sorted(self._posted)})

    @asynccontextmanager
    async def listen(self, client_id: str) -> AsyncIterator["Ear"]:
        """A websocket."""
        address = self.url.replace("http", "ws", 1)
        async with connect(f"{address}/ws?clientId={client_id}", max_size=None, proxy=None) as ws:
            yield Ear(ws)


class Ear:
    """Reads a websocket."""

    def __init__(self, socket: ClientConnection) -> None:
        self.socket = socket

    async def next(self) -> tuple[str, Any]:
        """Name and data of the next message that is no picture and no text for everybody."""
        async with asyncio.timeout(90):
            while isinstance(message := await self.socket.recv(), bytes):
                pass
        told = json.loads(message)
        return told["type"], told["data"]

    async def until(self, name: str, **fields: Any) -> list[tuple[str, Any]]:
        """Messages up to the first of that name with these fields, without `status`."""
        seen = []
        while True:
            event, data = await self.next()
            if event != "status":
                seen.append((event, data))
            if event == name and fields.items() <= data.items():
                return seen


@pytest.fixture(scope="session")
def engine_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Our engine, on which blurring is as slow as it is on a CPU with PyTorch."""
    base: Path = tmp_path_factory.mktemp("conformance")
    packs = [load_pack(name) for name in installed_packs()]
    files = {f"{model.folder}/{model.file}" for pack in packs for model in pack.manifest.models}
    command = [sys.executable, "-m", "simulators.comfyui", "--base-directory", str(base)]
    command += [f"--model={file}" for file in sorted(files)]
    with (
        (base / "log.txt").open("w") as log,
        subprocess.Popen(
            [*command, "--port", "0", "--node-delay", "ImageBlur=0.1"],
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
        ) as process,
    ):
        assert process.stdout is not None
        line = process.stdout.readline()
        yield line.split(": ", 1)[1].strip()
        process.kill()


@pytest.fixture(params=["engine", *(["real"] if REAL else [])])
async def wire(request: pytest.FixtureRequest) -> AsyncIterator[Wire]:
    url = REAL if request.param == "real" else request.getfixturevalue("engine_url")
    async with httpx.AsyncClient(base_url=url, trust_env=False, timeout=90) as http:
        server = Wire(url, http)
        yield server
        await server.clear()


@pytest.fixture
def quick() -> Callable[..., Graph]:
    """A graph that saves a plain picture, and that no cache knows."""

    def graph(prefix: str | None = None) -> Graph:
        size = {"width": 8, "height": 6, "batch_size": 1, "color": uuid4().int % 0xFFFFFF}
        saving = {"images": ["1", 0], "filename_prefix": prefix or f"conform/{uuid4().hex}"}
        return {
            "1": {"class_type": "EmptyImage", "inputs": size},
            "2": {"class_type": "SaveImage", "inputs": saving},
        }

    return graph


@pytest.fixture
def slow() -> Callable[[], Graph]:
    """A graph that takes many seconds, and that can be interrupted between its nodes."""

    def graph() -> Graph:
        size = {"width": 640, "height": 640, "batch_size": 1, "color": uuid4().int % 0xFFFFFF}
        made: Graph = {"b0": {"class_type": "EmptyImage", "inputs": size}}
        for number in range(BLURS):
            blur = {"image": [f"b{number}", 0], "blur_radius": 31, "sigma": 9.0}
            made[f"b{number + 1}"] = {"class_type": "ImageBlur", "inputs": blur}
        saving = {"images": [f"b{BLURS}", 0], "filename_prefix": f"conform/{uuid4().hex}"}
        return made | {"save": {"class_type": "SaveImage", "inputs": saving}}

    return graph
