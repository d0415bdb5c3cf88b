"""What one restoration costs, counted: small numbers that nobody raises by accident."""

import asyncio
import time
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any
from uuid import UUID

import cv2
import httpx
import numpy as np
import psycopg
import pytest
from sqlalchemy import event
from sqlalchemy.engine import Engine
from temporalio.client import Client, WorkflowHistory

from api.app import create_app
from deploy.embedded.postgres import EmbeddedPostgres
from rekindle.adapters.s3 import S3Store
from rekindle.contracts import jobs, renders
from rekindle.contracts.events import EventKind
from rekindle.ports.identity import Principal
from rekindle.settings import Settings
from rekindle.wiring import ApiPorts, WorkerPorts, open_api


class Tokens:
    """Everybody is the same person."""

    async def verify(self, token: str) -> Principal:
        return Principal("https://issuer.example/", token, frozenset(), None, 0)

    async def check(self) -> None:
        return None


@dataclass
class Meter:
    """What this process asked of Postgres and S3 while it was on."""

    statements: int = 0
    progress_writes: int = 0
    transactions: int = 0
    requests: Counter[str] = field(default_factory=Counter)

    def reset(self) -> None:
        self.statements = self.progress_writes = self.transactions = 0
        self.requests.clear()

    def watch(self, store: Any) -> None:
        """Count the requests of an S3 store."""
        assert isinstance(store, S3Store)
        store._client.meta.events.register("before-send.s3", self._note_request)

    def _note_request(self, event_name: str, **_: Any) -> None:
        self.requests[event_name.rpartition(".")[2]] += 1

    def note_statement(
        self, _connection: Any, _cursor: Any, _sql: str, given: Any, *_: Any
    ) -> None:
        if EventKind.ATTEMPT_PROGRESS in given.values():
            self.progress_writes += 1
        else:
            self.statements += 1

    def note_commit(self, *_: Any) -> None:
        self.transactions += 1


@pytest.fixture
def meter(working: WorkerPorts) -> Iterator[Meter]:
    meter = Meter()
    meter.watch(working.objects)
    event.listen(Engine, "before_cursor_execute", meter.note_statement)
    event.listen(Engine, "commit", meter.note_commit)
    yield meter
    event.remove(Engine, "before_cursor_execute", meter.note_statement)
    event.remove(Engine, "commit", meter.note_commit)


@pytest.fixture
async def http(settings: Settings, meter: Meter) -> AsyncIterator[httpx.AsyncClient]:
    """A client of the whole API over the same services, signed in."""

    @asynccontextmanager
    async def ports_for_anybody(settings: Settings) -> AsyncIterator[ApiPorts]:
        async with open_api(settings) as ports:
            meter.watch(ports.objects)
            yield replace(ports, tokens=Tokens())

    app = create_app(settings, open_ports=ports_for_anybody)
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(
            transport=httpx.ASGITransport(app),
            base_url="http://api.example",
            headers={"Authorization": "Bearer somebody"},
        ) as client,
    ):
        yield client


@pytest.fixture
def succeeded(postgres_server: EmbeddedPostgres) -> Any:
    """Waits for an attempt without being counted."""

    async def wait(attempt_id: str) -> None:
        question = "select status from restore_attempts where id = %s"
        url = postgres_server.address.url
        async with await psycopg.AsyncConnection.connect(url, autocommit=True) as connection:
            while True:
                row = await (await connection.execute(question, [attempt_id])).fetchone()
                assert row is None or row[0] in ("queued", "running", "succeeded"), row
                if row is not None and row[0] == "succeeded":
                    return
                await asyncio.sleep(0.02)

    return wait


async def uploaded(http: httpx.AsyncClient, tmp_path: Path) -> str:
    photo = tmp_path / "photo.png"
    cv2.imwrite(str(photo), np.full((60, 80, 3), 90, np.uint8))
    reply = await http.post(
        "/api/v1/jobs/upload",
        data={"email": "ada@example.com"},
        files={"photo": ("p", photo.read_bytes())},
    )
    assert reply.status_code == 201, reply.text
    return str(reply.json()["id"])


async def asked(http: httpx.AsyncClient, job_id: str) -> str:
    wish = {"graph": "restore", "megapixels": 0.1, "seed": 7}
    reply = await http.post(f"/api/v1/jobs/{job_id}/restore", json=wish)
    assert reply.status_code == 202, reply.text
    return str(reply.json()["id"])


async def histories(temporal: Client, job_id: str, attempt_id: str) -> dict[str, WorkflowHistory]:
    """Of the job and of the attempt, once the render has ended and the job knows."""
    render = temporal.get_workflow_handle(renders.workflow_id(UUID(attempt_id)))
    await render.result()
    job = temporal.get_workflow_handle(jobs.workflow_id(UUID(job_id)))
    while True:
        history = await job.fetch_history()
        if history.events[-1].HasField("timer_started_event_attributes"):
            return {"job": history, "render": await render.fetch_history()}
        await asyncio.sleep(0.02)


def size(history: WorkflowHistory) -> int:
    return sum(each.ByteSize() for each in history.events)


async def test_one_restoration_costs_little(
    http: httpx.AsyncClient, temporal: Client, meter: Meter, succeeded: Any, tmp_path: Path
) -> None:
    job_id = await uploaded(http, tmp_path)
    first = await asked(http, job_id)  # pods are served, pools are filled
    await succeeded(first)
    before = (await histories(temporal, job_id, first))["job"]
    meter.reset()

    began = time.monotonic()
    attempt_id = await asked(http, job_id)
    await succeeded(attempt_id)
    seconds = time.monotonic() - began
    found = await histories(temporal, job_id, attempt_id)

    job, render = found["job"], found["render"]
    scheduled = [e for e in render.events if e.HasField("activity_task_scheduled_event_attributes")]
    # The API reads the job, writes the attempt and reads it; then admitted, succeeded, selected.
    assert (meter.statements, meter.requests) == (6, {"GetObject": 2, "PutObject": 3})
    # Staging, rendering, finalizing; and at most two a second between them.
    assert meter.progress_writes <= 3 + 2 * seconds
    assert meter.transactions <= 4 + meter.progress_writes
    assert (len(scheduled), len(render.events)) == (3, 23)
    assert size(render) < 6 * 1024
    assert len(job.events) - len(before.events) <= 17
    assert size(job) - size(before) < 4 * 1024
