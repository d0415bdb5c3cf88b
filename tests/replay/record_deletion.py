"""Ways through the deletion of a job; `record.py` tells them."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any

from temporalio.client import WorkflowHandle

from rekindle.adapters.job_deletion import TemporalDeletions
from rekindle.contracts import deletion as contract
from rekindle.contracts.jobs import PhotoJobInput
from rekindle.store import deletion

Story = Callable[[Any], Awaitable[WorkflowHandle[Any, Any]]]
STORIES: dict[str, Story] = {}


def story(tell: Story) -> Story:
    """A way through a deletion's life; returns the workflow whose history it is."""
    STORIES[tell.__name__] = tell
    return tell


@story
async def delete_job_erased(r: Any) -> WorkflowHandle[Any, Any]:
    job = await r.job()
    await r.ended(r.render(await r.restored(job)))
    return await _ended(r, await _deleted(r, job, undo=timedelta(0)))


@story
async def delete_job_erased_while_rendering(r: Any) -> WorkflowHandle[Any, Any]:
    job = await r.job()
    await r.rendering(job)
    return await _ended(r, await _deleted(r, job, undo=timedelta(0)))


@story
async def delete_job_that_can_be_undone(r: Any) -> WorkflowHandle[Any, Any]:
    return await _waiting(await _deleted(r, await r.job(), undo=timedelta(days=1)))


@story
async def delete_job_undone(r: Any) -> WorkflowHandle[Any, Any]:
    job = await r.job()
    handle = await _waiting(await _deleted(r, job, undo=timedelta(days=1)))
    async with r.database.transaction() as session:
        row = await deletion.by_id(session, job.job_id)
        assert row is not None
        assert await deletion.undo(session, row)
    await TemporalDeletions(r.client).undo(job.job_id)
    return await _ended(r, handle)


async def _deleted(r: Any, job: PhotoJobInput, *, undo: timedelta) -> WorkflowHandle[Any, Any]:
    """The deletion of a job, which was deleted as the API does it."""
    async with r.database.transaction() as session:
        row = await deletion.by_id(session, job.job_id)
        assert row is not None
        await deletion.mark(session, row, undo=undo)
    await TemporalDeletions(r.client).begin(job.job_id)
    handle: WorkflowHandle[Any, Any] = r.client.get_workflow_handle(
        contract.workflow_id(job.job_id)
    )
    return handle


async def _waiting(handle: WorkflowHandle[Any, Any]) -> WorkflowHandle[Any, Any]:
    """The same deletion once it waits for the end of the time to undo it."""
    async with asyncio.timeout(90):
        while True:
            history = await handle.fetch_history()
            if any(event.HasField("timer_started_event_attributes") for event in history.events):
                return handle
            await asyncio.sleep(0.05)


async def _ended(r: Any, handle: WorkflowHandle[Any, Any]) -> WorkflowHandle[Any, Any]:
    """The same deletion once it has ended."""
    await r.ended(handle)
    return handle
