"""All streams of a process: one connection, few reads, and what happens when Postgres goes."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any
from uuid import UUID

from sqlalchemy import text

from deploy.embedded.postgres import EmbeddedPostgres
from rekindle.contracts.statuses import AttemptStatus
from rekindle.store.database import Database
from rekindle.store.schema import migrate


@asynccontextmanager
async def following(client: Any, jobs: list[UUID]) -> AsyncIterator[list[Any]]:
    """A stream of each of these jobs, all begun."""
    async with AsyncExitStack() as stack:
        streams = [await stack.enter_async_context(client.follows(job_id)) for job_id in jobs]
        for stream in streams:
            assert (await stream.event()).kind == "job"
        yield streams


async def write_silently(story: Any, job_id: UUID) -> None:
    """An event whose notification nobody hears."""
    async with story.database.transaction() as session:
        await session.execute(
            text(
                "insert into job_events (job_id, kind, data) "
                """values (:job, 'attempt.succeeded', '{"status": "succeeded"}')"""
            ),
            {"job": job_id},
        )


async def test_fifty_streams_share_one_listening_connection(
    story: Any, serve_api: Any, connect_client: Any, listeners: Any
) -> None:
    await listeners.until(0)
    first, second = [connect_client((await serve_api()).url) for _ in range(2)]
    made = [await story.job() for _ in range(25)] * 2
    async with following(first, made) as streams:
        await listeners.until(1)
        for job_id in made[:25]:
            await story.queue(job_id)
        for stream in streams:
            assert (await stream.event()).kind == "attempt.queued"
        assert len(await listeners.pids()) == 1
        async with following(second, made[:1]):
            await listeners.until(2)


async def test_an_event_is_read_once_however_many_follow(
    story: Any, ada: Any, log_reads: list[str]
) -> None:
    attempt_id = await story.queue(job_id := await story.job())
    async with following(ada, [job_id] * 30) as streams:
        log_reads.clear()
        for step in range(1, 21):
            await story.advance(attempt_id, step / 100)
            for stream in streams:
                assert (await stream.event()).data["progress"] == step / 100
    # One more for the new connection, and for each look at every quarter of a minute; not 600.
    assert 15 <= len(log_reads) <= 40


async def test_two_replicas_both_tell_in_the_same_order(
    story: Any, serve_api: Any, connect_client: Any
) -> None:
    clients = [connect_client((await serve_api()).url) for _ in range(2)]
    job_id = await story.job()
    attempts = [await story.queue(job_id) for _ in range(5)]
    async with clients[0].follows(job_id) as one, clients[1].follows(job_id) as other:
        assert (await one.event()).data == (await other.event()).data

        async def work(attempt_id: UUID) -> None:
            for step in range(1, 11):
                await story.advance(attempt_id, step / 20)
            await story.close(attempt_id, AttemptStatus.CANCELED)

        await asyncio.gather(*(work(attempt_id) for attempt_id in attempts))
        told = [await stream.events(55) for stream in (one, other)]
    ids = (await story.ids(job_id))[5:]
    assert [[each.id for each in events] for events in told] == [ids, ids]


async def test_a_killed_listener_comes_back_and_nothing_is_lost(
    story: Any, serve_api: Any, connect_client: Any, listeners: Any
) -> None:
    await listeners.until(0)
    client = connect_client((await serve_api(event_poll_seconds=3600)).url)
    attempt_id = await story.queue(job_id := await story.job())
    async with client.follows(job_id) as stream:
        await stream.event()
        for step in range(1, 6):
            await listeners.until(1)
            assert await listeners.kill() == 1
            await story.advance(attempt_id, step / 100)
            assert (await stream.event()).data["progress"] == step / 100
        await listeners.until(1)
        await listeners.kill()
        await story.succeed(attempt_id)
        assert (await stream.event()).kind == "attempt.succeeded"
    assert len(await story.ids(job_id)) == 7


async def test_what_was_written_while_nobody_listened_is_found_after_reconnecting(
    story: Any, serve_api: Any, connect_client: Any, listeners: Any
) -> None:
    await listeners.until(0)
    client = connect_client((await serve_api(event_poll_seconds=3600)).url)
    made = [await story.job() for _ in range(3)]
    async with following(client, made) as streams:
        await listeners.until(1)
        for job_id in made:
            await write_silently(story, job_id)
        await listeners.kill()
        for stream in streams:
            assert (await stream.event()).kind == "attempt.succeeded"


async def test_a_lost_notification_only_costs_time(
    story: Any, serve_api: Any, connect_client: Any
) -> None:
    """Other jobs are told of all the while: only the poll finds the silent one."""
    client = connect_client((await serve_api(event_poll_seconds=0.2)).url)
    silent, busy = await story.job(), await story.job()
    attempt_id = await story.queue(busy)
    async with following(client, [silent, busy]) as (stream, other):
        await story.advance(attempt_id, 0.0005)
        await other.event()  # so the reading that follows a new connection is over
        await write_silently(story, silent)
        waiting = asyncio.create_task(stream.event())
        for step in range(1, 1000):
            await story.advance(attempt_id, step / 1000)
            await other.event()
            if waiting.done():
                break
        assert (await waiting).kind == "attempt.succeeded"


async def test_streams_outlive_postgres(
    tmp_path: Path, story: Any, serve_api: Any, connect_client: Any
) -> None:
    """It is killed and comes back with its data; the end of the attempt reaches everybody."""
    with EmbeddedPostgres(tmp_path) as server:
        migrate(server.address.url)
        database = Database(server.address.url)
        story = type(story)(database)
        attempt_id = await story.queue(job_id := await story.job())
        api = await serve_api(
            database_url=server.address.url, event_keepalive_seconds=0.1, event_poll_seconds=3600
        )
        client = connect_client(api.url)
        async with following(client, [job_id] * 3) as streams:
            await asyncio.to_thread(server.kill)
            refused = await client.http.get(f"/api/v1/jobs/{job_id}/events")
            assert (refused.status_code, refused.json()["code"]) == (503, "database_unavailable")
            await asyncio.to_thread(server.start)
            await database.close()
            assert await story.succeed(attempt_id)
            for stream in streams:
                assert (await stream.event()).kind == "attempt.succeeded"
        await database.close()
        await api.stop()


async def test_a_leaving_server_ends_its_streams_at_once(
    story: Any, api: Any, ada: Any, listeners: Any
) -> None:
    made = [await story.job() for _ in range(10)]
    async with following(ada, made * 3) as streams:
        began_at = time.monotonic()
        await api.stop()
        for stream in streams:
            assert await stream.rest() == []
        assert time.monotonic() - began_at < 30
    await listeners.until(0)
