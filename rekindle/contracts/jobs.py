"""A user's photo: the long-lived `PhotoJob` workflow and the commands it takes."""

from uuid import UUID

from rekindle.contracts import keys
from rekindle.contracts.payload import Payload
from rekindle.contracts.renders import Parameters, RenderInput
from rekindle.contracts.statuses import AttemptKind, GpuClass

PHOTO_JOB = "PhotoJob"
RESTORE = "restore"
ANIMATE = "animate"
GENERATE = "generate"
SELECT = "select"
CANCEL = "cancel"


def workflow_id(job_id: UUID) -> str:
    """The id of the job's `PhotoJob`; also its idempotency key."""
    return f"job-{job_id}"


class AttemptCommand(Payload):
    """Updates `restore`, `animate`, `generate`: start an attempt. The update id is the attempt id.

    Attributes:
        source_id: the attempt to work on; None for the photo itself.
        source_key: the object to work on: the photo's working copy, or an attempt's master; None
            where a picture is made of words alone.
    """

    attempt_id: UUID
    kind: AttemptKind
    graph: str
    graph_version: str
    gpu_class: GpuClass
    parameters: Parameters
    source_id: UUID | None = None
    source_key: str | None
    max_retries: int
    retry_backoff_base: float = 0.0
    deadline_seconds: float


class AttemptAccepted(Payload):
    """The attempt will run; `stamp` names its objects."""

    attempt_id: UUID
    stamp: str


class SelectCommand(Payload):
    """Update `select`: make a succeeded attempt the chosen one."""

    attempt_id: UUID


class CancelCommand(Payload):
    """Update `cancel`: stop an attempt wherever it is. One that has ended stays as it ended."""

    attempt_id: UUID


class AcceptedAttempt(Payload):
    """A wish with the stamp it was given."""

    command: AttemptCommand
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


def render_input(job: PhotoJobInput, accepted: AcceptedAttempt) -> RenderInput:
    """What the attempt's `Render` is given."""
    command = accepted.command
    masters = {
        AttemptKind.RESTORE: keys.restored_master,
        AttemptKind.ANIMATION: keys.animated_master,
        AttemptKind.GENERATION: keys.generated_master,
    }
    return RenderInput(
        job_id=job.job_id,
        attempt_id=command.attempt_id,
        kind=command.kind,
        stamp=accepted.stamp,
        graph=command.graph,
        graph_version=command.graph_version,
        gpu_class=command.gpu_class,
        parameters=command.parameters,
        source_id=command.source_id,
        source_key=command.source_key,
        output_key=masters[command.kind](job.job_id, accepted.stamp),
        fairness_key=job.fairness_key,
        max_retries=command.max_retries,
        retry_backoff_base=command.retry_backoff_base,
        deadline_seconds=command.deadline_seconds,
    )


class SelectAttempt(Payload):
    """Activity input: record the choice."""

    job_id: UUID
    attempt_id: UUID
