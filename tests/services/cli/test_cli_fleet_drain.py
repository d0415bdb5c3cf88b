"""`rekindle fleet drain` on the real Temporal, with owners that wait for the signal."""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from uuid import uuid4

import pytest
from temporalio import workflow
from temporalio.client import Client, WorkflowHandle
from temporalio.service import RPCError
from temporalio.worker import UnsandboxedWorkflowRunner
from typer.testing import CliRunner, Result

from deploy.cli.main import app
from deploy.embedded.temporal import EmbeddedTemporal
from rekindle.contracts.pods import DRAIN, GPU_POD, GpuPodInput, workflow_id
from rekindle.contracts.statuses import GpuClass
from worker.polling import Worker

Drain = Callable[..., Awaitable[Result]]


@workflow.defn(name=GPU_POD)
class Owner:
    """Owns nothing, and ends when it is told to drain."""

    def __init__(self) -> None:
        self._draining = False

    @workflow.run
    async def run(self, _wanted: GpuPodInput) -> None:
        await workflow.wait_condition(lambda: self._draining)

    @workflow.signal(name=DRAIN)
    def drain(self) -> None:
        self._draining = True


Owned = Callable[[GpuClass, int], Awaitable[WorkflowHandle[Owner, None]]]


@pytest.fixture
async def owned(temporal: Client) -> AsyncIterator[Owned]:
    """Has a number owned, on a queue of the test's own."""
    queue = f"owners-{uuid4()}"

    async def start(gpu_class: GpuClass, number: int) -> WorkflowHandle[Owner, None]:
        return await temporal.start_workflow(
            Owner.run,
            GpuPodInput(gpu_class=gpu_class, number=number),
            id=workflow_id(gpu_class, number),
            task_queue=queue,
        )

    for number in range(20):  # what other tests left to themselves would be drained as well
        for gpu_class in GpuClass:
            with contextlib.suppress(RPCError):
                await temporal.get_workflow_handle(workflow_id(gpu_class, number)).terminate()
    runner = UnsandboxedWorkflowRunner()
    async with Worker(temporal, task_queue=queue, workflows=[Owner], workflow_runner=runner):
        yield start


@pytest.fixture
def drain(
    temporal_server: EmbeddedTemporal, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Drain:
    """Runs the command in an empty folder; settings allow pods 0 and 1 of each class."""
    monkeypatch.chdir(tmp_path)
    variables = {
        "TEMPORAL_ADDRESS": temporal_server.address.address,
        "IMAGE_PODS_MAX": "2",
        "VIDEO_PODS_MAX": "2",
    }

    async def invoke(*arguments: str) -> Result:
        given = ["fleet", "drain", *arguments]
        return await asyncio.to_thread(CliRunner(env=variables).invoke, app, given)

    return invoke


async def test_a_class_is_drained_and_the_other_left_alone(owned: Owned, drain: Drain) -> None:
    images = [await owned(GpuClass.IMAGE, number) for number in (0, 1)]
    video = await owned(GpuClass.VIDEO, 0)
    result = await drain("--class", "image", "--json")
    assert result.exit_code == 0, result.output
    assert json.loads(result.stdout) == {
        "draining": [{"class": "image", "number": 0}, {"class": "image", "number": 1}],
        "not_found": [],
    }
    await asyncio.gather(*(image.result() for image in images))
    assert json.loads((await drain("--all", "--json")).stdout)["draining"] == [
        {"class": "video", "number": 0}
    ]
    await video.result()
    assert "There is no pod to drain." in (await drain("--all")).stdout


async def test_one_number_is_drained_and_a_missing_one_is_told(owned: Owned, drain: Drain) -> None:
    image = await owned(GpuClass.IMAGE, 1)
    result = await drain("--class", "image", "--number", "1")
    assert (result.exit_code, result.stdout) == (0, "image pod 1 drains.\n")
    await image.result()
    result = await drain("--class", "image", "--number", "1")
    assert (result.exit_code, result.stdout) == (0, "There is no image pod 1.\n")


async def test_a_number_that_the_settings_no_longer_allow_is_drained_as_well(
    owned: Owned, drain: Drain
) -> None:
    image = await owned(GpuClass.IMAGE, 17)
    while not json.loads((await drain("--all", "--json")).stdout)["draining"]:
        await asyncio.sleep(0.1)  # Temporal lists what is new a moment later
    await image.result()
