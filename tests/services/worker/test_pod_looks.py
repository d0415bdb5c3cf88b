"""How often a pod is looked at, and what a look makes of the prompts it sees."""

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest
from sqlalchemy import delete
from sqlmodel import col
from temporalio.client import Client
from temporalio.testing import ActivityEnvironment

from activities.pods import service
from activities.pods.service import PodService
from rekindle.adapters.comfyui import ComfyClient
from rekindle.adapters.static_pods import StaticPods
from rekindle.adapters.temporal import TemporalPodOwners
from rekindle.contracts.pods import Pod
from rekindle.contracts.renders import prompt_of
from rekindle.contracts.statuses import GpuClass, Stage
from rekindle.errors import HandedOver
from rekindle.models import Attempt, PodRecord
from rekindle.store import attempts, pods
from rekindle.store.database import Database
from tests.services.rows import stored_job
from worker.seats import PodSeats

URL = "http://pod.example"


class Looks:
    """A server whose queue is asked for; counts how often."""

    def __init__(self) -> None:
        self.count = 0
        self.queue: list[Any] = []
        self.on_look: Callable[[], None] = lambda: None
        transport = httpx.MockTransport(self._answer)
        self.http = httpx.AsyncClient(base_url=URL, transport=transport)

    def _answer(self, request: httpx.Request) -> httpx.Response:
        if request.url.path != "/queue":  # a fixed server is asked for nodes and models first
            return httpx.Response(200, json=[] if request.url.path == "/models" else {})
        self.count += 1
        reply = {"queue_running": list(self.queue), "queue_pending": []}
        self.on_look()
        return httpx.Response(200, json=reply)


class Watched:
    """A pod that is served, with room for one prompt."""

    def __init__(self, looks: Looks, temporal: Client, database: Database, pod: Pod) -> None:
        comfy = ComfyClient(URL, http=looks.http)
        self.seats = PodSeats()
        self.leaving = asyncio.Event()
        self.beats = 0
        self._service = PodService(
            pod,
            comfy=comfy,
            door=StaticPods([comfy], places=1),
            owners=TemporalPodOwners(temporal),
            seats=self.seats,
            database=database,
            examine_seconds=3600.0,
        )
        environment = ActivityEnvironment()
        environment.on_heartbeat = self._beat
        self.serving = asyncio.ensure_future(environment.run(self._service.serve, self.leaving))

    def _beat(self, *_: Any) -> None:
        self.beats += 1

    async def until(self, holds: Callable[[], bool]) -> None:
        async with asyncio.timeout(60):
            while not holds():
                await asyncio.sleep(0.005)

    async def until_left(self) -> None:
        self.leaving.set()
        with pytest.raises(HandedOver):
            await self.serving


@pytest.fixture
def looks() -> Looks:
    return Looks()


@pytest.fixture
def rented() -> Pod:
    return Pod(
        pod_id=f"rk-t-image-0-{uuid4().hex[:8]}",
        gpu_class=GpuClass.IMAGE,
        number=0,
        generation=1,
        grace_seconds=60.0,
        boot_seconds=60.0,
        alone_seconds=0.05,
        machine="m",
    )


@pytest.fixture
async def watched(
    looks: Looks, temporal: Client, database: Database, rented: Pod
) -> AsyncIterator[Watched]:
    watched = Watched(looks, temporal, database, rented)
    yield watched
    await watched.until_left()
    await looks.http.aclose()


@pytest.fixture
async def fixed(database: Database) -> AsyncIterator[Pod]:
    """A fixed server under a number that no other test has."""
    number = uuid4().int % 1_000_000 + 1000
    pod = Pod(
        pod_id=f"static-image-{number}",
        gpu_class=GpuClass.IMAGE,
        number=number,
        generation=0,
        grace_seconds=None,
    )
    async with database.transaction() as session:
        await pods.record(session, pod)
    yield pod
    async with database.transaction() as session:
        await session.execute(delete(Attempt).where(col(Attempt.pod_id) == pod.pod_id))
        await session.execute(delete(PodRecord).where(col(PodRecord.id) == pod.pod_id))


