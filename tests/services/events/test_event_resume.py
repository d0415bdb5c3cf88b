"""Coming back: what was missed comes, once and in order, or the whole state anew."""

import asyncio
import random
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx
import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from api.events import EventStream
from rekindle.store.database import Database


@pytest.mark.parametrize("way", ["header", "query", "header over query"])
async def test_a_client_that_comes_back_gets_what_it_missed(way: str, story: Any, ada: Any) -> None:
    job_id = await story.job()
    for _ in range(4):
        await story.queue(job_id)
    ids = await story.ids(job_id)
    after = {"after": ids[1]} if way != "query" else {}
    query = {"last_event_id": ids[1] if way == "query" else ids[3]} if way != "header" else {}
    async with ada.follows(job_id, **after, **query) as stream:
        missed = await stream.events(2)
        await story.queue(job_id)
        live = await stream.event()
    assert [each.id for each in missed] == ids[2:]
    assert live.id == (await story.ids(job_id))[-1]


async def test_a_client_that_missed_nothing_gets_nothing_but_what_is_new(
    story: Any, ada: Any
) -> None:
    attempt_id = await story.queue(job_id := await story.job())
    [last] = await story.ids(job_id)
    async with ada.follows(job_id, after=last) as stream:
        await story.advance(attempt_id, 0.5)
        assert (await stream.event()).kind == "attempt.progress"


async def test_a_client_that_missed_very_much_reads_it_by_itself_page_by_page(
    story: Any, ada: Any, log_reads: list[str]
) -> None:
    """More than a mailbox holds; those who follow already are not bothered with it."""
    attempt_id = await story.queue(job_id := await story.job())
    [first] = await story.ids(job_id)
    await story.advance_often(attempt_id, 430)
    async with ada.follows(job_id) as brisk:
        await brisk.event()
        log_reads.clear()
        async with ada.follows(job_id, after=first) as stream:
            missed = await stream.events(430)
            assert len(log_reads) <= 6
            await story.advance(attempt_id, 0.9)
            last = await stream.event()
    assert [each.id for each in [*missed, last]] == (await story.ids(job_id))[1:]


async def test_what_a_client_reads_and_is_told_at_once_comes_once(
    story: Any, serve_api: Any, connect_client: Any
) -> None:
    """The event is committed after the second stream has registered and before it reads."""
    api = await serve_api()
    client = connect_client(api.url)
    attempt_id = await story.queue(job_id := await story.job())
    [place] = await story.ids(job_id)
    async with client.follows(job_id, after=place) as one:
        await api.until_streams(1)
        gate = Gate(api.hub.database)
        view: Any = EventHubView(api.hub, gate)
        stream = EventStream(
            view,
            job_id,
            after=place,
            keepalive_seconds=15,
            lifetime_seconds=3600,
        )
        written: list[bytes] = []

        async def write(content: bytes) -> None:
            written.append(content)

        async def run() -> None:
            async with stream.opened():
                await stream.run(write)

        running = asyncio.create_task(run())
        await api.until_streams(2)
        await story.advance(attempt_id, 0.4)
        assert (await one.event()).data["progress"] == 0.4
        gate.open.set()
        await story.advance(attempt_id, 0.5)
        assert (await one.event()).data["progress"] == 0.5
        async with asyncio.timeout(60):
            while b'"progress": 0.5' not in b"".join(written):
                await asyncio.sleep(0.01)
        stream.leave()
        await running
    told = b"".join(written)
    assert told.count(b'"progress": 0.4') == told.count(b'"progress": 0.5') == 1
    assert told.index(b'"progress": 0.4') < told.index(b'"progress": 0.5')


