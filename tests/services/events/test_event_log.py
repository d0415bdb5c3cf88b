"""The log of a job: what is written into it, by how many statements, in which order it shows."""

import asyncio
import random
import re
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from typing import Any
from uuid import UUID, uuid4

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from rekindle.contracts.statuses import AttemptStatus, Stage
from rekindle.models import JobEvent
from rekindle.store import attempts, events
from rekindle.store.database import Database
from tests.services.statements import statements


@pytest.fixture
def sent() -> Iterator[list[str]]:
    """Every statement that is sent."""
    with statements() as sent:
        yield sent


@asynccontextmanager
async def heard(database: Database) -> AsyncIterator[list[str]]:
    """What is rung meanwhile; complete when the block has ended."""
    payloads: list[str] = []
    last = uuid4().hex

    async def listen(ready: asyncio.Event) -> None:
        async with database.listen(events.CHANNEL) as rung:
            ready.set()
            async for payload in rung:
                if payload == last:
                    return
                payloads.append(payload)

    ready = asyncio.Event()
    listening = asyncio.create_task(listen(ready))
    async with asyncio.timeout(120):
        await ready.wait()
        yield payloads
        async with database.transaction() as session:
            await session.execute(
                text("select pg_notify(:channel, :last)"), {"channel": events.CHANNEL, "last": last}
            )
        await listening


async def test_every_change_tells_what_is_needed_to_redraw(story: Any) -> None:
    job_id = await story.job()
    first, second, third = [await story.queue(job_id) for _ in range(3)]
    await story.advance(first, 0.05, Stage.STAGING)
    await story.advance(first, 0.42)
    await story.succeed(first)
    await story.choose(job_id, first)
    await story.close(second, AttemptStatus.FAILED, "graph_failed")
    await story.close(third, AttemptStatus.CANCELED)

    def told(status: str, stage: str | None, progress: float, code: str | None = None) -> Any:
        how = {"status": status, "stage": stage, "progress": progress, "error_code": code}
        return {"kind": "restore", **how}

    found = [(each.kind, each.attempt_id, each.data) for each in await story.log(job_id)]
    assert found == [
        ("attempt.queued", first, told("queued", "queued", 0)),
        ("attempt.queued", second, told("queued", "queued", 0)),
        ("attempt.queued", third, told("queued", "queued", 0)),
        ("attempt.progress", first, told("running", "staging", 0.05)),
        ("attempt.progress", first, told("running", "rendering", 0.42)),
        ("attempt.succeeded", first, told("succeeded", None, 1)),
        ("job.selected", first, {"selected_restore_id": str(first)}),
        ("attempt.failed", second, told("failed", None, 0, "graph_failed")),
        ("attempt.canceled", third, told("canceled", None, 0)),
    ]


async def test_a_change_its_event_and_its_notification_are_one_statement(
    story: Any, sent: list[str]
) -> None:
    job_id = await story.job()
    attempt = story.attempt(job_id)
    changes: list[Callable[[AsyncSession], Awaitable[object]]] = [
        lambda session: attempts.record(session, attempt),
        lambda session: attempts.advance(
            session, attempt.id, try_number=1, stage=Stage.RENDERING, progress=0.1, pod_id="p"
        ),
        lambda session: attempts.close(session, attempt.id, AttemptStatus.CANCELED),
    ]
    for change in changes:
        async with story.database.transaction() as session:
            sent.clear()
            await change(session)
            assert len(sent) == 1
    sent.clear()
    await story.choose(job_id, attempt.id)
    assert len(sent) == 1
    assert len(await story.ids(job_id)) == 4


async def test_a_notification_holds_ids_and_nothing_else(story: Any) -> None:
    async with heard(story.database) as payloads:
        job_id = await story.job()
        attempt_id = await story.queue(job_id)
        await story.advance(attempt_id, 0.3)
        await story.succeed(attempt_id)
        await story.choose(job_id, attempt_id)
    assert payloads == [f"{job_id}:{event_id}" for event_id in await story.ids(job_id)]
    assert len(payloads) == 4
    assert all(re.fullmatch(r"[0-9a-f-]{36}:\d+", payload) for payload in payloads)


