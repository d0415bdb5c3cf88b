"""A worker that rents its pods from the RunPod simulator, and an auditor with the bill."""

import asyncio
import inspect
import json
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import pytest
from pydantic import SecretStr
from sqlalchemy import text
from temporalio.client import Client

from deploy.embedded.ports import free_port
from deploy.embedded.process import GuardedProcess
from rekindle.adapters.temporal import TemporalPodOwners
from rekindle.contracts import queues, search
from rekindle.contracts.fleet import AUTOSCALE_PODS
from rekindle.contracts.statuses import GpuClass
from rekindle.settings import Settings
from rekindle.store.database import Database
from rekindle.wiring.worker import open_worker
from worker.host import WorkerHost

IMAGE = GpuClass.IMAGE
MOST = 3
PATIENCE = 120.0


class Cloud:
    """The simulator: its faults and its bill."""

    def __init__(self, folder: Path, object_info: Path) -> None:
        self.url = f"http://127.0.0.1:{free_port()}"
        self.key_file = folder / "key"
        self.process = GuardedProcess(
            [
                *(sys.executable, "-P", "-m", "simulators.runpod", "--light"),
                *("--data", folder, "--port", self.url.rpartition(":")[2]),
                *("--api-key-file", self.key_file, "--light-object-info", object_info),
                *(
                    "--light-seconds",
                    "0.2",
                    "--boot",
                    "provisioning=0.05,starting=0.05,runtime=0.05",
                ),
            ],
            name="runpod",
            log=folder / "log.txt",
        )

    @property
    def key(self) -> str:
        return self.key_file.read_text().strip()

    def probe(self) -> str | None:
        try:
            return None if self.ledger() is not None else "no ledger"
        except httpx.HTTPError as error:
            return repr(error)

    def does(self, *faults: dict[str, Any]) -> None:
        """Go wrong in these ways, and in no others."""
        httpx.post(f"{self.url}/simulator/faults", json={"faults": faults}).raise_for_status()

    def has_done(self, times: int) -> bool:
        """Whether what is planned has gone wrong so often."""
        plan = httpx.get(f"{self.url}/simulator/faults").raise_for_status().json()["faults"]
        return sum(int(fault["fired"]) for fault in plan) >= times

    def stops(self, pod: str) -> None:
        """Stop a pod, as one does itself whose key may do no more: it is there, and costs disk."""
        key = {"Authorization": f"Bearer {self.key}"}
        told = httpx.post(f"{self.url}/v2/pods/{pod}/action", json={"action": "stop"}, headers=key)
        told.raise_for_status()

    def takes(self, seconds: float) -> None:
        """Let every prompt that starts from now on take so long."""
        told = httpx.post(f"{self.url}/simulator/settings", json={"light_seconds": seconds})
        told.raise_for_status()

    def ledger(self, name: str = "") -> list[dict[str, Any]]:
        """Every pod that was ever rented and whose name begins so, oldest first."""
        told = httpx.get(f"{self.url}/simulator/ledger", params={"name": name})
        told.raise_for_status()
        return list(told.json()["pods"])

    def runs(self) -> list[dict[str, Any]]:
        """Every prompt that was ever taken."""
        return list(httpx.get(f"{self.url}/simulator/runs").raise_for_status().json()["runs"])


@pytest.fixture(scope="session")
def shared_cloud(tmp_path_factory: pytest.TempPathFactory, shared_engine: Any) -> Iterator[Cloud]:
    folder = tmp_path_factory.mktemp("runpod")
    classes = folder / "object_info.json"
    classes.write_text(json.dumps(httpx.get(f"{shared_engine.url}/object_info").json()))
    cloud = Cloud(folder, classes)
    cloud.process.start(cloud.probe)
    yield cloud
    cloud.process.stop()


@pytest.fixture
def cloud(shared_cloud: Cloud) -> Cloud:
    """The simulator without a fault."""
    shared_cloud.does()
    shared_cloud.takes(0.2)
    return shared_cloud


@pytest.fixture
async def clean(database: Database) -> AsyncIterator[None]:
    """No attempt and no pod of another test, and none of this one afterwards."""
    await _empty(database)
    yield
    await _empty(database)


