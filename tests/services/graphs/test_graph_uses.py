"""The ledger row that each try leaves, on a real engine, store and database."""

import asyncio
import dataclasses
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select
from sqlmodel import col
from structlog.testing import capture_logs
from temporalio.activity import ActivityCancellationDetails
from temporalio.exceptions import ApplicationError

from activities.attempts import AttemptActivities
from activities.graphs import SlotActivities
from deploy.embedded.ports import free_port
from rekindle.adapters.pillow import PillowPhotoDecoder
from rekindle.adapters.pyav import PyAvVideoDecoder
from rekindle.adapters.s3 import S3Store
from rekindle.contracts.renders import AttachRun, FinishAttempt, GraphRun, RenderInput, RunBeat
from rekindle.contracts.statuses import AttemptKind, GpuClass, Stage
from rekindle.models import GpuUse
from rekindle.ports.comfy import Whereabouts
from rekindle.store import attempts
from rekindle.store.database import Database

SLOW = {"KSampler": 600.0}
SAMPLER = "KSampler"


async def used(bench: Any, run: GraphRun) -> list[tuple[Any, Any]]:
    """Code and seconds of the row of this try: one, or none."""
    statement = select(GpuUse).where(
        col(GpuUse.attempt_id) == run.attempt_id, col(GpuUse.try_number) == run.try_number
    )
    async with bench.database.transaction() as session:
        rows = (await session.execute(statement)).scalars().all()
    assert all((row.pod_id, row.graph) == ("static-image-0", "restore") for row in rows)
    return [(row.error_code, row.gpu_seconds) for row in rows]


async def started(bench: Any, run: GraphRun) -> tuple[Any, asyncio.Task[Any]]:
    """A try that renders until somebody stops it, and has been seen to do so."""
    bench.engine.delay(**SLOW)
    environment = bench.environment()
    task = asyncio.create_task(environment.run(bench.activities.run_graph, run))
    await bench.until(run, Whereabouts.RUNNING)
    while not any(beat.gpu_seconds for beat in bench.beats):
        await asyncio.sleep(0.05)
    return environment, task


async def test_a_success_is_recorded_with_the_servers_own_seconds(
    bench: Any, tmp_path: Path
) -> None:
    run = await bench.order(tmp_path)
    output = await bench.environment().run(bench.activities.run_graph, run)
    assert output.try_number == 1
    assert await used(bench, run) == [(None, pytest.approx(output.engine_seconds, abs=0.001))]


async def test_a_failed_try_and_the_next_one_have_a_row_each(bench: Any, tmp_path: Path) -> None:
    run = await bench.order(tmp_path)
    bench.fault({"kind": "node_error", "node": SAMPLER, "message": "no luck"})
    with pytest.raises(ApplicationError):
        await bench.environment().run(bench.activities.run_graph, run)
    [(code, _)] = await used(bench, run)
    assert code == "graph_failed"
    await bench.seats.promise()
    second = run.model_copy(update={"try_number": 2})
    output = await bench.environment().run(bench.activities.run_graph, second)
    assert output.try_number == 2
    assert [code for code, _ in await used(bench, second)] == [None]


async def test_a_cancelled_try_is_nobodys_failure_but_counts(bench: Any, tmp_path: Path) -> None:
    run = await bench.order(tmp_path)
    environment, task = await started(bench, run)
    environment.cancel(ActivityCancellationDetails(cancel_requested=True))
    with pytest.raises(asyncio.CancelledError):
        await task
    [(code, seconds)] = await used(bench, run)
    assert code == "canceled"
    assert seconds > 0


async def test_a_try_whose_time_is_over_says_so(bench: Any, tmp_path: Path) -> None:
    run = await bench.order(tmp_path)
    environment, task = await started(bench, run)
    environment.info = dataclasses.replace(
        environment.info,
        scheduled_time=datetime.now(UTC),
        schedule_to_close_timeout=timedelta(0),
    )
    environment.cancel(ActivityCancellationDetails(not_found=True))
    with pytest.raises(asyncio.CancelledError):
        await task
    assert [code for code, _ in await used(bench, run)] == ["deadline_exceeded"]


async def test_a_try_that_is_handed_over_is_recorded_once_by_whoever_ends_it(
    bench: Any, tmp_path: Path
) -> None:
    run = await bench.order(tmp_path)
    _, task = await started(bench, run)
    bench.leaving.set()
    with pytest.raises(ApplicationError) as failure:
        await task
    assert await used(bench, run) == []
    beat = RunBeat.model_validate(failure.value.details[0])
    assert beat.gpu_seconds > 0
    bench.leaving.clear()
    bench.engine.delay()
    attach = AttachRun(run=run, beat=beat)
    output = await bench.environment().run(bench.activities.attach_graph, attach)
    assert await used(bench, run) == [(None, pytest.approx(output.engine_seconds, abs=0.001))]


