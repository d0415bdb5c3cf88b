"""One job as clients see it, and a page of them."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from api import paths
from api.documents import examples
from api.documents.animations import AnimationDocument, animation_document
from api.documents.generations import GenerationDocument, generation_document
from api.documents.orders import BriefOrder, brief_order
from api.documents.originals import original_url
from api.documents.restores import RestoreDocument, restore_document
from api.waiting import WaitingById
from rekindle.contracts.statuses import AttemptKind, AttemptStatus, JobStatus
from rekindle.models import Attempt, Job
from rekindle.ports.objects import ObjectStore
from rekindle.rules.jobs import expires_at, job_status
from rekindle.store.order_views import AttemptOrder


class PhotoDocument(BaseModel):
    """The photo that was uploaded."""

    width: int = Field(description="Upright, pixels.")
    height: int = Field(description="Upright, pixels.")
    media_type: str = Field(description="What the content is.", examples=["image/jpeg"])
    size_bytes: int
    sha256: str = Field(description="Of the file as it was sent, hex digits.")


class JobLinks(BaseModel):
    """Where to go from a job."""

    self: str
    restore: str = Field(description="POST there for another attempt.")
    select: str = Field(description="POST there to choose an attempt.")
    checkout: str = Field(description="POST there to buy the HD of an attempt.")
    animate: str = Field(description="POST there for a clip of a restoration.")
    events: str = Field(description="Server-sent events: every change as it happens.")
    delete: str = Field(description="DELETE there: the photo and everything that was made of it.")


class JobDocument(BaseModel):
    """A photo and everything that was tried with it."""

    model_config = ConfigDict(json_schema_extra={"examples": [examples.JOB]})

    id: UUID
    status: JobStatus = Field(
        description="`completed` when something was made of it and nothing is under way, else "
        "`active`."
    )
    created_at: datetime
    updated_at: datetime
    expires_at: datetime | None = Field(
        description="When it is deleted with everything that was made of it; null when it is kept "
        "until you delete it."
    )
    photo: PhotoDocument | None = Field(description="Null for a job that was made of words alone.")
    original_url: str | None = Field(
        description="Downloads the original; works for some minutes. Null without a photo."
    )
    selected_restore_id: UUID | None = Field(description="The attempt that is shown and sold.")
    restores: list[RestoreDocument] = Field(description="Every restoration, oldest first.")
    latest_animation_id: UUID | None = Field(description="The clip that was made last.")
    animations: list[AnimationDocument] = Field(description="Every animation, oldest first.")
    generations: list[GenerationDocument] = Field(description="Every generation, oldest first.")
    orders: list[BriefOrder] = Field(
        description="Every order of HD, oldest first; those over several photos as well."
    )
    links: JobLinks


class PageLinks(BaseModel):
    """Where to go from a page."""

    self: str
    next: str | None = Field(None, description="The next page, if there is one.")


class JobPage(BaseModel):
    """Some of the caller's jobs, newest first."""

    model_config = ConfigDict(json_schema_extra={"examples": [examples.JOB_PAGE]})

    jobs: list[JobDocument]
    links: PageLinks


@dataclass(frozen=True)
class JobParts:
    """What belongs to one job, or to several, and is told with them.

    Attributes:
        attempts: all of theirs, oldest first; those at HD belong to orders.
        waiting: how those that are unfinished wait.
        orders: of these attempts, oldest first.
    """

    attempts: Sequence[Attempt] = ()
    waiting: WaitingById = field(default_factory=dict)
    orders: Sequence[AttemptOrder] = ()


def job_document(
    job: Job, parts: JobParts, objects: ObjectStore, *, retention: timedelta | None
) -> JobDocument:
    """The document of a job, with fresh addresses of its pictures.

    Args:
        job: its row.
        parts: what belongs to it.
        objects: where the pictures are.
        retention: how long jobs are kept; None for ever.
    """
    attempts, waiting = parts.attempts, parts.waiting
    restores = [each for each in attempts if each.kind == AttemptKind.RESTORE]
    animations = [each for each in attempts if each.kind == AttemptKind.ANIMATION]
    generations = [each for each in attempts if each.kind == AttemptKind.GENERATION]
    return JobDocument(
        id=job.id,
        status=job_status(JobStatus(job.status), (AttemptStatus(a.status) for a in attempts)),
        created_at=job.created_at,
        updated_at=job.updated_at,
        expires_at=expires_at(job.created_at, retention),
        photo=_photo(job),
        original_url=original_url(job, objects),
        selected_restore_id=job.selected_restore_id,
        restores=[restore_document(each, objects, waiting) for each in restores],
        latest_animation_id=job.latest_animation_id,
        animations=[animation_document(each, objects, waiting) for each in animations],
        generations=[generation_document(each, objects, waiting) for each in generations],
        orders=[brief_order(each) for each in parts.orders],
        links=JobLinks(
            self=paths.job(job.id),
            restore=paths.restore(job.id),
            select=paths.select(job.id),
            checkout=paths.checkout(job.id),
            animate=paths.animate(job.id),
            events=paths.events(job.id),
            delete=paths.job(job.id),
        ),
    )


def _photo(job: Job) -> PhotoDocument | None:
    """What is known of the photo, if there is one: all of it, or nothing."""
    if job.original_key is None:
        return None
    return PhotoDocument(
        width=job.width,
        height=job.height,
        media_type=job.original_media_type,
        size_bytes=job.original_bytes,
        sha256=job.original_sha256,
    )


def job_page(
    jobs: Sequence[Job],
    parts: JobParts,
    links: PageLinks,
    objects: ObjectStore,
    *,
    retention: timedelta | None,
) -> JobPage:
    """The document of a page.

    Args:
        jobs: rows, in the order of the page.
        parts: what belongs to these jobs.
        links: where to go from the page.
        objects: where the pictures are.
        retention: how long jobs are kept; None for ever.
    """
    tried: dict[UUID | None, list[Attempt]] = {job.id: [] for job in jobs}
    bought: dict[UUID | None, list[AttemptOrder]] = {job.id: [] for job in jobs}
    for attempt in parts.attempts:
        tried[attempt.job_id].append(attempt)
    for order in parts.orders:
        bought[order.job_id].append(order)
    own = {job.id: JobParts(tried[job.id], parts.waiting, bought[job.id]) for job in jobs}
    return JobPage(
        jobs=[job_document(job, own[job.id], objects, retention=retention) for job in jobs],
        links=links,
    )
