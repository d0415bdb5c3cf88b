"""Stories of rented pods and of the autoscaler, for `record.py`, which writes their histories."""

import asyncio
import contextlib
import tempfile
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import httpx
from temporalio.client import Client, WorkflowExecutionStatus, WorkflowFailureError, WorkflowHandle
from temporalio.contrib.pydantic import pydantic_data_converter
from temporalio.service import RPCError

from deploy.stack.running import running_stack
from deploy.stack.stack import Stack
from rekindle.adapters.temporal import TemporalPodOwners
from rekindle.contracts import pods, queues
from rekindle.contracts.fleet import AUTOSCALE_PODS
from rekindle.contracts.statuses import GpuClass
from rekindle.contracts.sweep import SWEEP
from rekindle.settings import Settings

IMAGE = GpuClass.IMAGE
SETTINGS = Settings(
    _env_file=None,
    image_pods_min=0,
    pod_away_seconds=1.0,
    pod_lag_seconds=2.0,
    pod_boot_seconds=20.0,
    autoscale_seconds=3600.0,
    sweep_seconds=3600.0,
    pod_age_seconds=15.0,
)
PATIENCE = 90.0


class PodRecorder:
    """A stack that rents pods, and what can be done to them."""

    def __init__(self, stack: Stack, client: Client) -> None:
        self.client = client
        self.owners = TemporalPodOwners(client)
        self._cloud = stack.addresses.runpod

    async def does(self, *faults: dict[str, Any]) -> None:
        """Let the cloud go wrong in these ways, and in no others."""
        async with httpx.AsyncClient(base_url=self._cloud) as cloud:
            told = await cloud.post("/simulator/faults", json={"faults": faults})
            told.raise_for_status()

    async def owned(self) -> WorkflowHandle[Any, Any]:
        """The owner of a new pod."""
        await self.owners.start(IMAGE, 0)
        handle = self.client.get_workflow_handle(pods.workflow_id(IMAGE, 0))
        run_id = (await handle.describe()).run_id
        return self.client.get_workflow_handle(handle.id, run_id=run_id)

    async def reaches(self, handle: WorkflowHandle[Any, Any], activity: str) -> None:
        """Wait until the owner has had this activity begun."""
        async with asyncio.timeout(PATIENCE):
            while True:
                told = await handle.describe()
                doing = {
                    each.activity_type.name for each in told.raw_description.pending_activities
                }
                if activity in doing:
                    return
                await asyncio.sleep(0.05)

    async def ended(self, handle: WorkflowHandle[Any, Any]) -> WorkflowHandle[Any, Any]:
        """The same owner once it has ended, well or badly."""
        async with asyncio.timeout(PATIENCE):
            with contextlib.suppress(WorkflowFailureError):
                await handle.result()
            return handle


Story = Callable[[PodRecorder], Awaitable[WorkflowHandle[Any, Any]]]
STORIES: dict[str, Story] = {}


def story(tell: Story) -> Story:
    """A way through the life of a rented pod; returns the workflow whose history it is."""
    STORIES[tell.__name__] = tell
    return tell


@story
async def gpu_pod_rented_and_drained(r: PodRecorder) -> WorkflowHandle[Any, Any]:
    pod = await r.owned()
    await r.reaches(pod, "serve_pod")
    await pod.signal(pods.DRAIN)
    return await r.ended(pod)


@story
async def gpu_pod_rented_and_aged(r: PodRecorder) -> WorkflowHandle[Any, Any]:
    return await r.ended(await r.owned())


@story
async def gpu_pod_rented_and_gone(r: PodRecorder) -> WorkflowHandle[Any, Any]:
    pod = await r.owned()
    await r.reaches(pod, "serve_pod")
    await r.does({"kind": "dies", "when": "now"})
    return await r.ended(pod)


@story
async def gpu_pod_drained_while_it_boots(r: PodRecorder) -> WorkflowHandle[Any, Any]:
    await r.does({"kind": "stuck_starting"})
    pod = await r.owned()
    await r.reaches(pod, "ready_pod")
    await pod.signal(pods.DRAIN)
    return await r.ended(pod)


@story
async def gpu_pod_canceled_while_it_launches(r: PodRecorder) -> WorkflowHandle[Any, Any]:
    await r.does({"kind": "slow", "route": "POST /v2/pods", "seconds": 3})
    pod = await r.owned()
    await r.reaches(pod, "launch_pod")
    await pod.cancel()
    return await r.ended(pod)


@story
async def gpu_pod_that_did_not_become_ready(r: PodRecorder) -> WorkflowHandle[Any, Any]:
    await r.does({"kind": "stuck_starting"})
    pod = await r.owned()
    await r.reaches(pod, "ready_pod")
    await r.does({"kind": "dies", "when": "now"})
    return await r.ended(pod)


@story
async def gpu_pod_that_could_not_be_had(r: PodRecorder) -> WorkflowHandle[Any, Any]:
    await r.does({"kind": "no_capacity", "count": None})
    return await r.ended(await r.owned())


@story
async def autoscale_pods_looked(r: PodRecorder) -> WorkflowHandle[Any, Any]:
    handle = await r.client.start_workflow(
        AUTOSCALE_PODS, id="autoscale-recorded", task_queue=queues.CONTROL
    )
    return await r.ended(handle)


@story
async def sweep_ran(r: PodRecorder) -> WorkflowHandle[Any, Any]:
    handle = await r.client.start_workflow(SWEEP, id="sweep-recorded", task_queue=queues.CONTROL)
    return await r.ended(handle)


Keep = Callable[[str, WorkflowHandle[Any, Any]], Awaitable[None]]


async def record_pods(wanted: list[str], keep: Keep) -> None:
    """Tell these stories on one stack, one after the other.

    Args:
        wanted: names of stories.
        keep: takes each story's name and workflow.
    """
    with (
        tempfile.TemporaryDirectory(prefix="rekindle-record-") as folder,
        running_stack(Path(folder), settings=SETTINGS, rents_pods=True) as stack,
    ):
        client = await Client.connect(
            stack.addresses.temporal, data_converter=pydantic_data_converter
        )
        recorder = PodRecorder(stack, client)
        for name in wanted:
            await recorder.does()
            await _none_open(client)
            await keep(name, await STORIES[name](recorder))


async def _none_open(client: Client) -> None:
    """Wait until the pod of the story before has no owner any more."""
    handle = client.get_workflow_handle(pods.workflow_id(IMAGE, 0))
    async with asyncio.timeout(PATIENCE):
        while True:
            try:
                told = await handle.describe()
            except RPCError:
                return
            if told.status is not WorkflowExecutionStatus.RUNNING:
                return
            await asyncio.sleep(0.05)