async def test_what_changes_nothing_tells_nothing(story: Any) -> None:
    job_id = await story.job()
    attempt = story.attempt(job_id)
    async with story.database.transaction() as session:
        await attempts.record(session, attempt)
    assert await story.advance(attempt.id, 0.5, try_number=2)
    async with heard(story.database) as payloads:
        async with story.database.transaction() as session:
            await attempts.record(session, attempt)
        assert not await story.advance(attempt.id, 0.5, try_number=2)
        assert not await story.advance(attempt.id, 0.2, try_number=2)
        assert not await story.advance(attempt.id, 0.9, try_number=1)
        assert not await story.advance(uuid4(), 0.9)
    assert payloads == []
    assert await story.succeed(attempt.id)
    await story.choose(job_id, attempt.id)
    async with heard(story.database) as payloads:
        assert not await story.succeed(attempt.id)
        assert not await story.advance(attempt.id, 0.99, Stage.FINALIZING, try_number=3)
        assert not await story.close(attempt.id, AttemptStatus.FAILED, "graph_failed")
        await story.choose(job_id, attempt.id)
    assert payloads == []
    assert len(await story.ids(job_id)) == 4


async def test_a_change_that_is_rolled_back_tells_nothing(story: Any) -> None:
    job_id = await story.job()
    async with heard(story.database) as payloads, story.database.transaction() as session:
        await attempts.record(session, story.attempt(job_id))
        await session.rollback()
    assert payloads == []
    assert await story.ids(job_id) == []


async def test_progress_in_the_log_never_goes_back_though_stages_begin_again(story: Any) -> None:
    attempt_id = await story.queue(job_id := await story.job())
    await story.advance(attempt_id, 0.8)
    await story.advance(attempt_id, 0.05, Stage.STAGING, try_number=2)
    await story.advance(attempt_id, 0.1, try_number=2)
    await story.advance(attempt_id, 0.85, try_number=2)
    told = [(each.data["stage"], each.data["progress"]) for each in await story.log(job_id)]
    assert told == [
        ("queued", 0),
        ("rendering", 0.8),
        ("staging", 0.8),
        ("rendering", 0.8),
        ("rendering", 0.85),
    ]


async def test_a_later_writer_of_a_job_waits_for_an_earlier_one(story: Any) -> None:
    """Otherwise its event, with the higher id, could be seen before the lower one is there."""
    job_id, other_job = await story.job(), await story.job()
    first, second = await story.queue(job_id), await story.queue(job_id)
    place = (await story.ids(job_id))[-1]
    async with story.database.transaction() as session:
        await attempts.close(session, first, AttemptStatus.CANCELED)
        later = asyncio.create_task(story.advance(second, 0.5))
        await story.queue(other_job)  # nobody else waits
        await until_somebody_waits(story.database)
        assert await story.log(job_id, after=place) == []
        assert not later.done()
    assert await later
    kinds = [each.kind for each in await story.log(job_id, after=place)]
    assert kinds == ["attempt.canceled", "attempt.progress"]


async def until_somebody_waits(database: Database) -> None:
    waiting = text("select count(*) from pg_locks where locktype = 'advisory' and not granted")
    async with asyncio.timeout(120):
        while True:
            async with database.transaction() as session:
                if (await session.execute(waiting)).scalar_one():
                    return
            await asyncio.sleep(0.01)


@pytest.mark.parametrize("seed", range(2))
async def test_a_reader_that_goes_by_the_last_id_misses_nothing(
    story: Any, postgres_server: Any, seed: int
) -> None:
    """Many writers at one job, who commit when they please, and one impatient reader."""
    job_id = await story.job()
    chance = random.Random(seed)
    writers = Database(postgres_server.address.url, pool_size=8)

    async def write() -> None:
        for _ in range(12):
            async with writers.transaction() as session:
                await attempts.record(session, story.attempt(job_id))
                await asyncio.sleep(chance.random() * 0.01)

    writing = asyncio.gather(*(write() for _ in range(8)))
    seen: list[JobEvent] = []
    try:
        done = False
        while not done:
            done = writing.done()  # then what follows is the last look
            seen += await story.log(job_id, after=(seen[-1].id or 0) if seen else 0)
        await writing
    finally:
        await writers.close()
    assert len(seen) == 96
    assert [each.id for each in seen] == await story.ids(job_id)


