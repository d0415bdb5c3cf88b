"""`run_graph` and `attach_graph` on a real engine, store and database."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import cv2
import pytest
from sqlalchemy import text
from temporalio.activity import ActivityCancellationDetails
from temporalio.exceptions import ApplicationError

from rekindle.contracts.renders import AttachRun, GraphRun, RunBeat
from rekindle.contracts.statuses import GpuClass, Stage
from rekindle.models import Attempt
from rekindle.ports.comfy import Whereabouts
from rekindle.store import attempts

SLOW = {"KSampler": 600.0}


@asynccontextmanager
async def row_locked(bench: Any, run: GraphRun) -> AsyncIterator[None]:
    """Nobody else can write the attempt's row."""
    async with bench.database.transaction() as session:
        await session.execute(
            text("select 1 from attempts where id = :id for update"), {"id": run.attempt_id}
        )
        yield


async def test_a_graph_ends_as_a_stored_master(bench: Any, tmp_path: Path) -> None:
    run = await bench.order(tmp_path)
    output = await bench.environment().run(bench.activities.run_graph, run)
    stored = await bench.objects.head(run.output_key)
    assert stored is not None
    assert (stored.sha256, stored.size_bytes) == (output.sha256, output.size_bytes)
    await bench.objects.fetch_file(run.output_key, tmp_path / "master.png")
    assert cv2.imread(str(tmp_path / "master.png")) is not None
    assert output.engine_seconds > 0
    assert [r["outcome"] for r in bench.engine.runs(run.prompt_id)] == ["success"]
    assert bench.seats.room == 1
    assert (await bench.row(run)).progress > 0.5


async def test_a_pod_is_vacated_only_when_the_result_of_its_prompt_is_stored(
    bench: Any, tmp_path: Path
) -> None:
    run = await bench.order(tmp_path)
    bench.fault({"kind": "slow", "route": "GET /view", "seconds": 1.5})
    task = asyncio.create_task(bench.environment().run(bench.activities.run_graph, run))
    while not bench.seats.busy("static-image-0"):
        await asyncio.sleep(0)
    bench.seats.detach("static-image-0")

    await bench.seats.vacated("static-image-0")

    assert await bench.objects.head(run.output_key) is not None
    await task


async def test_the_prompt_is_known_to_the_heartbeat_before_it_is_posted(
    bench: Any, tmp_path: Path
) -> None:
    run = await bench.order(tmp_path)
    await bench.environment().run(bench.activities.run_graph, run)
    first = next(beat for beat in bench.beats if beat.stage is Stage.RENDERING)
    assert (first.prompt_id, first.pod_id, first.fraction) == (
        run.prompt_id,
        "static-image-0",
        0.0,
    )


async def test_the_row_names_the_pod_before_a_prompt_is_posted_there(
    bench: Any, tmp_path: Path
) -> None:
    """Whoever comes after this process looks for the prompt where the row says."""
    run = await bench.order(tmp_path)
    async with row_locked(bench, run):
        task = asyncio.create_task(bench.environment().run(bench.activities.run_graph, run))
        await asyncio.sleep(0.5)
        assert bench.engine.runs(run.prompt_id) == []
    await task
    assert (await bench.row(run)).pod_id == "static-image-0"


async def test_an_attempt_that_is_still_being_admitted_is_waited_for(
    bench: Any, tmp_path: Path
) -> None:
    run = await bench.order(tmp_path)
    row = await bench.row(run)
    async with bench.database.transaction() as session:
        await session.execute(text("delete from attempts where id = :id"), {"id": run.attempt_id})
    task = asyncio.create_task(bench.environment().run(bench.activities.run_graph, run))
    await asyncio.sleep(0.5)
    assert bench.engine.runs(run.prompt_id) == []
    async with bench.database.transaction() as session:
        await attempts.record(session, Attempt(**row.model_dump()))
    await task
    assert (await bench.row(run)).pod_id == "static-image-0"


async def test_a_row_that_cannot_be_written_keeps_a_gpu_waiting_for_seconds_only(
    bench: Any, tmp_path: Path
) -> None:
    run = await bench.order(tmp_path)
    async with row_locked(bench, run):
        task = asyncio.create_task(bench.environment().run(bench.activities.run_graph, run))
        async with asyncio.timeout(60):
            while not bench.engine.runs(run.prompt_id):
                await asyncio.sleep(0.05)
    await task


async def test_running_the_same_try_again_attaches_to_its_prompt(
    bench: Any, tmp_path: Path
) -> None:
    run = await bench.order(tmp_path)
    bench.engine.delay(**SLOW)
    frozen = asyncio.create_task(bench.environment().run(bench.activities.run_graph, run))
    await bench.until(run, Whereabouts.RUNNING)
    bench.seats.attach(
        (await bench.pods.launch(GpuClass.IMAGE, 0)).model_copy(update={"pod_id": "static-image-1"})
    )
    await bench.seats.promise()
    again = asyncio.create_task(bench.environment().run(bench.activities.run_graph, run))
    await asyncio.sleep(0.2)
    bench.engine.delay()
    await asyncio.gather(again, frozen, return_exceptions=True)
    assert again.exception() is None or frozen.exception() is None
    assert [r["outcome"] for r in bench.engine.runs(run.prompt_id)] == ["success"]


