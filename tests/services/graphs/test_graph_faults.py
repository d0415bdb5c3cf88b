"""`run_graph` against an engine that fails in every way it can on script."""

import asyncio
import dataclasses
import time
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs
from temporalio.exceptions import ApplicationError

from activities import follow
from activities.attempts import AttemptActivities
from comfy_graphs import GraphPack, load_pack
from rekindle.adapters.pillow import PillowPhotoDecoder
from rekindle.adapters.pyav import PyAvVideoDecoder
from rekindle.contracts.renders import FinishAttempt, GraphRun, RenderInput
from rekindle.contracts.statuses import AttemptKind, GpuClass
from rekindle.errors import error_for
from rekindle.ports.comfy import Whereabouts
from rekindle.rules.retries import Step, Tally, after_error

SAMPLER = "KSampler"


def what_follows(failure: ApplicationError) -> Step:
    """The next step of an attempt that may be tried again."""
    return after_error(error_for(failure.type or ""), Tally(), max_retries=1)[0]


async def failure_of(bench: Any, run: GraphRun) -> ApplicationError:
    with pytest.raises(ApplicationError) as failure:
        await bench.environment().run(bench.activities.run_graph, run)
    return failure.value


def outcomes(bench: Any, run: GraphRun) -> list[str]:
    return [one["outcome"] for one in bench.engine.runs(run.prompt_id)]


def impatient(monkeypatch: pytest.MonkeyPatch, seconds: float) -> None:
    """Let every pack count as stalled after so long."""

    def load(name: str) -> GraphPack:
        pack = load_pack(name)
        limits = {"stall_seconds": seconds, "load_seconds": 0.0}
        return dataclasses.replace(pack, manifest=pack.manifest.model_copy(update=limits))

    monkeypatch.setattr("activities.graphs.load_pack", load)


