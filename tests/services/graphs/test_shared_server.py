"""A prompt on a fixed server that others use as well."""

import asyncio
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from activities import follow
from rekindle.contracts.renders import GraphRun
from rekindle.contracts.statuses import AttemptStatus, Stage
from rekindle.ports.comfy import Whereabouts

THEIRS = {
    "1": {
        "class_type": "EmptyImage",
        "inputs": {"width": 8, "height": 8, "batch_size": 1, "color": 0},
    },
    "2": {"class_type": "ImageInvert", "inputs": {"image": ["1", 0]}},
    "3": {"class_type": "PreviewImage", "inputs": {"images": ["2", 0]}},
}


async def until_at(bench: Any, run: GraphRun, stage: Stage) -> None:
    async with asyncio.timeout(60):
        while (await bench.row(run)).stage != stage:
            await asyncio.sleep(0.02)


async def test_who_stands_in_line_behind_others_is_not_said_to_be_rendered(
    bench: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(follow, "WAITING_SECONDS", 0.0)
    run = await bench.order(tmp_path)
    bench.engine.delay(ImageInvert=600.0, KSampler=600.0)
    await bench.comfy.submit(theirs := uuid4(), THEIRS, client_id="theirs")
    task = asyncio.create_task(bench.environment().run(bench.activities.run_graph, run))

    await bench.until(run, Whereabouts.PENDING)
    await until_at(bench, run, Stage.QUEUED)
    row = await bench.row(run)
    assert (row.status, row.pod_id) == (AttemptStatus.RUNNING, "static-image-0")
    assert bench.beats[-1].stage is Stage.RENDERING  # by which its prompt is found again

    await bench.comfy.cancel(theirs)
    await until_at(bench, run, Stage.RENDERING)
    bench.engine.delay()
    await task
    assert [r["outcome"] for r in bench.engine.runs(run.prompt_id)] == ["success"]