async def test_a_lost_prompt_counts_for_as_long_as_it_was_seen(bench: Any, tmp_path: Path) -> None:
    run = await bench.order(tmp_path)
    beat = RunBeat(
        pod_id="static-image-0",
        prompt_id=run.prompt_id,
        stage=Stage.RENDERING,
        fraction=0.4,
        gpu_seconds=12.5,
    )
    with pytest.raises(ApplicationError):
        await bench.environment().run(bench.activities.attach_graph, AttachRun(run=run, beat=beat))
    assert await used(bench, run) == [("prompt_lost", 12.5)]


async def test_a_file_that_turns_out_unreadable_makes_a_failure_of_the_success(
    bench: Any, tmp_path: Path
) -> None:
    run = await bench.order(tmp_path)
    bench.fault({"kind": "truncated", "node": "SaveImage"})
    output = await bench.environment().run(bench.activities.run_graph, run)
    assert [code for code, _ in await used(bench, run)] == [None]
    finishing = AttemptActivities(
        database=bench.database,
        objects=bench.objects,
        photos=PillowPhotoDecoder(),
        videos=PyAvVideoDecoder(),
        capacity=bench.pods,
    )
    render = RenderInput(
        **run.model_dump(include={"job_id", "attempt_id", "graph", "graph_version", "parameters"}),
        gpu_class=GpuClass.IMAGE,
        kind=AttemptKind.RESTORE,
        source_key="working.png",
        output_key="master.png",
        stamp="s",
        fairness_key="f",
    )
    finished = FinishAttempt(render=render, output=output)
    with pytest.raises(ApplicationError):
        await bench.environment().run(finishing.finish_attempt, finished)
    seconds = pytest.approx(output.engine_seconds, abs=0.001)
    assert await used(bench, run) == [("result_unreadable", seconds)]


async def test_a_photo_store_that_is_away_ends_no_try(bench: Any, tmp_path: Path) -> None:
    run = await bench.order(tmp_path)
    nowhere = S3Store(
        bucket="media",
        region="us-east-1",
        endpoint_url=f"http://127.0.0.1:{free_port()}",
        access_key="a",
        secret_key="s",
        url_seconds=60,
        timeout=1.0,
    )
    with pytest.raises(ApplicationError) as failure:
        await bench.environment().run(slots(bench, objects=nowhere).run_graph, run)
    assert failure.value.type == "storage_unavailable"
    assert await used(bench, run) == []


@pytest.fixture
async def nothing() -> AsyncIterator[Database]:
    """A database that is away."""
    database = Database(f"postgresql://app:pw@127.0.0.1:{free_port()}/none")
    yield database
    await database.close()


def slots(bench: Any, **others: Any) -> SlotActivities:
    """The same slot with other parts."""
    parts = {"objects": bench.objects, "database": bench.database, **others}
    return SlotActivities(seats=bench.seats, door=bench.pods, leaving=bench.leaving, **parts)


async def test_a_graph_that_succeeded_needs_no_database(
    bench: Any, nothing: Database, tmp_path: Path
) -> None:
    run = await bench.order(tmp_path)
    output = await bench.environment().run(slots(bench, database=nothing).run_graph, run)
    assert await used(bench, run) == []
    async with bench.database.transaction() as session:  # as `finish_attempt` does, later
        assert await attempts.succeed(
            session,
            run.attempt_id,
            output,
            attempts.Result(
                key=output.key,
                sha256=output.sha256,
                width=1,
                height=1,
                preview_key="p",
                thumbnail_key="t",
            ),
        )
    assert [code for code, _ in await used(bench, run)] == [None]


async def test_a_failure_without_a_database_stays_that_failure_and_the_log_has_the_row(
    bench: Any, nothing: Database, tmp_path: Path
) -> None:
    run = await bench.order(tmp_path)
    bench.fault({"kind": "node_error", "node": SAMPLER, "message": "no luck"})
    with capture_logs() as logged, pytest.raises(ApplicationError) as failure:
        await bench.environment().run(slots(bench, database=nothing).run_graph, run)
    assert failure.value.type == "graph_failed"
    [row] = [each for each in logged if each["event"] == "gpu_use_not_written"]
    assert (row["attempt_id"], row["error_code"]) == (run.attempt_id, "graph_failed")
