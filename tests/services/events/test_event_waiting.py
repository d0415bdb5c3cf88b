"""How attempts wait, told while somebody follows: only what changed, and never against the log."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from typing import Any
from uuid import UUID, uuid4

import pytest
from sqlalchemy import Engine, delete, event, update
from sqlmodel import col

from rekindle.contracts.statuses import AttemptStatus
from rekindle.models import PodRecord
from rekindle.models.pods import PodState


@pytest.fixture
async def api(serve_api: Any) -> Any:
    """One that looks often, so that nobody has to wait."""
    return await serve_api(event_waiting_seconds=0.1)


@pytest.fixture
async def pods(story: Any) -> AsyncIterator[Any]:
    """Makes pods of the story's class, or changes the one that is there."""

    async def put(state: PodState) -> None:
        async with story.database.transaction() as session:
            changed = await session.execute(
                update(PodRecord).where(ours).values(state=state).returning(col(PodRecord.id))
            )
            if changed.first() is None:
                session.add(
                    PodRecord(
                        id=f"pod-{uuid4()}",
                        gpu_class=story.gpu_class,
                        number=0,
                        generation=1,
                        state=state,
                    )
                )

    ours = col(PodRecord.gpu_class) == story.gpu_class
    yield put
    async with story.database.transaction() as session:
        await session.execute(delete(PodRecord).where(ours))


@pytest.fixture
def rounds() -> Iterator[list[str]]:
    """Every statement that asks how attempts wait, by its parameters."""
    sent: list[str] = []

    def note(_connection: Any, _cursor: Any, statement: str, given: Any, *_: Any) -> None:
        if "boot_seconds" in statement:
            sent.append(str(given))

    event.listen(Engine, "before_cursor_execute", note)
    yield sent
    event.remove(Engine, "before_cursor_execute", note)


async def waiting_event(stream: Any) -> Any:
    """The next event, which is one beside the log."""
    found = await stream.any_event()
    assert (found.kind, found.id) == ("attempt.waiting", -1)
    return found.data


async def other_attempt(story: Any, subject: str = "eve") -> UUID:
    attempt_id: UUID = await story.queue(await story.job(subject))
    return attempt_id


async def test_a_snapshot_tells_how_attempts_wait(story: Any, ada: Any, pods: Any) -> None:
    await pods(PodState.LAUNCHING)
    await other_attempt(story)
    await story.queue(job_id := await story.job())
    async with ada.follows(job_id) as stream:
        [attempt] = (await stream.event()).data["attempts"]
    assert (attempt["stage"], attempt["queue_position"]) == ("provisioning", 2)
    assert attempt["boot_progress"] == 0.0
    assert attempt["eta_seconds"] > 0


async def test_a_place_in_line_is_told_when_it_changes(story: Any, ada: Any) -> None:
    before = await other_attempt(story)
    attempt_id = await story.queue(job_id := await story.job())
    async with ada.follows(job_id) as stream:
        [shown] = (await stream.event()).data["attempts"]
        await story.close(before, AttemptStatus.CANCELED)
        told = await waiting_event(stream)
    assert shown["queue_position"] == 2
    assert told.pop("at")
    assert told == {
        "job_id": str(job_id),
        "attempt_id": str(attempt_id),
        "kind": "restore",
        "status": "queued",
        "stage": "queued",
        "progress": 0.0,
        "error": None,
        "queue_position": 1,
        "eta_seconds": None,
        "boot_progress": None,
    }


async def test_a_gpu_that_starts_and_is_ready_is_told(story: Any, ada: Any, pods: Any) -> None:
    await story.queue(job_id := await story.job())
    async with ada.follows(job_id) as stream:
        await stream.event()
        await pods(PodState.LAUNCHING)
        booting = await waiting_event(stream)
        await pods(PodState.READY)
        ready = await waiting_event(stream)
        while ready["stage"] == "provisioning":  # its start went on meanwhile
            ready = await waiting_event(stream)
    assert (booting["stage"], ready["stage"]) == ("provisioning", "queued")
    assert booting["eta_seconds"] > ready["eta_seconds"] > 0


