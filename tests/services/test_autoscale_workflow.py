"""What `AutoscalePods` does when a part of a look fails, with scripted activities."""

from uuid import uuid4

import pytest
from temporalio import activity
from temporalio.client import Client, WorkflowFailureError
from temporalio.exceptions import ActivityError, ApplicationError

from rekindle.contracts.failures import to_failure
from rekindle.contracts.fleet import AUTOSCALE_PODS, Reaped, ScaleClass, Scaled
from rekindle.contracts.statuses import GpuClass
from rekindle.errors import CloudUnavailable
from worker.host import workflow_runner
from worker.polling import Worker
from workflows_temporal.autoscale_pods import AutoscalePods


class Script:
    """Activities that fail for some classes, and note what was done."""

    def __init__(self, *failing: GpuClass) -> None:
        self._failing = failing
        self.done: list[str] = []

    @activity.defn(name="scale_class")
    async def scale(self, asked: ScaleClass) -> Scaled:
        if asked.gpu_class in self._failing:
            raise to_failure(CloudUnavailable("no catalogue"), retryable=False)
        self.done.append(asked.gpu_class)
        return Scaled(gpu_class=asked.gpu_class, wanted=1, reason="backlog")

    @activity.defn(name="reap_pods")
    async def reap(self) -> Reaped:
        self.done.append("reap")
        return Reaped(cloud_ids=("stray",))


async def looked(client: Client, script: Script) -> None:
    queue = f"looks-{uuid4()}"
    worker = Worker(
        client,
        task_queue=queue,
        workflows=[AutoscalePods],
        activities=[script.scale, script.reap],
        workflow_runner=workflow_runner(),
    )
    async with worker:
        await client.execute_workflow(AUTOSCALE_PODS, id=f"look-{uuid4()}", task_queue=queue)


async def test_every_class_is_scaled_before_pods_that_nobody_owns_are_returned(
    temporal: Client,
) -> None:
    script = Script()
    await looked(temporal, script)
    assert script.done == ["image", "video", "reap"]


@pytest.mark.parametrize(
    ("failing", "done"),
    [
        ((GpuClass.IMAGE,), ["video", "reap"]),
        ((GpuClass.VIDEO,), ["image", "reap"]),
        ((GpuClass.IMAGE, GpuClass.VIDEO), ["reap"]),
    ],
    ids=["image", "video", "both"],
)
async def test_a_class_that_cannot_be_scaled_holds_up_neither_the_other_nor_the_reaper(
    temporal: Client, failing: tuple[GpuClass, ...], done: list[str]
) -> None:
    script = Script(*failing)
    with pytest.raises(WorkflowFailureError) as failed:
        await looked(temporal, script)
    assert script.done == done
    assert isinstance(failed.value.cause, ActivityError)
    assert isinstance(failed.value.cause.cause, ApplicationError)
    assert failed.value.cause.cause.type == CloudUnavailable.code
