"""Leaving a Temporal worker, also one that would never come to an end."""

import asyncio
from datetime import timedelta
from uuid import uuid4

from temporalio import activity, workflow
from temporalio.client import Client
from temporalio.worker import UnsandboxedWorkflowRunner

from worker.polling import Worker


@workflow.defn(name="Stubborn", sandboxed=False)
class Stubborn:
    """Waits for an activity that does not let itself be cancelled."""

    @workflow.run
    async def run(self) -> None:
        await workflow.execute_activity("ignore_all", start_to_close_timeout=timedelta(minutes=1))


async def test_an_activity_that_ignores_everything_keeps_no_worker_from_leaving(
    temporal: Client,
) -> None:
    begun, may_end = asyncio.Event(), asyncio.Event()

    @activity.defn
    async def ignore_all() -> None:
        begun.set()
        while not may_end.is_set():
            try:
                await may_end.wait()
            except asyncio.CancelledError:
                continue

    queue = f"leaving-{uuid4()}"
    worker = Worker(
        temporal,
        task_queue=queue,
        workflows=[Stubborn],
        activities=[ignore_all],
        workflow_runner=UnsandboxedWorkflowRunner(),
        patience=timedelta(milliseconds=200),
    )
    async with worker:
        await temporal.start_workflow("Stubborn", id=queue, task_queue=queue)
        await begun.wait()
    assert not may_end.is_set()  # it has not ended, and yet we are here
    may_end.set()
