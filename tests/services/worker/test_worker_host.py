"""A whole worker in this process: commands in, recorded attempts out."""

import asyncio
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4, uuid5

import cv2
import pytest
from temporalio.client import Client

from rekindle.adapters.comfyui import ComfyClient
from rekindle.adapters.s3 import S3Store
from rekindle.contracts import pods, renders
from rekindle.contracts.statuses import AttemptStatus, GpuClass
from rekindle.errors import AttemptNotFound
from rekindle.store import events
from rekindle.store.database import Database


async def test_a_restored_photo_has_master_preview_and_thumbnail_and_is_selected(
    person: Any, objects: S3Store, tmp_path: Path
) -> None:
    attempt = await person.sees(await person.restores())
    assert (attempt.status, attempt.error_code) == (AttemptStatus.SUCCEEDED, None)
    for key in (attempt.master_key, attempt.preview_key, attempt.thumbnail_key):
        assert key is not None
        await objects.fetch_file(key, tmp_path / "seen")
        assert cv2.imread(str(tmp_path / "seen")) is not None
    assert await person.selected() == attempt.id


async def test_the_log_tells_a_restoration_once_and_in_order(
    person: Any, database: Database, card_engine: Any
) -> None:
    card_engine.delay(KSampler=1.0)
    attempt_id = await person.restores()
    await person.sees(attempt_id)
    async with database.transaction() as session:
        log = await events.since(session, {person.job.job_id: 0}, limit=100)
    kinds = [event.kind for event in log]
    running = kinds[1:-2]
    assert [kinds[0], *kinds[-2:]] == ["attempt.queued", "attempt.succeeded", "job.selected"]
    assert set(running) == {"attempt.progress"}
    stages = [event.data["stage"] for event in log[1:-2]]
    assert list(dict.fromkeys(stages)) == ["staging", "rendering", "finalizing"]
    progress = [event.data["progress"] for event in log[:-1]]
    assert progress == sorted(progress)
    lasted = (log[-1].created_at - log[0].created_at).total_seconds()
    assert len(running) <= 3 + 2 * lasted  # one for each stage, then twice a second at most


async def test_any_succeeded_attempt_can_be_selected_again(person: Any) -> None:
    first = await person.restores()
    await person.sees(first)
    second = await person.restores(seed=8)
    await person.sees(second)
    assert await person.selected() == second
    await person.commands.select(person.job, first)
    assert await person.selected() == first
    with pytest.raises(AttemptNotFound):
        await person.commands.select(person.job, uuid4())


async def test_a_pod_that_is_drained_returns_after_its_prompt(
    person: Any, temporal: Client, card_engine: Any
) -> None:
    card_engine.delay(KSampler=1.0)
    attempt_id = await person.restores()
    owner = temporal.get_workflow_handle(pods.workflow_id(GpuClass.IMAGE, 0))
    while not card_engine.runs(prompt_of(attempt_id)):
        await asyncio.sleep(0.02)
    await owner.signal(pods.DRAIN)
    await owner.result()
    attempt = await person.sees(attempt_id)
    assert attempt.status == AttemptStatus.SUCCEEDED


async def queue_of(card_engine: Any) -> frozenset[str]:
    comfy = ComfyClient(card_engine.url)
    queue = await comfy.queue()
    await comfy.close()
    return queue.running


async def card_queue(card_engine: Any) -> bool:
    return bool(await queue_of(card_engine))


async def test_cancelling_a_running_attempt_interrupts_its_prompt_within_seconds(
    person: Any, card_engine: Any
) -> None:
    card_engine.delay(KSampler=600.0)
    attempt_id = await person.restores()
    while not await card_queue(card_engine):
        await asyncio.sleep(0.02)
    await person.commands.cancel(person.job, attempt_id)
    attempt = await asyncio.wait_for(person.sees(attempt_id), 60)
    assert (attempt.status, attempt.error_code) == (AttemptStatus.CANCELED, None)
    async with asyncio.timeout(30):  # it stops at its next look; without that, after 600 s
        while await card_queue(card_engine):
            await asyncio.sleep(0.02)
    card_engine.delay()
    following = await person.sees(await person.restores(seed=8))
    assert following.status == AttemptStatus.SUCCEEDED


async def test_cancelling_a_waiting_attempt_never_gives_it_a_prompt(
    person: Any, card_engine: Any
) -> None:
    card_engine.delay(KSampler=600.0)
    first, waiting = await person.restores(), await person.restores(seed=8)
    while not await card_queue(card_engine):
        await asyncio.sleep(0.02)
    running = {UUID(i) for i in await queue_of(card_engine)}
    which = waiting if prompt_of(first) in running else first
    await person.commands.cancel(person.job, which)
    assert (await person.sees(which)).status == AttemptStatus.CANCELED
    card_engine.delay()
    other = first if which == waiting else waiting
    assert (await person.sees(other)).status == AttemptStatus.SUCCEEDED
    assert card_engine.runs(prompt_of(which)) == []


def prompt_of(attempt_id: UUID) -> UUID:
    return uuid5(attempt_id, "try-1")


async def test_many_attempts_on_one_gpu_run_one_at_a_time_and_all_end(
    person: Any, card_engine: Any
) -> None:
    made = await asyncio.gather(*(person.restores(seed=n) for n in range(6)))
    ended = await asyncio.gather(*(person.sees(attempt_id) for attempt_id in made))
    assert {a.status for a in ended} == {AttemptStatus.SUCCEEDED}


async def test_an_attempt_whose_render_an_operator_terminates_is_recorded_as_canceled(
    person: Any, card_engine: Any, temporal: Client
) -> None:
    card_engine.delay(KSampler=600.0)
    attempt_id = await person.restores()
    while not await card_queue(card_engine):
        await asyncio.sleep(0.02)
    await temporal.get_workflow_handle(renders.workflow_id(attempt_id)).terminate()
    attempt = await asyncio.wait_for(person.sees(attempt_id), 60)
    assert (attempt.status, attempt.error_code) == (AttemptStatus.CANCELED, None)
    card_engine.delay()
    following = await person.sees(await person.restores(seed=8))
    assert following.status == AttemptStatus.SUCCEEDED
