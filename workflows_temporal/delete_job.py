"""The deletion of one job, from the moment its owner asked for it until nothing is left."""

import contextlib
from datetime import datetime

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from activities.deletion import DeletionActivities
    from rekindle.contracts.deletion import (
        DELETE_JOB,
        LOOK,
        ClaimDeletion,
        DeletedJob,
        Deletion,
        DeletionState,
        Erased,
        EraseJob,
        JobWork,
    )
    from workflows_temporal import policies


@workflow.defn(name=DELETE_JOB)
class DeleteJob:
    """Stops what runs, waits until it cannot be undone any more, then erases.

    The job's row is the truth until it is gone, so that whoever begins anew goes on. It goes last
    but for one more look at the object store: what wrote late has seen no row, and took it back.
    """

    @workflow.init
    def __init__(self, job: DeletedJob) -> None:
        """Start with a look that is due."""
        self._job = job
        self._looks = 0

    @workflow.run
    async def run(self, job: DeletedJob) -> Erased:
        """Delete the job, unless it is wanted back."""
        del job  # noted by __init__
        while True:
            looks = self._looks
            found = await self._read()
            if found.undo_until is not None:
                if await self._is_final(found.undo_until, looks):
                    return await self._erase()
            elif looks == self._looks:
                workflow.set_current_details(f"**{found.state}**")
                return Erased(state=found.state)

    @workflow.signal(name=LOOK)
    def look(self) -> None:
        """Something has changed: look at the row."""
        self._looks += 1

    async def _read(self) -> Deletion:
        return await workflow.execute_activity_method(
            DeletionActivities.read_deletion,
            self._job,
            summary="whether it is still wanted",
            **policies.RECORD,
        )

    async def _is_final(self, undo_until: datetime, looks: int) -> bool:
        """Wait as long as it can be undone; False when there is something to look at."""
        await self._stop()
        workflow.set_current_details(f"**deleted** until {undo_until:%Y-%m-%d %H:%M} UTC")
        left = undo_until - workflow.now()
        if left.total_seconds() > 0:
            with contextlib.suppress(TimeoutError):
                await workflow.wait_condition(
                    lambda: self._looks != looks,
                    timeout=left,
                    timeout_summary="until it cannot be undone",
                )
        if looks != self._looks:
            return False
        return await workflow.execute_activity_method(
            DeletionActivities.claim_deletion,
            ClaimDeletion(job_id=self._job.job_id, undo_until=undo_until),
            summary="from now on it cannot be undone",
            **policies.RECORD,
        )

    async def _erase(self) -> Erased:
        """Erase everything, in an order in which nothing comes back."""
        workflow.set_current_details("**erasing**")
        work = await self._stop()  # a command may have slipped in since
        histories = await self._erase_histories(work)
        objects = await self._erase_objects(work)
        await workflow.execute_activity_method(
            DeletionActivities.erase_rows,
            EraseJob(job_id=self._job.job_id, work=work),
            summary="rows",
            **policies.RECORD,
        )
        objects += await self._erase_objects(work)
        workflow.set_current_details(f"**gone**: {objects} objects, {histories} histories")
        return Erased(state=DeletionState.GONE, objects=objects, histories=histories)

    async def _stop(self) -> JobWork:
        return await workflow.execute_activity_method(
            DeletionActivities.stop_job,
            self._job,
            summary="end what runs for it",
            **policies.ERASE,
        )

    async def _erase_objects(self, work: JobWork) -> int:
        return await workflow.execute_activity_method(
            DeletionActivities.erase_objects,
            EraseJob(job_id=self._job.job_id, work=work),
            summary="objects",
            **policies.ERASE,
        )

    async def _erase_histories(self, work: JobWork) -> int:
        return await workflow.execute_activity_method(
            DeletionActivities.erase_histories,
            EraseJob(job_id=self._job.job_id, work=work),
            summary="histories",
            **policies.ERASE,
        )
