"""What happened to a job, and how it stands, as an event stream tells it."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from api.documents.attempts import (
    BOOT_PROGRESS,
    ETA_SECONDS,
    QUEUE_POSITION,
    AttemptError,
    attempt_error,
    attempt_stage,
)
from api.waiting import NOBODY_WAITS, WaitingById
from rekindle.contracts.orders import HdState, OrderStatus
from rekindle.contracts.statuses import AttemptKind, AttemptStatus, JobStatus, Stage
from rekindle.models import Attempt, JobEvent
from rekindle.rules.jobs import job_status
from rekindle.store.events import JobState, OrderState
from rekindle.store.waiting import WaitingAttempt


class AttemptState(BaseModel):
    """How an attempt stands: what its events tell too, but for how it waits."""

    attempt_id: UUID
    kind: AttemptKind
    status: AttemptStatus
    stage: Stage | None
    progress: float = Field(ge=0, le=1)
    error: AttemptError | None
    queue_position: int | None = Field(ge=1, description=QUEUE_POSITION)
    eta_seconds: int | None = Field(ge=0, description=ETA_SECONDS)
    boot_progress: float | None = Field(ge=0, le=1, description=BOOT_PROGRESS)


class AttemptWaiting(AttemptState):
    """How an attempt waits, at a moment: the event `attempt.waiting`."""

    job_id: UUID
    at: datetime


class HdProgress(BaseModel):
    """How far the HD result of an order is, and how it waits."""

    order_id: UUID
    attempt_id: UUID = Field(description="Whose HD was ordered.")
    stage: Stage | None
    progress: float = Field(ge=0, le=1)
    queue_position: int | None = Field(ge=1, description=QUEUE_POSITION)
    eta_seconds: int | None = Field(ge=0, description=ETA_SECONDS)
    boot_progress: float | None = Field(ge=0, le=1, description=BOOT_PROGRESS)


class OrderWaiting(HdProgress):
    """How the HD result of an order waits, at a moment: the event `order.waiting`."""

    job_id: UUID
    at: datetime


class OrderStanding(HdProgress):
    """How an order stands."""

    status: OrderStatus
    hd: HdState


class JobSnapshot(BaseModel):
    """How a job stands with all its attempts and orders: the event `job`."""

    job_id: UUID
    status: JobStatus
    selected_restore_id: UUID | None
    latest_animation_id: UUID | None
    attempts: list[AttemptState] = Field(
        description="Restorations and animations, oldest first. HD is told of with its order."
    )
    orders: list[OrderStanding] = Field(
        description="Oldest first. One over several photos is told of here, and as far as its HD "
        "of this photo goes; no `order.changed` follows for it: read the job or the order anew."
    )


class JobEventDocument(BaseModel):
    """What happened to a job, one of its attempts or one of its orders: every other event.

    What it tells beside this depends on its kind. Pass over what you do not know.
    """

    model_config = ConfigDict(extra="allow")

    job_id: UUID
    attempt_id: UUID | None = Field(description="Of the attempt that it is about, if it is.")
    order_id: UUID | None = Field(None, description="Of the order that it is about, if it is.")
    status: str | None = Field(None, description="How the attempt or the order stands.")
    stage: Stage | None = None
    progress: float | None = Field(None, ge=0, le=1, description="0 to 1; never goes back.")
    error: AttemptError | None = None
    at: datetime


EventData = JobSnapshot | AttemptWaiting | OrderWaiting | JobEventDocument
"""The data of an event, by the event's name."""


def job_snapshot(state: JobState, waiting: WaitingById = NOBODY_WAITS) -> JobSnapshot:
    """The document of a job's state.

    Args:
        state: of the job.
        waiting: how its unfinished attempts wait.
    """
    return JobSnapshot(
        job_id=state.job.id,
        status=job_status(
            JobStatus(state.job.status), (AttemptStatus(a.status) for a in state.attempts)
        ),
        selected_restore_id=state.job.selected_restore_id,
        latest_animation_id=state.job.latest_animation_id,
        attempts=[
            _attempt_state(attempt, waiting)
            for attempt in state.attempts
            if attempt.kind != AttemptKind.HD
        ],
        orders=[_order_standing(order, state.attempts, waiting) for order in state.orders],
    )


def attempt_waiting(attempt: WaitingAttempt, at: datetime) -> AttemptWaiting:
    """The document of how an unfinished attempt waits.

    Args:
        attempt: as it was read.
        at: when that was.
    """
    waiting = attempt.waiting
    return AttemptWaiting(
        job_id=attempt.job_id,
        attempt_id=attempt.attempt_id,
        kind=attempt.kind,
        status=attempt.status,
        stage=waiting.stage,
        progress=attempt.progress,
        error=None,
        queue_position=waiting.queue_position,
        eta_seconds=waiting.eta_seconds,
        boot_progress=waiting.boot_progress,
        at=at,
    )


def order_waiting(attempt: WaitingAttempt, at: datetime) -> OrderWaiting:
    """The document of how the HD result of an order waits.

    Args:
        attempt: at HD, as it was read.
        at: when that was.
    """
    waiting = attempt.waiting
    return OrderWaiting(
        job_id=attempt.job_id,
        order_id=attempt.order_id,
        attempt_id=attempt.source_id,
        stage=waiting.stage,
        progress=attempt.progress,
        queue_position=waiting.queue_position,
        eta_seconds=waiting.eta_seconds,
        boot_progress=waiting.boot_progress,
        at=at,
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


def _attempt_state(attempt: Attempt, waiting: WaitingById) -> AttemptState:
    wait = waiting.get(attempt.id)
    return AttemptState(
        attempt_id=attempt.id,
        kind=AttemptKind(attempt.kind),
        status=AttemptStatus(attempt.status),
        stage=attempt_stage(attempt, waiting),
        progress=attempt.progress,
        error=attempt_error(attempt.error_code) if attempt.error_code else None,
        queue_position=wait.queue_position if wait else None,
        eta_seconds=wait.eta_seconds if wait else None,
        boot_progress=wait.boot_progress if wait else None,
    )


def _order_standing(
    order: OrderState, attempts: Iterable[Attempt], waiting: WaitingById
) -> OrderStanding:
    hd = next((each for each in attempts if each.order_id == order.order_id), None)
    wait = waiting.get(hd.id) if hd else None
    return OrderStanding(
        order_id=order.order_id,
        attempt_id=order.attempt_id,
        status=order.status,
        hd=order.hd,
        stage=attempt_stage(hd, waiting) if hd else None,
        progress=hd.progress if hd else 0.0,
        queue_position=wait.queue_position if wait else None,
        eta_seconds=wait.eta_seconds if wait else None,
        boot_progress=wait.boot_progress if wait else None,
    )