async def _empty(database: Database) -> None:
    async with database.transaction() as session:
        await session.execute(
            text("truncate jobs, attempts, pods, gpu_uses, fleet_decisions cascade")
        )


@pytest.fixture
def rented(
    settings: Settings, cloud: Cloud, clean: None, request: pytest.FixtureRequest
) -> Settings:
    """Settings with an account; each test is a deployment of its own on it.

    A test may change some of them by its parameter.
    """
    return settings.model_copy(
        update={
            "comfyui_url": None,
            "runpod_api_key": SecretStr(cloud.key),
            "runpod_api_url": cloud.url,
            "runpod_proxy_url": cloud.url + "/proxy/{pod_id}/{port}",
            "environment": f"t{uuid4().hex[:8]}",
            "pod_min_cuda": None,
            "image_pods_max": MOST,
            "video_pods_max": 0,
            "pod_idle_seconds": 0.5,
            "pod_lag_seconds": 8.0,
            "spend_per_hour": 1000.0,
            "spend_per_day": 10_000.0,
            "max_retries": 3,
            **getattr(request, "param", {}),
        }
    )


class Fleet:
    """What a test does to a rented fleet, and the audit of its bill."""

    def __init__(self, client: Client, database: Database, cloud: Cloud, settings: Settings):
        self.owners = TemporalPodOwners(client)
        self.settings = settings
        self._client, self._database, self._cloud = client, database, cloud

    async def tick(self) -> None:
        """What the schedule does every half minute."""
        await self._client.execute_workflow(
            AUTOSCALE_PODS, id=f"tick-{uuid4()}", task_queue=queues.CONTROL
        )

    async def an_hour_later(self) -> None:
        """Let what arrived be so long ago that nobody expects more of it."""
        async with self._database.transaction() as session:
            await session.execute(
                text("update attempts set created_at = created_at - interval '2 hours'")
            )

    def bill(self) -> list[dict[str, Any]]:
        """The pods of this deployment, oldest first."""
        return self._cloud.ledger(f"rk-{self.settings.environment}-")

    def alive(self) -> list[dict[str, Any]]:
        return [pod for pod in self.bill() if pod["ended_at"] is None]

    async def rows(self) -> list[dict[str, Any]]:
        """The ledger of ours."""
        async with self._database.transaction() as session:
            found = await session.execute(text("select * from pods order by created_at, id"))
            return [dict(row) for row in found.mappings()]

    def prompts(self) -> list[dict[str, Any]]:
        """Every prompt that our pods have begun, their warm-ups included."""
        ours = {pod["id"] for pod in self.bill()}
        return [run for run in self._cloud.runs() if run["pod"] in ours and run["started_at"]]

    async def decision(self) -> dict[str, Any]:
        """What was decided last about pictures."""
        async with self._database.transaction() as session:
            found = await session.execute(
                text("select * from fleet_decisions where gpu_class = 'image'")
            )
            return dict(found.mappings().one())

    async def ticking(self, awaited: Awaitable[Any]) -> Any:
        """Wait for something, looking at the fleet meanwhile as the schedule does."""
        waiting = asyncio.ensure_future(awaited)
        while not waiting.done():
            await self.tick()
            await asyncio.wait({waiting}, timeout=0.5)
        return await waiting

    async def has_reaped(self, count: int) -> bool:
        """Look at the fleet; whether so many pods of ours have ended by then."""
        await self.tick()
        return len(self.bill()) - len(self.alive()) == count

    async def scaled_in(self, name: str) -> bool:
        """Look at the fleet; whether that pod is gone then."""
        await self.tick()
        return name not in {pod["name"] for pod in self.alive()}

    async def until(self, holds: Callable[[], bool] | Callable[[], Awaitable[bool]]) -> None:
        """Wait until it holds; for tests that watch something that happens by itself."""
        async with asyncio.timeout(PATIENCE):
            while True:
                found = holds()
                if await found if inspect.isawaitable(found) else found:
                    return
                await asyncio.sleep(0.05)

    async def is_now(self, *states: str) -> bool:
        """Whether some pod of ours is in one of these states."""
        return any(row["state"] in states for row in await self.rows())

    async def has_a_worker(self) -> bool:
        """Whether somebody does what workflows want done: a look at the fleet begins."""
        look = await self._client.start_workflow(
            AUTOSCALE_PODS, id=f"look-{uuid4()}", task_queue=queues.CONTROL
        )
        told = await look.describe()
        while not told.raw_description.pending_activities:
            await asyncio.sleep(0.05)
            told = await look.describe()
        await look.terminate()
        return True

    async def is_told(self, owner: str, stage: str) -> bool:
        """Whether an owner says that it is in that stage."""
        told = await self._client.get_workflow_handle(owner).describe()
        return told.typed_search_attributes.get(search.STAGE) == stage

    async def until_ready(self, count: int = 1) -> None:
        async def ready() -> bool:
            return bool(sum(row["state"] == "ready" for row in await self.rows()) >= count)

        await self.until(ready)

    async def ends(self) -> None:
        """Drain everything and wait until nobody owns a pod."""
        for number in range(MOST):
            await self.owners.drain(IMAGE, number)
        await self.until_nobody_owns()

    async def until_nobody_owns(self) -> None:
        async def nobody() -> bool:
            return not any([await self.owners.is_open(IMAGE, number) for number in range(MOST)])

        await self.until(nobody)

    async def audited(self) -> list[dict[str, Any]]:
        """The bill, after everything ended, held against our own ledger."""
        bill = self.bill()
        assert [pod["name"] for pod in bill if pod["terminated_at"] is None] == []
        assert _most_at_once(bill) <= MOST
        rows = {row["cloud_id"]: row for row in await self.rows()}
        for row in rows.values():
            assert row["terminated_at"] is not None, row
        for pod in bill:
            assert pod["id"] in rows, f"nobody owned {pod}"
            owned = rows[pod["id"]]
            ours = (owned["terminated_at"] - owned["rented_at"]).total_seconds()
            assert abs(ours - pod["seconds"]) <= max(2.0, 0.01 * pod["seconds"]), pod
        return bill