async def test_the_same_attempt_recorded_by_several_at_once_is_told_once(
    story: Any, postgres_server: Any
) -> None:
    job_id = await story.job()
    attempt = story.attempt(job_id)
    many = Database(postgres_server.address.url, pool_size=8)

    async def record() -> None:
        async with many.transaction() as session:
            await attempts.record(session, attempt)

    await asyncio.gather(*(record() for _ in range(16)))
    await many.close()
    assert len(await story.ids(job_id)) == 1


async def test_a_late_progress_never_follows_an_end(story: Any) -> None:
    attempt_id = await story.queue(job_id := await story.job())
    async with story.database.transaction() as session:
        await attempts.close(session, attempt_id, AttemptStatus.CANCELED)
        late = asyncio.create_task(story.advance(attempt_id, 0.9))
        await until_somebody_waits(story.database)
    assert not await late
    assert [each.kind for each in await story.log(job_id)] == ["attempt.queued", "attempt.canceled"]


async def test_a_state_holds_exactly_what_happened_up_to_its_place(story: Any) -> None:
    job_id = await story.job()
    assert (await state(story, job_id)).event_id == 0
    attempt_id = await story.queue(job_id)
    async with story.database.transaction() as session:
        await attempts.close(session, attempt_id, AttemptStatus.CANCELED)
        before = await state(story, job_id)
    after = await state(story, job_id)
    [queued, canceled] = await story.ids(job_id)
    assert (before.event_id, [each.status for each in before.attempts]) == (queued, ["queued"])
    assert (after.event_id, [each.status for each in after.attempts]) == (canceled, ["canceled"])


async def state(story: Any, job_id: UUID) -> events.JobState:
    async with story.database.transaction() as session:
        found = await events.state(session, job_id)
    assert found is not None
    return found


async def test_a_place_is_resumed_only_while_it_is_kept(story: Any) -> None:
    job_id, other_job = await story.job(), await story.job()
    for _ in range(3):
        await story.queue(job_id)
    await story.queue(other_job)
    first, second, third = await story.ids(job_id)
    [foreign] = await story.ids(other_job)

    async def resumed(event_id: int, limit: int = 10) -> list[int | None] | None:
        async with story.database.transaction() as session:
            found = await events.resumed(session, job_id, event_id, limit=limit)
        return None if found is None else [each.id for each in found]

    assert await resumed(first) == [second, third]
    assert await resumed(first, limit=1) == [second]
    assert await resumed(third) == []
    for strange in (0, foreign, third + 1000):
        assert await resumed(strange) is None
    async with story.database.transaction() as session:
        await session.execute(text("delete from job_events where id = :id"), {"id": first})
    assert await resumed(first) is None


async def test_many_jobs_are_read_in_one_statement(story: Any, sent: list[str]) -> None:
    made = [await story.job() for _ in range(3)]
    for job_id in made:
        for _ in range(3):
            await story.queue(job_id)
    logs = [await story.ids(job_id) for job_id in made]
    sent.clear()
    async with story.database.transaction() as session:
        places = {job_id: ids[0] for job_id, ids in zip(made[:2], logs[:2], strict=True)}
        found = await events.since(session, places, limit=1)
    assert [each.id for each in found] == sorted([logs[0][1], logs[1][1]])
    assert len(sent) == 1


async def test_times_are_the_databases_and_in_order(story: Any) -> None:
    job_id = await story.job()
    attempt_id = await story.queue(job_id)
    await story.advance(attempt_id, 0.5)
    await story.succeed(attempt_id)
    times = [each.created_at for each in await story.log(job_id)]
    assert times == sorted(times)
    async with story.database.transaction() as session:
        attempt = await attempts.of_job(session, job_id, attempt_id)
    assert attempt is not None
    assert attempt.started_at is not None
    assert attempt.finished_at is not None
    assert times[0] > attempt.created_at
    assert times[0] < attempt.started_at < times[1] < attempt.finished_at < times[2]


async def test_a_log_goes_with_its_job(story: Any) -> None:
    job_id = await story.job()
    await story.queue(job_id)
    async with story.database.transaction() as session:
        await session.execute(text("delete from jobs where id = :id"), {"id": job_id})
    assert await story.ids(job_id) == []
