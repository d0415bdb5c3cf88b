"""An API process is killed in the middle of a request; the same request goes to another one."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from uuid import UUID, uuid4

import httpx
import psycopg
import pytest
from sqlalchemy import select, update
from sqlmodel import col
from temporalio.client import Client

from deploy.embedded.postgres import EmbeddedPostgres
from rekindle.adapters.s3 import S3Store
from rekindle.contracts import jobs, keys
from rekindle.models import IdempotencyKey
from rekindle.store.database import Database

pytestmark = pytest.mark.slow

UPLOAD = "/api/v1/jobs/upload"


@asynccontextmanager
async def client(server: Any, token: str) -> AsyncIterator[httpx.AsyncClient]:
    headers = {"Authorization": f"Bearer {token}"}
    async with httpx.AsyncClient(
        base_url=server.url, headers=headers, timeout=60, trust_env=False
    ) as http:
        yield http


async def send(http: httpx.AsyncClient, key: str, photo: bytes) -> httpx.Response:
    return await http.post(
        UPLOAD,
        data={"email": "ada@example.com"},
        files={"photo": ("a", photo)},
        headers={"Idempotency-Key": key},
    )


async def own_jobs(http: httpx.AsyncClient) -> set[str]:
    return {job["id"] for job in (await http.get("/api/v1/jobs?limit=100")).json()["jobs"]}


async def killed(server: Any, request: asyncio.Task[httpx.Response]) -> None:
    """Kill the process in the middle of a request: its client never gets an answer."""
    assert not request.done()
    server.process.kill()
    with pytest.raises(httpx.TransportError):
        await request


async def outlive_lease(database: Database) -> None:
    """Its ten seconds are over: move its end into the past instead of waiting."""
    now = IdempotencyKey.first_used_at
    held = col(IdempotencyKey.leased_until).is_not(None)
    async with database.transaction() as session:
        await session.execute(update(IdempotencyKey).where(held).values(leased_until=now))


@asynccontextmanager
async def silence() -> AsyncIterator[tuple[str, asyncio.Event]]:
    """An address where connections are taken and nothing is ever said; set once there is one."""
    reached, over = asyncio.Event(), asyncio.Event()

    async def hold(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        reached.set()
        await over.wait()
        writer.close()

    server = await asyncio.start_server(hold, "127.0.0.1", 0)
    async with server:
        host, port = server.sockets[0].getsockname()
        yield f"{host}:{port}", reached
        over.set()


async def test_killed_before_the_workflow_was_opened_the_next_try_makes_that_very_job(
    server: Any,
    make_server: Any,
    token: str,
    make_photo: Any,
    database: Database,
    objects: S3Store,
    temporal: Client,
) -> None:
    key, photo = str(uuid4()), make_photo()
    async with silence() as (address, reached):
        doomed = make_server(TEMPORAL_ADDRESS=address)
        doomed.start_unready()
        async with client(doomed, token) as http, asyncio.timeout(60):
            before = await own_jobs(http)
            request = asyncio.create_task(send(http, key, photo))
            await reached.wait()
            await killed(doomed, request)
    await outlive_lease(database)
    async with client(server, token) as http:
        assert await own_jobs(http) == before
        reply = await send(http, key, photo)
        assert (reply.status_code, "idempotent-replayed" in reply.headers) == (201, False)
        job_id = reply.json()["id"]
        assert await own_jobs(http) == before | {job_id}
        again = await send(http, key, photo)
        assert (again.content, again.headers["idempotent-replayed"]) == (reply.content, "true")
    assert await objects.head(keys.uploaded(UUID(job_id), "jpg")) is not None
    assert await temporal.get_workflow_handle(jobs.workflow_id(UUID(job_id))).describe()
    async with database.transaction() as session:
        tries = select(col(IdempotencyKey.tries)).order_by(col(IdempotencyKey.first_used_at).desc())
        assert (await session.execute(tries.limit(1))).scalar_one() == 2


async def test_killed_after_the_job_was_made_the_next_try_finds_it(
    server: Any,
    make_server: Any,
    token: str,
    make_photo: Any,
    database: Database,
    postgres_server: EmbeddedPostgres,
) -> None:
    """The reply cannot be kept, because its row is locked: there the process dies."""
    key, photo = str(uuid4()), make_photo()
    doomed = make_server()
    doomed.start()
    async with client(doomed, token) as http, client(server, token) as elsewhere:
        async with asyncio.timeout(60):
            before = await own_jobs(elsewhere)
            lock = await psycopg.AsyncConnection.connect(postgres_server.address.url)
            async with lock:
                [began] = await (await lock.execute("select now()")).fetchone() or [None]
                request = asyncio.create_task(send(http, key, photo))
                ours = "select 1 from idempotency_keys where first_used_at > %s for update"
                while not await (await lock.execute(ours, [began])).fetchone():
                    await asyncio.sleep(0.005)
                while (made := await own_jobs(elsewhere)) == before:
                    await asyncio.sleep(0.02)
                await killed(doomed, request)
                await lock.rollback()
        await outlive_lease(database)
        reply = await send(elsewhere, key, photo)
        assert (reply.status_code, "idempotent-replayed" in reply.headers) == (201, False)
        assert made == before | {reply.json()["id"]} == await own_jobs(elsewhere)
