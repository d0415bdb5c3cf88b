"""A photo restored in one call, in four words of status."""

from collections.abc import Sequence
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from api import paths
from api.documents import examples
from api.documents.attempts import attempt_error
from api.documents.originals import original_url
from rekindle.contracts.statuses import AttemptStatus
from rekindle.models import Attempt, Job
from rekindle.ports.objects import ObjectStore

_CANCELED = "The restoration was canceled."


class RestorationStatus(StrEnum):
    """Where a restoration stands."""

    PENDING = "pending"
    PROCESSING = "processing"
    COMPLETED = "completed"
    FAILED = "failed"


_STATUSES = {
    AttemptStatus.QUEUED: RestorationStatus.PENDING,
    AttemptStatus.RUNNING: RestorationStatus.PROCESSING,
    AttemptStatus.SUCCEEDED: RestorationStatus.COMPLETED,
    AttemptStatus.FAILED: RestorationStatus.FAILED,
    AttemptStatus.CANCELED: RestorationStatus.FAILED,
}


class RestorationLinks(BaseModel):
    """Where to go from a restoration."""

    self: str = Field(description="GET there until it is completed or failed.")
    job: str = Field(description="The same job with all that can be done with it.")
    events: str = Field(description="Server-sent events: every change as it happens.")
    attempt: str = Field(description="The attempt, with its progress.")


class AcceptedRestoration(BaseModel):
    """A photo was taken in, and its restoration has been started."""

    model_config = ConfigDict(json_schema_extra={"examples": [examples.ACCEPTED_RESTORATION]})

    job_id: UUID
    status: RestorationStatus
    links: RestorationLinks


class RestorationDocument(BaseModel):
    """A photo and its latest restoration."""

    model_config = ConfigDict(json_schema_extra={"examples": [examples.RESTORATION]})

    id: UUID
    status: RestorationStatus
    original_image_url: str = Field(description="Downloads the original; works for some minutes.")
    processed_image_url: str | None = Field(
        description="Watermarked JPEG, once it is completed; works for some minutes."
    )
    denoise: float | None = Field(
        description="How far from the photo it may go; null where the graph has no such parameter."
    )
    error_message: str | None = Field(description="Why it failed, if it did.")
    created_at: datetime
    updated_at: datetime


def accepted_restoration(attempt: Attempt) -> AcceptedRestoration:
    """The document of a restoration that was just started."""
    return AcceptedRestoration(
        job_id=attempt.job_id,
        status=_status(attempt),
        links=RestorationLinks(
            self=paths.restoration_job(attempt.job_id),
            job=paths.job(attempt.job_id),
            events=paths.events(attempt.job_id),
            attempt=paths.restore_attempt(attempt.job_id, attempt.id),
        ),
    )


def restoration_document(
    job: Job, attempts: Sequence[Attempt], objects: ObjectStore
) -> RestorationDocument:
    """The document of a job's latest restoration, with fresh addresses of its pictures.

    Args:
        job: its row; it has a photo.
        attempts: rows of its restore attempts, oldest first.
        objects: where the pictures are.
    """
    latest = attempts[-1] if attempts else None
    moments = (latest.created_at, latest.started_at, latest.finished_at) if latest else ()
    return RestorationDocument(
        id=job.id,
        status=_status(latest),
        original_image_url=original_url(job, objects),
        processed_image_url=_processed(latest, objects),
        denoise=latest.parameters.get("denoise") if latest else None,
        error_message=_error_message(latest),
        created_at=job.created_at,
        updated_at=max([job.updated_at, *(moment for moment in moments if moment)]),
    )


def _status(attempt: Attempt | None) -> RestorationStatus:
    """A photo whose restoration has not been asked for yet is waiting for it."""
    if attempt is None:
        return RestorationStatus.PENDING
    return _STATUSES[AttemptStatus(attempt.status)]


def _processed(attempt: Attempt | None, objects: ObjectStore) -> str | None:
    if attempt is None or attempt.preview_key is None:
        return None
    return objects.url(attempt.preview_key)


def _error_message(attempt: Attempt | None) -> str | None:
    match attempt.status if attempt else None:
        case AttemptStatus.FAILED if attempt:
            return attempt_error(attempt.error_code or "", attempt.error_message).message
        case AttemptStatus.CANCELED:
            return _CANCELED
        case _:
            return None
