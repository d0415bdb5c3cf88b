"""Graph activities whose process was believed dead, or whose helpers are away."""

import asyncio
import dataclasses
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from temporalio.activity import ActivityCancellationDetails
from temporalio.exceptions import ApplicationError
from temporalio.testing import ActivityEnvironment

from rekindle.contracts.renders import AttachRun, GraphOutput, GraphRun, RunBeat
from rekindle.contracts.statuses import Stage
from rekindle.errors import ComfyUnavailable
from rekindle.ports.comfy import Whereabouts

SLOW = {"KSampler": 600.0}


def left_at(run: GraphRun, stage: Stage = Stage.RENDERING) -> AttachRun:
    beat = RunBeat(pod_id="static-image-0", prompt_id=run.prompt_id, stage=stage, fraction=0.0)
    return AttachRun(run=run, beat=beat)


def given_until(environment: ActivityEnvironment, left: timedelta) -> ActivityEnvironment:
    """The activity's time is over after this long."""
    environment.info = dataclasses.replace(
        environment.info,
        scheduled_time=datetime.now(UTC),
        schedule_to_close_timeout=left,
    )
    return environment


async def test_a_server_that_gave_up_on_us_does_not_cost_the_prompt_that_another_follows(
    bench: Any, tmp_path: Path
) -> None:
    run = await bench.order(tmp_path)
    bench.engine.delay(**SLOW)
    environment = given_until(bench.environment(), timedelta(minutes=5))
    abandoned = asyncio.create_task(environment.run(bench.activities.run_graph, run))
    await bench.until(run, Whereabouts.RUNNING)
    follower = asyncio.create_task(
        bench.environment().run(bench.activities.attach_graph, left_at(run))
    )
    environment.cancel(ActivityCancellationDetails(not_found=True))
    with pytest.raises(asyncio.CancelledError):
        await abandoned
    bench.engine.delay()
    output: GraphOutput = await follower
    assert output.key == run.output_key
    assert [r["outcome"] for r in bench.engine.runs(run.prompt_id)] == ["success"]


async def test_a_prompt_whose_time_is_over_is_interrupted(bench: Any, tmp_path: Path) -> None:
    run = await bench.order(tmp_path)
    bench.engine.delay(**SLOW)
    environment = given_until(bench.environment(), timedelta(0))
    late = asyncio.create_task(environment.run(bench.activities.run_graph, run))
    await bench.until(run, Whereabouts.RUNNING)
    environment.cancel(ActivityCancellationDetails(not_found=True))
    with pytest.raises(asyncio.CancelledError):
        await late
    await bench.until(run, Whereabouts.ENDED)
    assert [r["outcome"] for r in bench.engine.runs(run.prompt_id)] == ["interrupted"]


async def test_two_that_follow_one_prompt_both_bring_the_same_master_home(
    bench: Any, tmp_path: Path
) -> None:
    """Whoever comes second finds the prompt forgotten and the master stored."""
    run = await bench.order(tmp_path)
    bench.engine.delay(**SLOW)
    first = asyncio.create_task(bench.environment().run(bench.activities.run_graph, run))
    await bench.until(run, Whereabouts.RUNNING)
    second = asyncio.create_task(
        bench.environment().run(bench.activities.attach_graph, left_at(run))
    )
    await asyncio.sleep(0.2)
    bench.engine.delay()
    one, other = await asyncio.gather(first, second)
    assert one == other
    assert len(bench.engine.runs(run.prompt_id)) == 1


async def test_the_master_of_an_earlier_try_is_not_the_result_of_this_one(
    bench: Any, tmp_path: Path
) -> None:
    run = await bench.order(tmp_path)
    await bench.environment().run(bench.activities.run_graph, run)
    second = run.model_copy(update={"try_number": 2})
    with pytest.raises(ApplicationError) as failure:
        await bench.environment().run(bench.activities.attach_graph, left_at(second))
    assert failure.value.type == "prompt_lost"


async def test_a_server_that_dies_before_it_forgets_costs_nothing(
    bench: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def away(_prompt_id: UUID) -> None:
        raise ComfyUnavailable

    run = await bench.order(tmp_path)
    monkeypatch.setattr(bench.comfy, "forget", away)
    output = await bench.environment().run(bench.activities.run_graph, run)
    assert (await bench.objects.head(run.output_key)).sha256 == output.sha256


async def test_a_failure_tells_its_code_and_nothing_of_our_machines(
    bench: Any, tmp_path: Path
) -> None:
    run = await bench.order(tmp_path)
    without_photo = run.model_copy(update={"source_key": "working/nothing.png"})
    with pytest.raises(ApplicationError) as failure:
        await bench.environment().run(bench.activities.run_graph, without_photo)
    assert failure.value.__cause__ is None
    assert "nothing.png" not in str(failure.value)
