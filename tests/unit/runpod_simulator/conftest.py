"""The simulator in this process, in light mode, with a clock that only the test moves.

Every reply of the API is held against the vendor's schemas, whatever the test looks at.
"""

import json
import re
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import httpx
import pytest

from simulators.common.clock import Clock
from simulators.runpod.app import Simulator, create_app
from simulators.runpod.options import BootTimes, Options
from simulators.runpod.wire.schema import SchemaSet

API_KEY, READ_ONLY_KEY = "rpa_ACCOUNT", "rpa_READER"
GPU = "NVIDIA GeForce RTX 4090"
TOKEN = "a-pod-token"
CONTRACT = Path(__file__).parents[2] / "contracts" / "runpod_schemas.json"


class Contract:
    """The vendor's word on what each operation takes and answers."""

    def __init__(self) -> None:
        read = json.loads(CONTRACT.read_text())
        self.schemas = SchemaSet(read["schemas"])
        self.raw: dict[str, Any] = read["schemas"]
        self._operations: dict[str, Any] = read["operations"]

    async def check(self, response: httpx.Response) -> None:
        """Hold a reply of the API against its schema and its headers."""
        request = response.request
        if not request.url.path.startswith("/v2/"):
            return
        operation = self._operation(request.method, request.url.path)
        if operation is None:
            schema = "ErrorResponse"
        else:
            replies = operation["replies"]
            schema = replies.get(str(response.status_code), replies["default"])
        if response.status_code != 401:
            assert re.fullmatch(r'("\w+";r=\d+;t=\d+(, )?)+', response.headers["RateLimit"])
            assert re.fullmatch(r'("\w+";q=\d+;w=\d+(, )?)+', response.headers["RateLimit-Policy"])
        if response.status_code == 429:
            assert int(response.headers["Retry-After"]) > 0
        if schema is not None:
            body = json.loads(await response.aread())
            assert self.schemas.violations(schema, body) == []
        kind = "application/json" if response.is_success else "application/problem+json"
        if response.status_code != 204 and schema is not None:
            assert response.headers["Content-Type"] == kind

    def _operation(self, method: str, path: str) -> dict[str, Any] | None:
        exact = self._operations.get(f"{method} {path}")
        if exact is not None:
            return dict(exact)
        for name, operation in self._operations.items():
            pattern = re.escape(name).replace(r"\{id\}", "[^/]+").replace("{id}", "[^/]+")
            if re.fullmatch(pattern, f"{method} {path}".replace("\\ ", " ")):
                return dict(operation)
        return None


class Cloud:
    """A simulator, its clock, and a client with the account's key."""

    def __init__(self, app: Simulator, clock: Clock, http: httpx.AsyncClient) -> None:
        self.app = app
        self.clock = clock
        self.http = http

    def body(self, **changes: Any) -> dict[str, Any]:
        """A create call's body."""
        body = {
            "name": "rk-test-image-0-1",
            "image": "registry.example/gpu:1",
            "gpu": {"id": GPU, "count": 1},
            "ports": ["8001/http"],
            "env": {"REKINDLE_POD_TOKEN": TOKEN},
        }
        return body | changes

    async def create(self, **changes: Any) -> dict[str, Any]:
        """Rent a pod; it must be granted."""
        reply = await self.http.post("/v2/pods", json=self.body(**changes))
        assert reply.status_code == 201, reply.text
        return dict(reply.json())

    async def create_ready(self, **changes: Any) -> dict[str, Any]:
        """Rent a pod and let time pass until its inside runs."""
        pod = await self.create(**changes)
        self.clock.advance(60)
        ready = await self.get(pod["id"])
        assert ready["runtime"] is not None
        return ready

    async def get(self, pod_id: str) -> dict[str, Any]:
        reply = await self.http.get(f"/v2/pods/{pod_id}")
        assert reply.status_code == 200, reply.text
        return dict(reply.json())

    async def status(self, pod_id: str) -> str:
        return str((await self.get(pod_id))["status"])

    async def listed(self) -> list[str]:
        reply = await self.http.get("/v2/pods")
        return [pod["id"] for pod in reply.raise_for_status().json()["pods"]]

    async def act(self, pod_id: str, action: str) -> httpx.Response:
        return await self.http.post(f"/v2/pods/{pod_id}/action", json={"action": action})

    async def plan(self, *faults: dict[str, Any]) -> None:
        """Put a fault plan in force."""
        reply = await self.http.post("/simulator/faults", json={"faults": list(faults)})
        assert reply.status_code == 200, reply.text

    async def fired(self, kind: str) -> int:
        """How often faults of a kind happened."""
        return int((await self.http.get("/simulator/faults")).json()["fired"].get(kind, 0))

    async def account(self, pod_id: str) -> dict[str, Any]:
        """A pod's account in the ledger."""
        pods = (await self.http.get("/simulator/ledger")).json()["pods"]
        return next(dict(pod) for pod in pods if pod["id"] == pod_id)

    def key_of(self, pod_id: str) -> str:
        """The key the platform puts into a pod."""
        lines = [json.loads(line) for line in self._journal().splitlines()]
        born = [line for line in lines if line["event"] == "created"]
        return next(str(line["key"]) for line in born if line["pod"] == pod_id)

    def as_pod(self, pod_id: str) -> dict[str, str]:
        """Headers of a call from inside a pod."""
        return {"Authorization": f"Bearer {self.key_of(pod_id)}"}

    def _journal(self) -> str:
        return (self.app.options.data / "journal.jsonl").read_text()


MakeCloud = Callable[..., Awaitable[Cloud]]


@pytest.fixture(scope="session")
def contract() -> Contract:
    return Contract()


@pytest.fixture
async def make_cloud(tmp_path: Path, contract: Contract) -> AsyncIterator[MakeCloud]:
    """Build simulators; ``make_cloud(clock=..., grace=...)``. The same folder by default."""
    async with AsyncExitStack() as stack:

        async def make(clock: Clock | None = None, **changes: Any) -> Cloud:
            clock = clock or Clock(is_frozen=True)
            defaults: dict[str, Any] = {
                "data": tmp_path / "runpod",
                "api_key": API_KEY,
                "read_only_key": READ_ONLY_KEY,
                "light": True,
                "volumes": {"models-eu": "EU-RO-1"},
                "boot": BootTimes(10, 5, 3),
            }
            app = create_app(Options(**(defaults | changes)), clock)
            stack.push_async_callback(app.aclose)
            http = httpx.AsyncClient(
                transport=httpx.ASGITransport(app),
                base_url="http://simulator",
                headers={"Authorization": f"Bearer {API_KEY}"},
                event_hooks={"response": [contract.check]},
                timeout=30,
            )
            await stack.enter_async_context(http)
            return Cloud(app, clock, http)

        yield make


@pytest.fixture
async def cloud(make_cloud: MakeCloud) -> Cloud:
    """Boots take 10 s, 5 s and 3 s of a clock that stands still."""
    return await make_cloud()
