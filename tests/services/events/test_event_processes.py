"""Two API processes as they run in production: both tell, both leave, and what a stream costs."""

import asyncio
import os
import sys
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from statistics import quantiles
from typing import Any
from uuid import UUID

import httpx
import pytest

from deploy.embedded.ports import free_port
from deploy.embedded.postgres import EmbeddedPostgres
from deploy.embedded.probes import http_ok
from deploy.embedded.process import GuardedProcess
from deploy.stack.services import CLIENT, DEVELOPER, Issuer
from rekindle.contracts.statuses import Stage
from rekindle.store import attempts

pytestmark = pytest.mark.slow

AUDIENCE = "https://api.example"
STREAMS = 100
ROUNDS = 5


class Process:
    """An API process."""

    def __init__(self, folder: Path, environment: dict[str, str]) -> None:
        port = free_port()
        self.url = f"http://127.0.0.1:{port}"
        self.guarded = GuardedProcess(
            [sys.executable, "-m", "api.main"],
            name="api",
            log=folder / "log.txt",
            env={**environment, "BACKEND_PORT": str(port), "PATH": os.environ["PATH"]},
        )
        self.guarded.start(http_ok(port, "/health"))

    @property
    def memory(self) -> int:
        """What it holds in memory, bytes."""
        status = Path(f"/proc/{self.guarded.pid}/status").read_text()
        [row] = [line.split() for line in status.splitlines() if line.startswith("VmRSS:")]
        return int(row[1]) * 1024


@pytest.fixture(scope="module")
def issuer(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Issuer]:
    with Issuer(tmp_path_factory.mktemp("issuer"), port=free_port(), audience=AUDIENCE) as issuer:
        yield issuer


@pytest.fixture(scope="module")
def token(issuer: Issuer) -> str:
    """Of the developer."""
    form = {"grant_type": "client_credentials", "audience": AUDIENCE}
    auth = (CLIENT, issuer.secret_file.read_text().strip())
    reply = httpx.post(
        f"{issuer.url}/oauth/token", data=form, auth=auth, trust_env=False, timeout=60
    )
    return str(reply.raise_for_status().json()["access_token"])


@pytest.fixture(scope="module")
def processes(
    tmp_path_factory: pytest.TempPathFactory, postgres_server: EmbeddedPostgres, issuer: Issuer
) -> Iterator[list[Process]]:
    environment = {
        "DATABASE_URL": postgres_server.address.url,
        "AUTH0_DOMAIN": issuer.issuer,
        "AUTH0_AUDIENCE": AUDIENCE,
        "SECRET_KEY": "s" * 32,
        "AWS_ACCESS_KEY_ID": "unused",
        "AWS_SECRET_ACCESS_KEY": "unused",  # pragma: allowlist secret
    }
    started: list[Process] = []
    try:
        while len(started) < 2:
            started.append(Process(tmp_path_factory.mktemp("api"), environment))
        yield started
    finally:
        for process in started:
            process.guarded.stop()


@pytest.fixture
async def clients(processes: list[Process], connect_client: Any, token: str) -> list[Any]:
    clients = [connect_client(process.url) for process in processes]
    for client in clients:
        client.http.headers["Authorization"] = f"Bearer {token}"
    return clients


@asynccontextmanager
async def following(client: Any, jobs: list[UUID]) -> AsyncIterator[list[Any]]:
    async with AsyncExitStack() as stack:
        streams = [await stack.enter_async_context(client.follows(job_id)) for job_id in jobs]
        for stream in streams:
            assert (await stream.event()).kind == "job"
        yield streams


async def jobs_of_developer(story: Any, issuer: Issuer, count: int) -> list[UUID]:
    return [await story.job(f"dev|{DEVELOPER}", issuer.issuer) for _ in range(count)]


async def test_a_hundred_streams_are_quick_and_cheap(
    story: Any, issuer: Issuer, processes: list[Process], clients: list[Any]
) -> None:
    """From the commit to the client; each stream on a job of its own, one event after the other."""
    made = await jobs_of_developer(story, issuer, STREAMS)
    rows = [await story.queue(job_id) for job_id in made]
    async with following(clients[0], made[:1]):
        before = processes[0].memory
    commits: dict[tuple[str, float], float] = {}
    waits: list[float] = []

    async def watch(stream: Any) -> None:
        for _ in range(ROUNDS):
            event = await stream.event()
            key = (event.data["attempt_id"], event.data["progress"])
            waits.append(event.received_at - commits[key])

    async def advance(attempt_id: UUID, progress: float) -> None:
        async with story.database.transaction() as session:
            await attempts.advance(
                session,
                attempt_id,
                try_number=1,
                stage=Stage.RENDERING,
                progress=progress,
                pod_id="p",
            )
            commits[str(attempt_id), progress] = time.perf_counter()

    async with following(clients[0], made) as streams:
        after = processes[0].memory
        watching = asyncio.gather(*(watch(stream) for stream in streams))
        for step in range(1, ROUNDS + 1):
            for attempt_id in rows:
                await advance(attempt_id, step / 100)
        await watching
    cuts = quantiles(waits, n=100)
    figures = {
        "p50_ms": round(cuts[49] * 1000, 1),
        "p99_ms": round(cuts[98] * 1000, 1),
        "kib_per_stream": round((after - before) / 1024 / STREAMS, 1),
    }
    print(figures)
    assert len(waits) == STREAMS * ROUNDS
    # By notification, and not by the look at every quarter of a minute.
    assert figures["p50_ms"] < 5000
    assert figures["kib_per_stream"] < 150


async def test_two_processes_tell_the_same_and_one_leaves_in_time(
    story: Any, issuer: Issuer, processes: list[Process], clients: list[Any]
) -> None:
    made = await jobs_of_developer(story, issuer, 20)
    async with following(clients[0], made) as some, following(clients[1], made) as others:
        queued = [await story.queue(job_id) for job_id in made]
        for one, other in zip(some, others, strict=True):
            assert (await one.event()).data == (await other.event()).data
        began_at = time.monotonic()
        await asyncio.to_thread(processes[0].guarded.stop)
        assert time.monotonic() - began_at < 30
        assert processes[0].guarded.exit_code == 0
        for one in some:
            assert await one.rest() == []
        for attempt_id in queued:
            await story.succeed(attempt_id)
        for other in others:
            assert (await other.event()).kind == "attempt.succeeded"
    place = (await story.ids(made[0]))[0]
    async with clients[1].follows(made[0], after=place) as resumed:
        assert (await resumed.event()).kind == "attempt.succeeded"
