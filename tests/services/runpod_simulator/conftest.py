"""The simulator behind real sockets: in a thread of this process, or as a process of its own."""

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from simulators.runpod.options import BootTimes, Options
from simulators.runpod.server import SimulatorThread

API_KEY = "rpa_ACCOUNT"  # pragma: allowlist secret
TOKEN = "a-pod-token"
GPU = "NVIDIA GeForce RTX 4090"
PROGRAM = Path(__file__).with_name("pod_program.py")
IMAGES = {
    "program": f"{sys.executable} {PROGRAM} {{RUNPOD_SIMULATED_PORT_8001}}",
    "mute": f"{sys.executable} -c 'import time; time.sleep(3600)'",
    "stubborn": f"{sys.executable} -c 'import signal, time; "
    "signal.signal(signal.SIGTERM, signal.SIG_IGN); print(1, flush=True); time.sleep(3600)'",
    "nowhere": "/no/such/program",
}


async def until(check: Callable[[], Awaitable[object]]) -> None:
    """Wait until something is so; a minute is a failure, whatever the machine does."""
    async with asyncio.timeout(60):
        while not await check():
            await asyncio.sleep(0.02)


def is_alive(pid: int) -> bool:
    """Whether a process runs; one that nobody has reaped yet does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


async def until_gone(pids: list[int]) -> None:
    async def check() -> bool:
        return not any(is_alive(pid) for pid in pids)

    await until(check)


class Cloud:
    """A running simulator and a client with the account's key."""

    def __init__(self, url: str, data: Path, http: httpx.AsyncClient) -> None:
        self.url = url
        self.data = data
        self.http = http

    async def create(self, image: str = "program", **changes: Any) -> str:
        """Rent a pod; its id."""
        body = {
            "name": "rk-test-image-0-1",
            "image": image,
            "gpu": {"id": GPU, "count": 1},
            "ports": ["8001/http"],
            "env": {"REKINDLE_POD_TOKEN": TOKEN},
        }
        reply = await self.http.post("/v2/pods", json=body | changes)
        assert reply.status_code == 201, reply.text
        return str(reply.json()["id"])

    async def create_ready(self, image: str = "program", **changes: Any) -> str:
        """Rent a pod and wait until it answers."""
        pod = await self.create(image, **changes)
        path = "/about/" if image == "program" else "/health"

        async def check() -> bool:
            return (await self.http.get(self.proxied(pod, path))).status_code == 200

        await until(check)
        return pod

    def proxied(self, pod: str, path: str) -> str:
        return f"{self.url}/proxy/{pod}/8001{path}"

    async def about(self, pod: str) -> dict[str, Any]:
        """What the program in a pod knows."""
        return dict((await self.http.get(self.proxied(pod, "/about/"))).json())

    async def show(self, pod: str) -> dict[str, Any]:
        return dict((await self.http.get(f"/v2/pods/{pod}")).json())

    async def until_status(self, pod: str, status: str) -> None:
        async def check() -> bool:
            return bool((await self.show(pod))["status"] == status)

        await until(check)

    async def truth(self, pod: str) -> dict[str, Any]:
        pods = (await self.http.get("/simulator/pods")).json()["pods"]
        return next(dict(one) for one in pods if one["id"] == pod)

    async def account(self, pod: str) -> dict[str, Any]:
        pods = (await self.http.get("/simulator/ledger")).json()["pods"]
        return next(dict(one) for one in pods if one["id"] == pod)

    async def plan(self, *faults: dict[str, Any]) -> None:
        reply = await self.http.post("/simulator/faults", json={"faults": list(faults)})
        assert reply.status_code == 200, reply.text

    async def advance(self, seconds: float) -> None:
        await self.http.post("/simulator/clock", json={"advance": seconds})


@asynccontextmanager
async def client_of(url: str, data: Path) -> AsyncIterator[Cloud]:
    headers = {"Authorization": f"Bearer {API_KEY}"}
    async with httpx.AsyncClient(
        base_url=url, headers=headers, timeout=60, trust_env=False
    ) as http:
        yield Cloud(url, data, http)


MakeCloud = Callable[..., Awaitable[Cloud]]


@pytest.fixture
async def make_cloud(tmp_path: Path) -> AsyncIterator[MakeCloud]:
    """Start simulators in threads; ``make_cloud(light=True)``."""
    async with AsyncExitStack() as stack:

        async def make(**changes: Any) -> Cloud:
            defaults: dict[str, Any] = {
                "data": tmp_path / "runpod",
                "api_key": API_KEY,
                "images": IMAGES,
                "volumes": {"models-eu": "EU-RO-1"},
                "boot": BootTimes(0, 0, 0),
                "grace": 1.0,
            }
            options = Options(**(defaults | changes))
            running = SimulatorThread(options)
            stack.enter_context(running)
            return await stack.enter_async_context(client_of(running.url, options.data))

        yield make


@pytest.fixture
async def cloud(make_cloud: MakeCloud) -> Cloud:
    """Pods are processes, and boot at once."""
    return await make_cloud()


class SimulatorProcess:
    """``python -m simulators.runpod`` on one data folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._process: asyncio.subprocess.Process | None = None
        (folder / "key").write_text(API_KEY)

    @asynccontextmanager
    async def running(self, *more: str) -> AsyncIterator[Cloud]:
        """Start it; whatever happened, it has ended afterwards."""
        self._process = process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "simulators.runpod", "--port", "0"),
            *("--data", str(self._folder / "data"), "--api-key-file", str(self._folder / "key")),
            *("--boot", "provisioning=0,starting=0,runtime=0", "--grace", "1"),
            *("--image", f"program={IMAGES['program']}", *more),
            stdout=asyncio.subprocess.PIPE,
        )
        assert process.stdout is not None
        try:
            async with asyncio.timeout(60):
                first = (await process.stdout.readline()).decode().split()
            assert first[0] == "runpod"
            async with client_of(first[1], self._folder / "data") as cloud:
                yield cloud
        finally:
            if process.returncode is None:
                process.kill()
            await process.communicate()

    def freeze(self) -> None:
        """Keep it from noticing anything."""
        assert self._process is not None
        os.kill(self._process.pid, signal.SIGSTOP)

    async def end(self, number: signal.Signals) -> None:
        """End it with a signal and wait until it is gone."""
        assert self._process is not None
        os.kill(self._process.pid, number)
        async with asyncio.timeout(60):
            await self._process.wait()


@pytest.fixture
def simulator_process(tmp_path: Path) -> SimulatorProcess:
    return SimulatorProcess(tmp_path)
