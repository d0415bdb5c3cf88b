"""The deletion of a job as its owner sees it."""

from datetime import datetime
from typing import Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from api import paths
from api.documents import examples
from rekindle.contracts.statuses import JobStatus
from rekindle.models import Job


class DeletionLinks(BaseModel):
    """Where to go from a deletion."""

    undo: str | None = Field(description="POST there to have it back; null when it is too late.")


class DeletionDocument(BaseModel):
    """A job that was deleted: nobody sees it any more."""

    model_config = ConfigDict(json_schema_extra={"examples": [examples.DELETION]})

    job_id: UUID
    status: Literal[JobStatus.DELETED]
    deleted_at: datetime
    undo_until: datetime = Field(
        description="Until then it can be had back; from then on everything of it is erased."
    )
    links: DeletionLinks


def deletion_document(job: Job, *, now: datetime) -> DeletionDocument:
    """The document of a deleted job.

    Args:
        job: its row.
        now: the present.
    """
    if job.deleted_at is None or job.undo_until is None:
        raise ValueError("the job is not deleted")
    undo = paths.undelete(job.id) if now < job.undo_until else None
    return DeletionDocument(
        job_id=job.id,
        status=JobStatus.DELETED,
        deleted_at=job.deleted_at,
        undo_until=job.undo_until,
        links=DeletionLinks(undo=undo),
    )