def _most_at_once(bill: list[dict[str, Any]]) -> int:
    moments = [(pod["created_at"], 1) for pod in bill] + [(p["ended_at"], -1) for p in bill]
    most = now = 0
    for _, step in sorted(moments):
        now += step
        most = max(most, now)
    return most


@pytest.fixture
async def fleet(
    temporal: Client, database: Database, cloud: Cloud, rented: Settings
) -> AsyncIterator[Fleet]:
    """The fleet of this test; whatever it leaves rented is returned."""
    fleet = Fleet(temporal, database, cloud, rented)
    yield fleet
    async with httpx.AsyncClient(
        base_url=cloud.url, headers={"Authorization": f"Bearer {cloud.key}"}
    ) as account:
        for pod in fleet.alive():
            await account.delete(f"/v2/pods/{pod['id']}")


@asynccontextmanager
async def renting(settings: Settings) -> AsyncIterator[WorkerHost]:
    """A worker process of this deployment, in this process."""
    async with open_worker(settings) as ports:
        host = WorkerHost(ports)
        async with host.running():
            yield host


@pytest.fixture
async def stranger(cloud: Cloud) -> AsyncIterator[Callable[[str], Awaitable[str]]]:
    """Rents a pod of that name, as somebody else on the same account would; returns its id."""
    async with httpx.AsyncClient(
        base_url=cloud.url, headers={"Authorization": f"Bearer {cloud.key}"}
    ) as account:
        rented: list[str] = []

        async def rent(name: str) -> str:
            order = {"name": name, "image": "x", "gpu": {"id": "NVIDIA L4"}, "disk": 10}
            answer = await account.post("/v2/pods", json=order)
            rented.append(answer.raise_for_status().json()["id"])
            return rented[-1]

        yield rent
        for pod in rented:
            await account.delete(f"/v2/pods/{pod}")


@pytest.fixture
async def host(rented: Settings, temporal: Client) -> AsyncIterator[WorkerHost]:
    async with renting(rented) as host:
        yield host


@pytest.fixture
def renting_with(
    rented: Settings, temporal: Client
) -> Callable[..., AbstractAsyncContextManager[WorkerHost]]:
    """Start a worker on other terms."""
    return lambda **other: renting(rented.model_copy(update=other))