async def test_a_leaving_process_hands_the_running_prompt_over(bench: Any, tmp_path: Path) -> None:
    run = await bench.order(tmp_path)
    bench.engine.delay(**SLOW)
    task = asyncio.create_task(bench.environment().run(bench.activities.run_graph, run))
    await bench.until(run, Whereabouts.RUNNING)
    bench.leaving.set()
    with pytest.raises(ApplicationError) as failure:
        await task
    assert failure.value.type == "handed_over"
    beat = RunBeat.model_validate(failure.value.details[0])
    assert beat.stage is Stage.RENDERING
    bench.leaving.clear()
    attach = asyncio.create_task(
        bench.environment().run(bench.activities.attach_graph, AttachRun(run=run, beat=beat))
    )
    await asyncio.sleep(0.1)
    bench.engine.delay()
    output = await attach
    assert output.pod_id == "static-image-0"
    assert len(bench.engine.runs(run.prompt_id)) == 1


async def test_attaching_to_a_stored_result_needs_no_server(bench: Any, tmp_path: Path) -> None:
    run = await bench.order(tmp_path)
    output = await bench.environment().run(bench.activities.run_graph, run)
    attach = AttachRun(run=run, beat=bench.beats[-1])
    assert await bench.environment().run(bench.activities.attach_graph, attach) == output


async def test_a_prompt_nobody_knows_is_lost(bench: Any, tmp_path: Path) -> None:
    run = await bench.order(tmp_path)
    beat = RunBeat(
        pod_id="static-image-0", prompt_id=run.prompt_id, stage=Stage.RENDERING, fraction=0.0
    )
    with pytest.raises(ApplicationError) as failure:
        await bench.environment().run(bench.activities.attach_graph, AttachRun(run=run, beat=beat))
    assert failure.value.type == "prompt_lost"


async def test_a_cancelled_attempt_interrupts_its_prompt(bench: Any, tmp_path: Path) -> None:
    run = await bench.order(tmp_path)
    bench.engine.delay(**SLOW)
    environment = bench.environment()
    task = asyncio.create_task(environment.run(bench.activities.run_graph, run))
    await bench.until(run, Whereabouts.RUNNING)
    environment.cancel(ActivityCancellationDetails(cancel_requested=True))
    with pytest.raises(asyncio.CancelledError):
        await task
    await bench.until(run, Whereabouts.ENDED)
    assert [r["outcome"] for r in bench.engine.runs(run.prompt_id)] == ["interrupted"]
    assert bench.seats.room == 1


async def test_a_worker_shutdown_leaves_the_prompt_running(bench: Any, tmp_path: Path) -> None:
    run = await bench.order(tmp_path)
    bench.engine.delay(**SLOW)
    environment = bench.environment()
    task = asyncio.create_task(environment.run(bench.activities.run_graph, run))
    await bench.until(run, Whereabouts.RUNNING)
    environment.cancel(ActivityCancellationDetails(worker_shutdown=True))
    with pytest.raises(ApplicationError) as failure:
        await task
    assert failure.value.type == "handed_over"
    assert (await bench.comfy.status(run.prompt_id)).place is Whereabouts.RUNNING
    await bench.comfy.cancel(run.prompt_id)


async def test_a_permit_without_pod_begins_nothing(bench: Any, tmp_path: Path) -> None:
    run = await bench.order(tmp_path)
    bench.seats.detach("static-image-0")
    with pytest.raises(ApplicationError) as failure:
        await bench.environment().run(bench.activities.run_graph, run)
    assert failure.value.type == "no_pod"
    assert bench.engine.runs(run.prompt_id) == []


async def test_an_engine_that_dies_in_mid_prompt_loses_the_prompt_not_the_attempt(
    bench: Any, tmp_path: Path
) -> None:
    run = await bench.order(tmp_path)
    bench.engine.delay(**SLOW)
    task = asyncio.create_task(bench.environment().run(bench.activities.run_graph, run))
    await bench.until(run, Whereabouts.RUNNING)
    await asyncio.to_thread(bench.engine.restart)
    with pytest.raises(ApplicationError) as failure:
        await task
    assert (failure.value.type, failure.value.non_retryable) == ("prompt_lost", False)
    second = run.model_copy(update={"try_number": 2})
    await bench.seats.promise()
    await bench.environment().run(bench.activities.run_graph, second)
    assert [r["outcome"] for r in bench.engine.runs(run.prompt_id)] == ["lost"]
    assert [r["outcome"] for r in bench.engine.runs(second.prompt_id)] == ["success"]