async def test_an_eta_of_a_running_attempt_follows_its_progress(story: Any, ada: Any) -> None:
    attempt_id = await story.queue(job_id := await story.job())
    async with ada.follows(job_id) as stream:
        await stream.event()
        await story.advance(attempt_id, 0.2)
        assert (await stream.event()).kind == "attempt.progress"
        early = await waiting_event(stream)
        await story.advance(attempt_id, 0.8)
        assert (await stream.event()).kind == "attempt.progress"
        late = await waiting_event(stream)
    assert early["eta_seconds"] > late["eta_seconds"] > 0
    assert (early["queue_position"], late["progress"]) == (None, 0.8)


async def test_who_comes_back_is_told_anew_and_keeps_its_place(story: Any, ada: Any) -> None:
    """An event beside the log has no id, so a client comes back with the last it had."""
    attempt_id = await story.queue(job_id := await story.job())
    [place] = await story.ids(job_id)
    for _ in range(2):
        async with ada.follows(job_id, after=place) as stream:
            assert (await waiting_event(stream))["queue_position"] == 1
    await story.advance(attempt_id, 0.5)
    async with ada.follows(job_id, after=place) as stream:
        assert (await stream.event()).kind == "attempt.progress"


async def test_no_wait_is_told_of_an_attempt_that_has_gone_on(story: Any, ada: Any) -> None:
    """Whatever is told behind an event of the log is not older than it."""
    async with ada.follows(job_id := await story.job()) as stream:
        await stream.event()
        enough = asyncio.Event()

        async def live() -> None:
            while not enough.is_set():
                attempt_id = await story.queue(job_id)
                await asyncio.sleep(0.05)
                await story.advance(attempt_id, 0.5)
                await asyncio.sleep(0.05)
                await story.succeed(attempt_id)

        living = asyncio.create_task(live())
        status: dict[str, str] = {}
        waits = 0
        async with asyncio.timeout(60):
            while waits < 10:
                found = await stream.any_event()
                attempt_id = found.data["attempt_id"]
                if found.kind == "attempt.waiting":
                    waits += 1
                    assert status[attempt_id] == found.data["status"]
                status[attempt_id] = found.data["status"]
        enough.set()
        await living


async def test_all_who_follow_are_told_by_one_statement_a_round(
    story: Any, ada: Any, rounds: list[str]
) -> None:
    from contextlib import AsyncExitStack

    before = await other_attempt(story)
    made = [await story.job() for _ in range(20)]
    for job_id in made:
        await story.queue(job_id)
    async with AsyncExitStack() as stack:
        streams = [await stack.enter_async_context(ada.follows(job_id)) for job_id in made * 2]
        for stream in streams:
            await stream.event()
        rounds.clear()
        began_at = asyncio.get_running_loop().time()
        await story.close(before, AttemptStatus.CANCELED)
        for number, stream in enumerate(streams):
            assert (await waiting_event(stream))["queue_position"] == number % 20 + 1
        took = asyncio.get_running_loop().time() - began_at
    assert 1 <= len(rounds) <= 2 + took / 0.1


async def test_a_job_is_asked_about_only_while_it_waits(
    story: Any, ada: Any, rounds: list[str]
) -> None:
    attempt_id = await story.queue(ended := await story.job())
    await story.close(attempt_id, AttemptStatus.CANCELED)
    await story.queue(waits := await story.job())
    async with ada.follows(ended) as stream:
        await stream.event()
        await until_rounds(rounds, 1)
        async with ada.follows(waits) as other:
            await other.event()
            rounds.clear()
            await until_rounds(rounds, 4)
            asked = rounds[1:]
            await story.queue(ended)
            while not any(str(ended) in each for each in rounds):
                await asyncio.sleep(0.01)
    assert all(str(waits) in each and str(ended) not in each for each in asked)


async def test_a_silent_line_still_gets_its_comments(
    story: Any, serve_api: Any, connect_client: Any, rounds: list[str]
) -> None:
    """Looking again and again without finding anything new does not count as having told."""
    api = await serve_api(event_waiting_seconds=0.05, event_keepalive_seconds=0.5)
    await story.queue(job_id := await story.job())
    async with connect_client(api.url).follows(job_id) as stream:
        await stream.event()
        rounds.clear()
        silent = asyncio.create_task(stream.any_event())
        async with asyncio.timeout(60):
            while len(stream.comments) < 2 or len(rounds) < 2:
                await asyncio.sleep(0.05)
        await api.stop()
        assert await silent is None


async def until_rounds(rounds: list[str], count: int) -> None:
    async with asyncio.timeout(60):
        while len(rounds) < count:
            await asyncio.sleep(0.01)