async def begun(database: Database, pod: Pod) -> UUID:
    """The prompt of an attempt that began on the pod."""
    attempt_id, job_id = uuid4(), uuid4()
    async with database.transaction() as session:
        await stored_job(session, job_id=job_id)
        row = Attempt(
            id=attempt_id,
            job_id=job_id,
            graph="restore",
            graph_version="1",
            gpu_class="image",
            priority=3,
            parameters={},
            stamp="s",
        )
        await attempts.record(session, row)
    async with database.transaction() as session:
        await attempts.advance(
            session,
            attempt_id,
            try_number=1,
            stage=Stage.RENDERING,
            progress=0.1,
            pod_id=pod.pod_id,
        )
    return prompt_of(attempt_id, 1)


@pytest.fixture(autouse=True)
def _brisk(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(service, "_LOOK_SECONDS", 0.005)
    monkeypatch.setattr(service, "_FOLLOWED_SECONDS", 3600.0)


async def test_a_pod_with_a_prompt_of_ours_is_left_alone_until_that_has_left(
    looks: Looks, watched: Watched
) -> None:
    await watched.seats.promise()
    seat = watched.seats.claim()
    await watched.until(lambda: watched.beats > 0)
    before, beats = looks.count, watched.beats

    await watched.until(lambda: watched.beats > beats + 20)

    assert looks.count <= before + 1  # one may have been on its way
    seat.leave()
    await watched.until(lambda: looks.count > before + 5)


async def test_a_pod_with_a_prompt_of_ours_is_not_idle_although_nobody_scales_the_fleet(
    watched: Watched, monkeypatch: pytest.MonkeyPatch
) -> None:
    await watched.seats.promise()
    seat = watched.seats.claim()
    monkeypatch.setattr(service, "_ASK_SECONDS", 0.0)
    beats = watched.beats

    await watched.until(lambda: watched.serving.done() or watched.beats > beats + 50)

    assert not watched.serving.done()
    seat.leave()


async def test_a_prompt_that_ends_during_a_look_leaves_no_orphan(
    looks: Looks, watched: Watched, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(service, "_FOLLOWED_SECONDS", 0.0)
    await watched.seats.promise()
    seat = watched.seats.claim()
    looks.queue = [[0, "ours", {}, {}, []]]
    room: list[int] = []

    def ends() -> None:
        seat.leave()
        looks.queue = []
        looks.on_look = lambda: room.append(watched.seats.room)

    looks.on_look = ends
    await watched.until(lambda: bool(room))

    assert room[0] == 1  # it still had its room when it was looked at the next time


async def test_a_prompt_of_nobody_holds_the_room_until_it_has_ended(
    looks: Looks, watched: Watched
) -> None:
    looks.queue = [[0, "orphan", {}, {}, []]]
    seen = looks.count
    await watched.until(lambda: looks.count > seen + 3)
    assert watched.seats.room == 0

    looks.queue = []
    async with asyncio.timeout(60):
        await watched.seats.promise()


async def test_on_a_fixed_server_prompts_of_others_leave_room_and_our_orphan_does_not(
    looks: Looks, temporal: Client, database: Database, fixed: Pod
) -> None:
    theirs: list[Any] = [0, str(uuid4()), {}, {}, []]
    looks.queue = [theirs]
    watched = Watched(looks, temporal, database, fixed)
    try:
        await watched.until(lambda: watched.seats.room == 1)

        looks.queue = [theirs, [1, str(await begun(database, fixed)), {}, {}, []]]
        await watched.until(lambda: watched.seats.room == 0)

        looks.queue = [theirs]
        await watched.until(lambda: watched.seats.room == 1)
    finally:
        await watched.until_left()
        await looks.http.aclose()