class Gate:
    """A database that lets nobody in until it is opened."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self.open = asyncio.Event()

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[AsyncSession]:
        await self.open.wait()
        async with self._database.transaction() as session:
            yield session


class EventHubView:
    """The hub, for a stream that reads through a gate."""

    def __init__(self, hub: Any, gate: Gate) -> None:
        self.database: Any = gate
        self.mailbox, self.follow = hub.mailbox, hub.follow


@pytest.mark.parametrize("strange", ["0", "-1", "x", "9" * 30, str(2**63), "1.5", "٣", "1 or 1"])
async def test_an_id_that_is_not_kept_begins_anew(strange: str, story: Any, ada: Any) -> None:
    await story.queue(job_id := await story.job())
    async with ada.follows(job_id, last_event_id=strange) as stream:
        event = await stream.event()
    assert (event.kind, event.id) == ("job", (await story.ids(job_id))[-1])


async def test_an_id_of_another_job_begins_anew(story: Any, ada: Any) -> None:
    job_id, other_job = await story.job(), await story.job()
    await story.queue(other_job)
    [foreign] = await story.ids(other_job)
    async with ada.follows(job_id, after=foreign) as stream:
        assert (await stream.event()).kind == "job"


async def test_an_id_older_than_what_is_kept_begins_anew(story: Any, ada: Any) -> None:
    attempt_id = await story.queue(job_id := await story.job())
    await story.advance(attempt_id, 0.5)
    old, _ = await story.ids(job_id)
    async with story.database.transaction() as session:
        await session.execute(text("delete from job_events where id = :id"), {"id": old})
    async with ada.follows(job_id, after=old) as stream:
        event = await stream.event()
    assert event.kind == "job"
    assert event.data["attempts"][0]["progress"] == 0.5


@pytest.mark.parametrize("seed", range(2))
async def test_over_random_reconnects_nothing_is_lost_and_nothing_comes_twice(
    seed: int, story: Any, serve_api: Any, connect_client: Any
) -> None:
    """The client cuts its connection anywhere and comes back, to either of two replicas."""
    chance = random.Random(seed)
    clients = [connect_client((await serve_api()).url) for _ in range(2)]
    job_id = await story.job()
    attempt_id = await story.queue(job_id)
    [place] = await story.ids(job_id)

    async def write() -> None:
        for step in range(1, 200):
            await story.advance(attempt_id, step / 1000)
            if chance.random() < 0.3:
                await asyncio.sleep(chance.random() * 0.02)
        await story.succeed(attempt_id)

    writing = asyncio.create_task(write())
    seen: list[int] = []
    reconnects, kind = 0, ""
    while kind != "attempt.succeeded":
        async with chance.choice(clients).follows(job_id, after=place) as stream:
            for _ in range(chance.randrange(25)):
                event = await stream.event()
                seen.append(event.id)
                place, kind = event.id, event.kind
                if kind == "attempt.succeeded":
                    break
        reconnects += 1
    await writing
    assert seen == (await story.ids(job_id))[1:]
    assert reconnects > 5


async def test_a_client_that_reads_late_still_gets_everything_in_order(
    story: Any, api: Any, ada: Any
) -> None:
    """Far more is written meanwhile than its mailbox and the sockets hold."""
    job_id = await story.job()
    attempt_id = await story.queue(job_id)
    [first] = await story.ids(job_id)
    narrow = socket.create_connection(("127.0.0.1", httpx.URL(api.url).port))
    narrow.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 16)
    narrow.sendall(
        f"GET /api/v1/jobs/{job_id}/events HTTP/1.0\r\nLast-Event-ID: {first}\r\n"
        "Authorization: Bearer ada\r\n\r\n".encode()
    )
    await api.until_streams(1)
    async with ada.follows(job_id, after=first) as brisk:
        await story.advance_often(attempt_id, 3000, padding=3000)
        await story.succeed(attempt_id)
        told = await brisk.events(3001)
    ids = await story.ids(job_id)
    assert [each.id for each in told] == ids[1:]
    read = await asyncio.to_thread(read_until, narrow, b"attempt.succeeded")
    seen = [int(line[4:]) for line in read.split(b"\n") if line.startswith(b"id: ")]
    assert seen == ids[1:]
    await api.until_streams(0)


def read_until(connection: socket.socket, word: bytes) -> bytes:
    """Up to the end of the first event with this word in it."""
    connection.settimeout(60)
    read = bytearray()
    with connection:
        while b"\n\n" not in read[-4096:].partition(word)[2]:
            piece = connection.recv(1 << 16)
            assert piece, "the stream ended early"
            read += piece
    return bytes(read)
