"""What happened to a job, and how it stands, as an event stream tells it."""

from typing import Any
from uuid import UUID

from pydantic import BaseModel, Field

from api.documents.attempts import AttemptError, attempt_error
from rekindle.contracts.statuses import AttemptStatus, JobStatus, Stage
from rekindle.models import JobEvent, RestoreAttempt
from rekindle.store.events import JobState


class AttemptState(BaseModel):
    """How an attempt stands: what its events tell too."""

    attempt_id: UUID
    status: AttemptStatus
    stage: Stage | None
    progress: float = Field(ge=0, le=1)
    error: AttemptError | None


class JobSnapshot(BaseModel):
    """How a job stands with all its attempts: the event `job`."""

    job_id: UUID
    status: JobStatus
    selected_restore_id: UUID | None
    attempts: list[AttemptState] = Field(description="Oldest first.")


def job_snapshot(state: JobState) -> JobSnapshot:
    """The document of a job's state."""
    return JobSnapshot(
        job_id=state.job.id,
        status=JobStatus(state.job.status),
        selected_restore_id=state.job.selected_restore_id,
        attempts=[_attempt_state(attempt) for attempt in state.attempts],
    )


def event_document(event: JobEvent) -> dict[str, Any]:
    """The document of an event: its data, whom it is about, and when it happened.

    Not a model of every kind: an older process hands on what a newer one wrote.
    """
    data = dict(event.data)
    if "error_code" in data:
        code = data.pop("error_code")
        data["error"] = attempt_error(code).model_dump() if code else None
    return {
        "job_id": str(event.job_id),
        "attempt_id": str(event.attempt_id) if event.attempt_id else None,
        **data,
        "at": event.created_at.isoformat(),
    }


def _attempt_state(attempt: RestoreAttempt) -> AttemptState:
    return AttemptState(
        attempt_id=attempt.id,
        status=AttemptStatus(attempt.status),
        stage=Stage(attempt.stage) if attempt.stage else None,
        progress=attempt.progress,
        error=attempt_error(attempt.error_code) if attempt.error_code else None,
    )
