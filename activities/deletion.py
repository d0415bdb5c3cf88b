"""What the deletion of a job does, step by step. Every step may be repeated at any time."""

import asyncio
import time
from collections.abc import Callable, Sequence
from typing import Any
from uuid import UUID

import structlog
from temporalio import activity

from activities.beating import beating
from activities.failures import as_failures
from rekindle.contracts import jobs, keys, orders, renders
from rekindle.contracts.deletion import (
    ClaimDeletion,
    DeletedJob,
    Deletion,
    EraseJob,
    JobWork,
)
from rekindle.contracts.statuses import AttemptStatus
from rekindle.errors import StorageUnavailable
from rekindle.ports.deletion import JobWorkflows
from rekindle.ports.objects import ObjectStore
from rekindle.ports.orders import OrderCommands
from rekindle.store import attempts, deletion
from rekindle.store.database import Database

_LOG = structlog.get_logger(__name__)
_REASON = "its job was deleted"
_LOOK_SECONDS = 0.2
_PAGE = 1000


class DeletionActivities:
    """Stops what runs for a job, and erases what is there of it."""

    def __init__(
        self,
        *,
        database: Database,
        objects: ObjectStore,
        workflows: JobWorkflows,
        orders: OrderCommands,
        patience_seconds: float = 60.0,
    ) -> None:
        """Work through these ports.

        Args:
            patience_seconds: how long a render may take to end once it was asked to.
        """
        self._database = database
        self._objects = objects
        self._workflows = workflows
        self._orders = orders
        self._patience_seconds = patience_seconds

    def activities(self) -> Sequence[Callable[..., Any]]:
        """All of them, for a worker."""
        return [
            self.read_deletion,
            self.claim_deletion,
            self.stop_job,
            self.erase_objects,
            self.erase_histories,
            self.erase_rows,
        ]

    @activity.defn
    async def read_deletion(self, job: DeletedJob) -> Deletion:
        """How the deletion stands."""
        with as_failures():
            async with self._database.transaction() as session:
                return await deletion.state(session, job.job_id)

    @activity.defn
    async def claim_deletion(self, wanted: ClaimDeletion) -> bool:
        """Take the job for good. Idempotent; False when it is wanted back."""
        with as_failures():
            async with self._database.transaction() as session:
                return await deletion.claim(session, wanted.job_id, wanted.undo_until)

    @activity.defn
    async def stop_job(self, job: DeletedJob) -> JobWork:
        """End everything that runs for a job, and say what was ever begun for it. Idempotent.

        Its workflow first, so that nothing new is begun; a render ends its prompt on the pod. One
        that does not end in time is terminated.
        """
        with as_failures():
            async with beating():
                await self._workflows.terminate(jobs.workflow_id(job.job_id), _REASON)
                begun = await self._begun(job.job_id)
                await self._stop(begun)
                await self._close(job.job_id)
                return begun

    async def _begun(self, job_id: UUID) -> JobWork:
        """What its rows tell, with what its workflow may have begun without a row."""
        children = await self._workflows.children(jobs.workflow_id(job_id))
        started = {found for each in children if (found := renders.attempt_of(each))}
        async with self._database.transaction() as session:
            work = await deletion.work(session, job_id)
        attempt_ids = started | set(work.attempt_ids)
        return work.model_copy(update={"attempt_ids": tuple(sorted(attempt_ids))})

    async def _stop(self, work: JobWork) -> None:
        ids = [renders.workflow_id(each) for each in work.attempt_ids]
        open_ones = [each for each in ids if await self._workflows.is_open(each)]
        for each in open_ones:
            await self._workflows.cancel(each)
        until = time.monotonic() + self._patience_seconds
        while open_ones and time.monotonic() < until:
            await asyncio.sleep(_LOOK_SECONDS)
            open_ones = [each for each in open_ones if await self._workflows.is_open(each)]
        for each in open_ones:
            _LOG.warning("render_terminated", workflow=each)
            await self._workflows.terminate(each, _REASON)

    async def _close(self, job_id: UUID) -> None:
        """Give an end to attempts that nobody is at any more."""
        async with self._database.transaction() as session:
            for attempt_id in await deletion.unfinished(session, job_id):
                await attempts.close(session, attempt_id, AttemptStatus.CANCELED)

    @activity.defn
    async def erase_objects(self, job: EraseJob) -> int:
        """Delete every object of a job. Idempotent.

        Returns:
            How many there were.

        Raises:
            StorageUnavailable: the store keeps some of them.
        """
        with as_failures():
            async with beating():
                found = [await self._erase(each) for each in keys.prefixes_of(job.job_id)]
                await self._objects.delete(*(keys.incoming(each) for each in job.work.upload_ids))
                return sum(found)

    async def _erase(self, prefix: str) -> int:
        count, last = 0, ""
        while page := await self._objects.find(prefix, after=None, most=_PAGE):
            if page[0].key <= last:
                raise StorageUnavailable(f"{page[0].key} is still there after it was deleted")
            last = page[-1].key
            await self._objects.delete(*(each.key for each in page))
            count += len(page)
        return count

    @activity.defn
    async def erase_histories(self, job: EraseJob) -> int:
        """Delete the histories of a job, its renders and its orders. Idempotent.

        An order may have money to give back still: its workflow begins anew from its row.

        Returns:
            How many there were.
        """
        with as_failures():
            async with beating():
                ended = [jobs.workflow_id(job.job_id)]
                ended += [renders.workflow_id(each) for each in job.work.attempt_ids]
                count = await self._workflows.erase(ended)
                for order_id in job.work.order_ids:
                    count += await self._erase_order(order_id)
                return count

    async def _erase_order(self, order_id: UUID) -> int:
        workflow_id = orders.workflow_id(order_id)
        was_open = await self._workflows.is_open(workflow_id)
        count = await self._workflows.erase([workflow_id])
        if was_open:
            await self._orders.wake(order_id)
        return count

    @activity.defn
    async def erase_rows(self, job: EraseJob) -> bool:
        """Delete every row of a job; those of money stay, and tell of nobody. Idempotent."""
        with as_failures():
            async with self._database.transaction() as session:
                return await deletion.erase(session, job.job_id)
