"""Jobs are deleted, and had back."""

from datetime import UTC, datetime
from uuid import UUID

import structlog
from fastapi import status

from api import paths
from api.dependencies import AppSettings, Ports, Waker
from api.documents import JobDocument
from api.documents.deletions import DeletionDocument, deletion_document
from api.identity import CurrentPrincipal, guarded_router
from api.jobs import parts_of, shown_job
from api.ownership import owned_or_deleted
from api.problems import command_problems, guarded_problems
from rekindle.errors import DatabaseUnavailable, JobNotFound, OrderUndelivered, WorkflowsUnavailable
from rekindle.store import deletion

router = guarded_router("jobs")

_LOG = structlog.get_logger(__name__)


@router.delete(
    paths.JOB,
    status_code=status.HTTP_202_ACCEPTED,
    responses=guarded_problems(JobNotFound, OrderUndelivered, DatabaseUnavailable),
)
async def delete_job(
    job_id: UUID, principal: CurrentPrincipal, ports: Ports, settings: AppSettings, waker: Waker
) -> DeletionDocument:
    """Delete a photo with everything that was made of it. Saying so again is no error.

    From now on nobody sees it, and what runs for it is stopped. Until `undo_until` it can be had
    back; then every picture, clip and record is erased for good, wherever it is. Orders stay as
    records of money that name nobody; an order that was not paid is given up. While something was
    paid for and has not been delivered, a job cannot be deleted.
    """
    async with ports.database.transaction() as session:
        job = await owned_or_deleted(session, job_id, principal)
        marked = await deletion.mark(session, job, undo=settings.undo)
    for order_id in marked.given_up:
        waker.wake(order_id)
    try:
        await ports.deletions.begin(job_id)
    except WorkflowsUnavailable as error:
        # It is written down: the sweep has it erased when it is due.
        _LOG.warning("a deletion is left to the sweep", job=str(job_id), why=str(error))
    return deletion_document(marked.job, now=datetime.now(UTC))


@router.post(
    paths.UNDELETE,
    responses=command_problems(JobNotFound, DatabaseUnavailable),
)
async def undelete_job(
    job_id: UUID, principal: CurrentPrincipal, ports: Ports, settings: AppSettings
) -> JobDocument:
    """Have a deleted job back, while there is time. A job that is not deleted stays as it is.

    What was stopped stays stopped, and orders that were given up stay so.
    """
    async with ports.database.transaction() as session:
        job = await owned_or_deleted(session, job_id, principal)
        if not await deletion.undo(session, job):
            raise JobNotFound
        await session.refresh(job)
        parts = await parts_of(session, [job.id])
    try:
        await ports.deletions.undo(job_id)
    except WorkflowsUnavailable as error:
        _LOG.info("a deletion finds out later that it was undone", why=str(error))
    return await shown_job(job, parts, ports, settings)