async def test_slow_graph_is_waited_for_while_it_moves(
    bench: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    impatient(monkeypatch, 4.0)
    run = await bench.order(tmp_path)
    bench.fault({"kind": "slow", "node": SAMPLER, "seconds": 6.0})
    await bench.environment().run(bench.activities.run_graph, run)
    assert outcomes(bench, run) == ["success"]


async def test_stalled_graph_is_noticed_and_its_prompt_stopped(
    bench: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    impatient(monkeypatch, 0.7)
    run = await bench.order(tmp_path)
    bench.fault({"kind": "stall", "node": SAMPLER})
    began = time.monotonic()
    failure = await failure_of(bench, run)
    assert failure.type == "graph_stalled"
    assert 0.7 < time.monotonic() - began < 60
    assert what_follows(failure) is Step.NEW_TRY
    await bench.until(run, Whereabouts.ENDED)
    assert outcomes(bench, run) == ["interrupted"]
    assert bench.seats.room == 1


async def test_stall_is_told_although_the_cancel_is_reset_at_first(
    bench: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    impatient(monkeypatch, 0.7)
    run = await bench.order(tmp_path)
    bench.fault({"kind": "stall", "node": SAMPLER}, {"kind": "reset", "route": "POST /interrupt"})
    assert (await failure_of(bench, run)).type == "graph_stalled"
    await bench.until(run, Whereabouts.ENDED)
    assert outcomes(bench, run) == ["interrupted"]


async def test_node_error_ends_the_try_and_another_may_follow(bench: Any, tmp_path: Path) -> None:
    run = await bench.order(tmp_path)
    bench.fault({"kind": "node_error", "node": SAMPLER, "message": "no luck"})
    with capture_logs() as logged:
        failure = await failure_of(bench, run)
    assert failure.type == "graph_failed"
    assert [one["why"] for one in logged if "why" in one] == [f"{SAMPLER}: RuntimeError: no luck"]
    assert what_follows(failure) is Step.NEW_TRY
    await bench.seats.promise()
    second = run.model_copy(update={"try_number": 2})
    await bench.environment().run(bench.activities.run_graph, second)
    assert outcomes(bench, second) == ["success"]


async def test_out_of_memory_is_a_failed_graph_that_names_it(bench: Any, tmp_path: Path) -> None:
    run = await bench.order(tmp_path)
    bench.fault({"kind": "out_of_memory", "node": SAMPLER})
    with capture_logs() as logged:
        failure = await failure_of(bench, run)
    assert failure.type == "graph_failed"
    [why] = [one["why"] for one in logged if "why" in one]
    assert "torch.OutOfMemoryError: Allocation on device" in why
    assert what_follows(failure) is Step.NEW_TRY
    assert "torch" not in failure.message


@pytest.mark.parametrize("code", ["damaged_photo", "parameter_out_of_range", "graph_rejected"])
def test_what_no_repetition_mends_is_not_repeated(code: str) -> None:
    assert what_follows(ApplicationError("", type=code)) is Step.FAIL


async def test_graph_the_server_refuses_is_not_repeated(
    bench: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pack = load_pack("restore")
    node = pack.manifest.output.node
    broken = pack.graph | {node: {"class_type": "NoSuchNode", "inputs": {}}}
    run = await bench.order(tmp_path)
    monkeypatch.setattr(
        "activities.graphs.bind",
        lambda *_, **__: type("Bound", (), {"graph": broken})(),
    )
    failure = await failure_of(bench, run)
    assert failure.type == "graph_rejected"
    assert what_follows(failure) is Step.FAIL
    assert bench.engine.runs(run.prompt_id) == []


async def test_prompt_whose_reply_was_lost_is_found_and_runs_once(
    bench: Any, tmp_path: Path
) -> None:
    run = await bench.order(tmp_path)
    bench.fault(
        {"kind": "lost_reply", "route": "POST /prompt"},
        {"kind": "slow", "node": SAMPLER, "seconds": 1.0},  # found in the queue
    )
    await bench.environment().run(bench.activities.run_graph, run)
    assert outcomes(bench, run) == ["success"]


async def test_prompt_that_ended_behind_a_lost_reply_is_found_in_the_history(
    bench: Any, tmp_path: Path
) -> None:
    run = await bench.order(tmp_path)
    bench.fault({"kind": "lost_reply", "route": "POST /prompt"})
    await bench.environment().run(bench.activities.run_graph, run)
    assert outcomes(bench, run) == ["success"]


@pytest.mark.parametrize(
    "route",
    [
        "POST /upload/image",
        "POST /prompt",
        "GET /queue",
        "GET /history/*",
        "GET /view",
        "POST /history",
    ],
)
async def test_reset_connections_are_tried_again_without_a_second_run(
    bench: Any, tmp_path: Path, route: str
) -> None:
    run = await bench.order(tmp_path)
    bench.fault({"kind": "reset", "route": route, "count": 2})
    output = await bench.environment().run(bench.activities.run_graph, run)
    assert outcomes(bench, run) == ["success"]
    assert await bench.objects.head(output.key) is not None


async def test_server_that_only_resets_loses_its_pod_after_the_grace(
    bench: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(follow, "GRACE_SECONDS", 0.6)
    run = await bench.order(tmp_path)
    bench.fault({"kind": "reset", "route": "POST /prompt", "count": 1000})
    failure = await failure_of(bench, run)
    assert failure.type == "pod_gone"
    assert what_follows(failure) is Step.NEW_TRY
    assert bench.engine.runs(run.prompt_id) == []


async def test_leaving_process_does_not_wait_for_a_server_that_resets(
    bench: Any, tmp_path: Path
) -> None:
    run = await bench.order(tmp_path)
    bench.fault({"kind": "reset", "route": "POST /prompt", "count": 1000})
    bench.leaving.set()
    assert (await failure_of(bench, run)).type == "handed_over"


async def test_server_that_died_and_came_back_has_lost_the_prompt(
    bench: Any, tmp_path: Path
) -> None:
    run = await bench.order(tmp_path)
    bench.engine.delay(**{SAMPLER: 600.0})
    task = asyncio.create_task(failure_of(bench, run))
    while not any(beat.gpu_seconds for beat in bench.beats):  # so it was told that it has posted
        await asyncio.sleep(0.02)
    await asyncio.to_thread(bench.engine.restart)
    failure = await task
    assert failure.type == "prompt_lost"
    assert what_follows(failure) is Step.NEW_TRY
    assert outcomes(bench, run) == ["lost"]


async def test_server_that_stays_dead_is_a_pod_that_is_gone(
    bench: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(follow, "GRACE_SECONDS", 0.6)
    run = await bench.order(tmp_path)
    bench.fault({"kind": "death", "node": SAMPLER})
    failure = await failure_of(bench, run)
    await asyncio.to_thread(bench.engine.restart)
    assert failure.type == "pod_gone"
    assert what_follows(failure) is Step.NEW_TRY


async def test_truncated_result_is_noticed_when_the_attempt_is_finished(
    bench: Any, tmp_path: Path
) -> None:
    run = await bench.order(tmp_path)
    bench.fault({"kind": "truncated", "node": "SaveImage"})
    output = await bench.environment().run(bench.activities.run_graph, run)
    finishing = AttemptActivities(
        database=bench.database,
        objects=bench.objects,
        photos=PillowPhotoDecoder(),
        videos=PyAvVideoDecoder(),
        capacity=bench.pods,
    )
    render = RenderInput(
        job_id=run.job_id,
        attempt_id=run.attempt_id,
        graph=run.graph,
        graph_version=run.graph_version,
        parameters=run.parameters,
        gpu_class=GpuClass.IMAGE,
        kind=AttemptKind.RESTORE,
        source_key="working.png",
        output_key="master.png",
        stamp="s",
        fairness_key="f",
    )
    with pytest.raises(ApplicationError) as failure:
        await bench.environment().run(
            finishing.finish_attempt, FinishAttempt(render=render, output=output)
        )
    assert failure.value.type == "result_unreadable"
    assert what_follows(failure.value) is Step.NEW_TRY
    assert (await bench.row(run)).master_key is None


async def test_empty_result_is_noticed_at_once(bench: Any, tmp_path: Path) -> None:
    run = await bench.order(tmp_path)
    bench.fault({"kind": "truncated", "node": "SaveImage", "keep": 0})
    assert (await failure_of(bench, run)).type == "result_unreadable"
    assert await bench.objects.head(run.output_key) is None
