"""A user's photo: the long-lived `PhotoJob` workflow and the commands it takes."""

from uuid import UUID

from rekindle.contracts.payload import Payload
from rekindle.contracts.renders import Parameters, RenderInput
from rekindle.contracts.statuses import GpuClass

PHOTO_JOB = "PhotoJob"
RESTORE = "restore"
SELECT = "select"
CANCEL = "cancel"


def workflow_id(job_id: UUID) -> str:
    """The id of the job's `PhotoJob`; also its idempotency key."""
    return f"job-{job_id}"


class RestoreCommand(Payload):
    """Update `restore`: start one attempt. The update id is the attempt id."""

    attempt_id: UUID
    graph: str
    graph_version: str
    gpu_class: GpuClass
    parameters: Parameters
    max_retries: int
    deadline_seconds: float


class RestoreAccepted(Payload):
    """The attempt will run; `stamp` names its objects."""

    attempt_id: UUID
    stamp: str


class SelectCommand(Payload):
    """Update `select`: make a succeeded attempt the chosen one."""

    attempt_id: UUID


class CancelCommand(Payload):
    """Update `cancel`: stop an attempt wherever it is. One that has ended stays as it ended."""

    attempt_id: UUID


class AcceptedRestore(Payload):
    """A restore wish with the stamp it was given."""

    command: RestoreCommand
    stamp: str


class PhotoJobInput(Payload):
    """Start, or revive, a job.

    Attributes:
        fairness_key: opaque, the same for all work of one user.
        idle_seconds: how long the workflow stays open with nothing to do.
    """

    job_id: UUID
    fairness_key: str
    idle_seconds: float = 3600.0


def render_input(job: PhotoJobInput, accepted: AcceptedRestore) -> RenderInput:
    """What the attempt's `Render` is given."""
    command = accepted.command
    return RenderInput(
        job_id=job.job_id,
        attempt_id=command.attempt_id,
        stamp=accepted.stamp,
        graph=command.graph,
        graph_version=command.graph_version,
        gpu_class=command.gpu_class,
        parameters=command.parameters,
        fairness_key=job.fairness_key,
        max_retries=command.max_retries,
        deadline_seconds=command.deadline_seconds,
    )


class SelectAttempt(Payload):
    """Activity input: record the choice."""

    job_id: UUID
    attempt_id: UUID
