"""One attempt of a job, of one kind: looked up, and stopped."""

from dataclasses import dataclass
from uuid import UUID

from api.intake import job_input
from api.waiting import WaitingById, waiting_among
from rekindle.contracts.statuses import AttemptKind, AttemptStatus
from rekindle.errors import (
    AttemptNotFound,
    DatabaseUnavailable,
    JobNotFound,
    WorkflowsUnavailable,
)
from rekindle.models import Attempt, Job
from rekindle.settings import Settings
from rekindle.store import attempts
from rekindle.wiring.api import ApiPorts

LOOKING_ERRORS = (JobNotFound, AttemptNotFound, DatabaseUnavailable)
"""What a route that looks an attempt up can answer."""
STOPPING_ERRORS = (*LOOKING_ERRORS, WorkflowsUnavailable)
"""What a route that stops an attempt can answer."""


@dataclass(frozen=True)
class Found:
    """An attempt as it stands, and how it waits."""

    attempt: Attempt
    waiting: WaitingById


async def look_up(ports: ApiPorts, job: Job, attempt_id: UUID, kind: AttemptKind) -> Found:
    """The job's attempt of that id and kind.

    Raises:
        AttemptNotFound: there is none, or it is of another kind or another job.
        DatabaseUnavailable: it cannot be read.
    """
    async with ports.database.transaction() as session:
        attempt = await attempts.of_job(session, job.id, attempt_id, kind)
        if attempt is None:
            raise AttemptNotFound
        return Found(attempt, await waiting_among(session, [attempt]))


async def stop(
    ports: ApiPorts, settings: Settings, job: Job, attempt_id: UUID, kind: AttemptKind
) -> Attempt:
    """Have an attempt stopped wherever it is. Idempotent: one that has ended stays as it ended.

    Returns:
        The attempt as it stood before.

    Raises:
        AttemptNotFound: there is none, or it is of another kind or another job.
        DatabaseUnavailable: it cannot be read.
        WorkflowsUnavailable: the job's workflow did not answer in time.
    """
    async with ports.database.transaction() as session:
        attempt = await attempts.of_job(session, job.id, attempt_id, kind)
    if attempt is None:
        raise AttemptNotFound
    if not AttemptStatus(attempt.status).is_final:
        await ports.jobs.cancel(job_input(job, settings), attempt_id)
    return attempt
