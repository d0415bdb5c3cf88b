"""Deletion of a job: soft at first, then for good, everywhere."""

from datetime import datetime
from enum import StrEnum
from uuid import UUID

from rekindle.contracts.payload import Payload

DELETE_JOB = "DeleteJob"
LOOK = "look"
"""Signal: the job was deleted, or is wanted back, so look at its row anew."""


def workflow_id(job_id: UUID) -> str:
    """The id of the job's `DeleteJob`; also its idempotency key."""
    return f"delete-{job_id}"


class DeletedJob(Payload):
    """Names a job that is being deleted; everything else is read where it is needed."""

    job_id: UUID


class DeletionState(StrEnum):
    """How far a deletion is."""

    KEPT = "kept"
    """The job is wanted: it was never deleted, or its owner wanted it back."""
    DELETED = "deleted"
    """Nobody sees it any more."""
    GONE = "gone"
    """There is no such job."""


class Deletion(Payload):
    """How the deletion of a job stands.

    Attributes:
        undo_until: until then its owner may want it back; while it is deleted.
    """

    state: DeletionState
    undo_until: datetime | None = None


class ClaimDeletion(Payload):
    """Delete a job for good: from then on nobody can have it back.

    Attributes:
        undo_until: as it was known: a job that was wanted back, and deleted anew, has another one.
    """

    job_id: UUID
    undo_until: datetime


class JobWork(Payload):
    """What was ever begun for a job, by ids that tell nothing.

    Attributes:
        attempt_ids: each had a render.
        order_ids: each had a workflow.
        upload_ids: that the job was made of.
    """

    attempt_ids: tuple[UUID, ...] = ()
    order_ids: tuple[UUID, ...] = ()
    upload_ids: tuple[UUID, ...] = ()


class EraseJob(Payload):
    """Erase what a job has left in one place."""

    job_id: UUID
    work: JobWork


class Erased(Payload):
    """What a deletion came to.

    Attributes:
        objects: how many were deleted.
        histories: how many were deleted.
    """

    state: DeletionState
    objects: int = 0
    histories: int = 0
