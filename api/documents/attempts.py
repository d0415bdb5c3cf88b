"""What the documents of all attempts have in common."""

from datetime import datetime
from typing import Literal
from uuid import UUID

from pydantic import BaseModel, Field

from api import paths
from api.waiting import NOBODY_WAITS, WaitingById
from rekindle.contracts.renders import Parameters
from rekindle.contracts.statuses import AttemptStatus, Stage
from rekindle.errors import error_for
from rekindle.models import Attempt
from rekindle.ports.objects import ObjectStore

QUEUE_POSITION = (
    "Its place among those that wait for the same kind of GPU, 1 is next; null once it runs. "
    "Users take turns, so it may be taken a little earlier or later."
)
ETA_SECONDS = (
    "About how long until it is done, seconds, in coarse steps; null where nothing is known, as "
    "when no GPU is there or on its way."
)
BOOT_PROGRESS = (
    "How far the GPU that it waits for has started, 0 to 1; null unless the stage is "
    "`provisioning`."
)


class AttemptError(BaseModel):
    """Why an attempt failed."""

    code: str = Field(description="Stable name of the error.", examples=["graph_failed"])
    message: str = Field(description="One sentence for the person.")
    retryable: bool = Field(description="Whether another attempt can succeed.")
    charged: Literal[False] = Field(False, description="Whether it cost money: it did not.")


class AttemptLinks(BaseModel):
    """Where to go from an attempt."""

    self: str
    job: str
    events: str = Field(description="Server-sent events of its job.")
    cancel: str | None = Field(None, description="POST there; until it has ended.")


class AttemptFacts(BaseModel):
    """What is told of every attempt, whatever it is at."""

    id: UUID
    job_id: UUID
    graph: str = Field(examples=["restore"])
    graph_version: str
    parameters: Parameters = Field(description="Every value the graph runs with.")
    seed: int | None = Field(description="Gives the same result again; null without chance.")
    status: AttemptStatus
    stage: Stage | None = Field(description="What it waits for or does; null once it has ended.")
    progress: float = Field(ge=0, le=1, description="0 to 1; never goes back.")
    queue_position: int | None = Field(ge=1, description=QUEUE_POSITION)
    eta_seconds: int | None = Field(ge=0, description=ETA_SECONDS)
    boot_progress: float | None = Field(ge=0, le=1, description=BOOT_PROGRESS)
    preview_url: str | None = Field(description="Watermarked; works for some minutes.")
    thumbnail_url: str | None = Field(description="Small JPEG; works for some minutes.")
    width: int | None = Field(description="Of the full result, pixels.")
    height: int | None = Field(description="Of the full result, pixels.")
    error: AttemptError | None = Field(description="Why it failed, if it did.")
    created_at: datetime
    started_at: datetime | None
    finished_at: datetime | None
    engine_seconds: float | None = Field(description="Time on the GPU, seconds.")


def attempt_facts(
    attempt: Attempt, objects: ObjectStore, waiting: WaitingById = NOBODY_WAITS
) -> AttemptFacts:
    """What is told of an attempt, with fresh addresses of its previews.

    Args:
        attempt: its row.
        objects: where the previews are.
        waiting: how it waits, if it does.
    """
    wait = waiting.get(attempt.id)
    return AttemptFacts(
        id=attempt.id,
        job_id=attempt.job_id,
        graph=attempt.graph,
        graph_version=attempt.graph_version,
        parameters=attempt.parameters,
        seed=attempt.parameters.get("seed"),
        status=AttemptStatus(attempt.status),
        stage=attempt_stage(attempt, waiting),
        progress=attempt.progress,
        queue_position=wait.queue_position if wait else None,
        eta_seconds=wait.eta_seconds if wait else None,
        boot_progress=wait.boot_progress if wait else None,
        preview_url=objects.url(attempt.preview_key) if attempt.preview_key else None,
        thumbnail_url=objects.url(attempt.thumbnail_key) if attempt.thumbnail_key else None,
        width=attempt.width,
        height=attempt.height,
        error=_error(attempt),
        created_at=attempt.created_at,
        started_at=attempt.started_at,
        finished_at=attempt.finished_at,
        engine_seconds=attempt.engine_seconds,
    )


def attempt_links(attempt: Attempt, *, itself: str, cancel: str) -> AttemptLinks:
    """Where to go from an attempt of any kind.

    Args:
        attempt: its row.
        itself: where it is looked at.
        cancel: where it is stopped; told until it has ended.
    """
    ended = AttemptStatus(attempt.status).is_final
    return AttemptLinks(
        self=itself,
        job=paths.job(attempt.job_id),
        events=paths.events(attempt.job_id),
        cancel=None if ended else cancel,
    )


def attempt_stage(attempt: Attempt, waiting: WaitingById) -> Stage | None:
    """The stage as it is told: only whoever looks at the pods knows who waits for one.

    Args:
        attempt: its row.
        waiting: how it waits, if it does.
    """
    wait = waiting.get(attempt.id)
    if wait and wait.stage in (Stage.QUEUED, Stage.PROVISIONING):
        return wait.stage
    return Stage(attempt.stage) if attempt.stage else None


def attempt_error(code: str, message: str | None = None) -> AttemptError:
    """The document of an attempt's error.

    Args:
        code: of the error; one that is not known counts as a failure of the platform.
        message: what was recorded for the person, when it was.
    """
    error = error_for(code)
    return AttemptError(
        code=error.code, message=message or error.sentence, retryable=error.retryable
    )


def _error(attempt: Attempt) -> AttemptError | None:
    if attempt.status != AttemptStatus.FAILED:
        return None
    return attempt_error(attempt.error_code or "", attempt.error_message)
