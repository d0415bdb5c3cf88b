"""A pod as it is: the small engine and the agent, each a process of its own."""

import asyncio
import os
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import pytest

from deploy.embedded.ports import free_port
from deploy.embedded.process import GuardedProcess
from rekindle.adapters.comfyui import ComfyClient

TOKEN = "a-token-of-this-pod-" + "0123456789abcdef" * 2


class Pod:
    """An agent before an engine, and what may be done to both."""

    token = TOKEN

    def __init__(self, folder: Path, **settings: str) -> None:
        self.folder = folder
        self.base = folder / "comfyui"
        engine_port, agent_port = free_port(), free_port()
        self.engine_url = f"http://127.0.0.1:{engine_port}"
        self.url = f"http://127.0.0.1:{agent_port}"
        self.pid_file = folder / "comfyui.pid"
        self.engine = GuardedProcess(
            [
                *(sys.executable, "-m", "simulators.comfyui", "--listen", "127.0.0.1"),
                *("--port", str(engine_port), "--base-directory", self.base),
            ],
            name="comfyui",
            log=folder / "comfyui.log",
        )
        env = {
            **os.environ,
            "REKINDLE_POD_TOKEN": TOKEN,
            "COMFYUI_URL": self.engine_url,
            "COMFYUI_BASE_DIRECTORY": str(self.base),
            "COMFYUI_PID_FILE": str(self.pid_file),
            "GPU_SERVER_HOST": "127.0.0.1",
            "GPU_SERVER_PORT": str(agent_port),
            "LEAST_FREE_DISK_MB": "0",
        }
        self.agent = GuardedProcess(
            [sys.executable, "-m", "worker.agent"],
            name="agent",
            log=folder / "agent.log",
            env=env | settings,
        )

    def start(self) -> "Pod":
        self.start_engine()
        self.start_agent()
        return self

    def start_engine(self) -> None:
        self.engine.start(lambda: _missing(f"{self.engine_url}/system_stats"))
        self.pid_file.write_text(f"{self.engine.pid}\n")

    def start_agent(self, wanted: str = "healthy") -> None:
        self.agent.start(lambda: self._health_is_not(wanted), timeout=60)

    def _health_is_not(self, wanted: str) -> str | None:
        try:
            status = httpx.get(f"{self.url}/health", timeout=60).json()["status"]
        except httpx.TransportError as error:
            return repr(error)
        return None if status == wanted else str(status)

    async def until_health_is(self, wanted: str) -> None:
        async with asyncio.timeout(60):
            while self._health_is_not(wanted) is not None:
                await asyncio.sleep(0.05)

    def stop(self) -> None:
        self.agent.stop()
        self.engine.stop()

    def plan(self, **faults: Any) -> None:
        """The engine's fault plan; none puts it back to normal."""
        httpx.post(
            f"{self.engine_url}/simulator/faults", json=faults, timeout=60
        ).raise_for_status()

    def hold(self, *classes: str) -> None:
        """Keep nodes of these classes from running; without any, let all go on."""
        self.plan(node_delay=dict.fromkeys(classes, 3600))

    def runs(self, prompt_id: str) -> list[dict[str, Any]]:
        """Every run of a prompt, from the engine's own ledger."""
        reply = httpx.get(
            f"{self.engine_url}/simulator/ledger", params={"prompt_id": prompt_id}, timeout=60
        )
        return list(reply.json()["runs"])

    async def ended(self, prompt_id: str) -> dict[str, Any]:
        """The history of a prompt once it has ended, through the agent."""
        async with asyncio.timeout(60), self.http() as http:
            while not (found := (await http.get(f"/history/{prompt_id}")).json()):
                await asyncio.sleep(0.02)
        return dict(found[prompt_id])

    def http(self, token: str | None = TOKEN) -> httpx.AsyncClient:
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        return httpx.AsyncClient(base_url=self.url, headers=headers, timeout=60)


def _missing(url: str) -> str | None:
    try:
        return None if httpx.get(url, timeout=60).is_success else "not ready"
    except httpx.TransportError as error:
        return repr(error)


@pytest.fixture(scope="session")
def shared_pod(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pod]:
    pod = Pod(tmp_path_factory.mktemp("pod"))
    try:
        yield pod.start()
    finally:
        pod.stop()


@pytest.fixture
def pod(shared_pod: Pod) -> Pod:
    """A running pod that nothing is done to, but what faults a test plans."""
    shared_pod.plan()
    return shared_pod


@pytest.fixture
def make_pod(tmp_path: Path) -> Iterator[Callable[..., Pod]]:
    """Makes a pod of its own with these settings; nothing of it is started."""
    made: list[Pod] = []

    def make(**settings: str) -> Pod:
        made.append(Pod(tmp_path, **settings))
        return made[-1]

    yield make
    for pod in made:
        with suppress(RuntimeError):
            pod.stop()


@pytest.fixture
async def http(pod: Pod) -> AsyncIterator[httpx.AsyncClient]:
    """A holder of the token."""
    async with pod.http() as client:
        yield client


@pytest.fixture
async def comfy(pod: Pod) -> AsyncIterator[ComfyClient]:
    """The client that production workers use."""
    client = ComfyClient(pod.url, token=TOKEN)
    yield client
    await client.close()


@pytest.fixture
def prompt() -> Callable[..., dict[str, Any]]:
    """A body for `POST /prompt` that saves, or previews, a picture of its own."""

    def make(prompt_id: str, saver: str = "SaveImage") -> dict[str, Any]:
        size = {"width": 8, "height": 6, "batch_size": 1, "color": uuid4().int & 0xFFFFFF}
        saving: dict[str, Any] = {"images": ["1", 0]}
        if saver == "SaveImage":
            saving["filename_prefix"] = f"jobs/{prompt_id}/out"
        graph = {
            "1": {"class_type": "EmptyImage", "inputs": size},
            "2": {"class_type": saver, "inputs": saving},
        }
        return {"prompt": graph, "prompt_id": prompt_id}

    return make
