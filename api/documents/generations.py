"""One generation as clients see it, and the same in the few words of a task."""

from collections.abc import Sequence
from enum import StrEnum
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from api import paths
from api.documents import examples
from api.documents.attempts import (
    AttemptError,
    AttemptFacts,
    AttemptLinks,
    attempt_error,
    attempt_facts,
    attempt_links,
)
from api.waiting import NOBODY_WAITS, WaitingById
from rekindle.contracts.statuses import AttemptStatus
from rekindle.models import Attempt
from rekindle.ports.objects import ObjectStore

_CANCELED = AttemptError(code="canceled", message="The generation was canceled.", retryable=True)


class GenerationDocument(AttemptFacts):
    """One picture that was made of words, or of words and the photo of a job."""

    model_config = ConfigDict(json_schema_extra={"examples": [examples.GENERATION]})

    preview_url: str | None = Field(description="Watermarked JPEG; works for some minutes.")
    links: AttemptLinks


class TaskStatus(StrEnum):
    """Where a task stands; it is `queued` until it has ended."""

    QUEUED = "queued"
    DONE = "done"
    FAILED = "failed"


_STATUSES = {
    AttemptStatus.QUEUED: TaskStatus.QUEUED,
    AttemptStatus.RUNNING: TaskStatus.QUEUED,
    AttemptStatus.SUCCEEDED: TaskStatus.DONE,
    AttemptStatus.FAILED: TaskStatus.FAILED,
    AttemptStatus.CANCELED: TaskStatus.FAILED,
}


class TaskLinks(BaseModel):
    """Where to go from a task."""

    self: str = Field(description="GET there until it is done or failed.")
    job: str = Field(description="The same as a job, with all that can be done with it.")
    events: str = Field(description="Server-sent events: every change as it happens.")


class TaskDocument(BaseModel):
    """A picture that is being made, or was."""

    model_config = ConfigDict(json_schema_extra={"examples": [examples.TASK]})

    task_id: UUID = Field(description="Of the job; `/status/{job_id}` takes it.")
    status: TaskStatus
    image: str | None = Field(
        description="Address of a watermarked JPEG, once it is done; works for some minutes."
    )
    error: AttemptError | None = Field(description="Why it failed, if it did.")
    links: TaskLinks


def generation_document(
    attempt: Attempt, objects: ObjectStore, waiting: WaitingById = NOBODY_WAITS
) -> GenerationDocument:
    """The document of a generation, with fresh addresses of its pictures.

    Args:
        attempt: its row.
        objects: where the pictures are.
        waiting: how it waits, if it does.
    """
    facts = attempt_facts(attempt, objects, waiting)
    return GenerationDocument(**dict(facts), links=_links(attempt))


def task_document(job_id: UUID, attempts: Sequence[Attempt], objects: ObjectStore) -> TaskDocument:
    """The document of a job's latest generation as a task.

    Args:
        job_id: of the job.
        attempts: rows of its generations, oldest first; without any it waits to be begun.
        objects: where the picture is.
    """
    latest = attempts[-1] if attempts else None
    preview = latest.preview_key if latest else None
    return TaskDocument(
        task_id=job_id,
        status=_STATUSES[AttemptStatus(latest.status)] if latest else TaskStatus.QUEUED,
        image=objects.url(preview) if preview else None,
        error=_error(latest) if latest else None,
        links=TaskLinks(
            self=paths.task(job_id), job=paths.job(job_id), events=paths.events(job_id)
        ),
    )


def _error(attempt: Attempt) -> AttemptError | None:
    match attempt.status:
        case AttemptStatus.FAILED:
            return attempt_error(attempt.error_code or "", attempt.error_message)
        case AttemptStatus.CANCELED:
            return _CANCELED
        case _:
            return None


def _links(attempt: Attempt) -> AttemptLinks:
    return attempt_links(
        attempt,
        itself=paths.generation(attempt.job_id, attempt.id),
        cancel=paths.cancel_generation(attempt.job_id, attempt.id),
    )
