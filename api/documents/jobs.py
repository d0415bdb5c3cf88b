"""One job as clients see it, and a page of them."""

from collections.abc import Sequence
from datetime import datetime
from pathlib import PurePosixPath
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from api import paths
from api.documents import examples
from api.documents.animations import AnimationDocument, animation_document
from api.documents.orders import BriefOrder, brief_order
from api.documents.restores import RestoreDocument, restore_document
from api.waiting import NOBODY_WAITS, WaitingById
from rekindle.contracts.statuses import AttemptKind, JobStatus
from rekindle.models import Attempt, Job, Order
from rekindle.ports.objects import ObjectStore


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


class JobDocument(BaseModel):
    """A photo and everything that was tried with it."""

    model_config = ConfigDict(json_schema_extra={"examples": [examples.JOB]})

    id: UUID
    status: JobStatus
    created_at: datetime
    updated_at: datetime
    photo: PhotoDocument
    original_url: str = Field(description="Downloads the original; works for some minutes.")
    selected_restore_id: UUID | None = Field(description="The attempt that is shown and sold.")
    restores: list[RestoreDocument] = Field(description="Every restoration, oldest first.")
    latest_animation_id: UUID | None = Field(description="The clip that was made last.")
    animations: list[AnimationDocument] = Field(description="Every animation, oldest first.")
    orders: list[BriefOrder] = Field(description="Every order of HD, oldest first.")
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


def job_document(
    job: Job,
    attempts: Sequence[Attempt],
    objects: ObjectStore,
    waiting: WaitingById = NOBODY_WAITS,
    orders: Sequence[Order] = (),
) -> JobDocument:
    """The document of a job, with fresh addresses of its pictures.

    Args:
        job: its row.
        attempts: rows of all its attempts, oldest first; those at HD belong to orders.
        objects: where the pictures are.
        waiting: how those that are unfinished wait.
        orders: of its attempts, oldest first.
    """
    restores = [each for each in attempts if each.kind == AttemptKind.RESTORE]
    animations = [each for each in attempts if each.kind == AttemptKind.ANIMATION]
    extension = PurePosixPath(job.original_key).suffix
    return JobDocument(
        id=job.id,
        status=JobStatus(job.status),
        created_at=job.created_at,
        updated_at=job.updated_at,
        photo=PhotoDocument(
            width=job.width,
            height=job.height,
            media_type=job.original_media_type,
            size_bytes=job.original_bytes,
            sha256=job.original_sha256,
        ),
        original_url=objects.url(job.original_key, filename=f"original{extension}"),
        selected_restore_id=job.selected_restore_id,
        restores=[restore_document(each, objects, waiting) for each in restores],
        latest_animation_id=job.latest_animation_id,
        animations=[animation_document(each, objects, waiting) for each in animations],
        orders=[brief_order(each) for each in orders],
        links=JobLinks(
            self=paths.job(job.id),
            restore=paths.restore(job.id),
            select=paths.select(job.id),
            checkout=paths.checkout(job.id),
            animate=paths.animate(job.id),
            events=paths.events(job.id),
        ),
    )


def job_page(
    jobs: Sequence[Job],
    attempts: Sequence[Attempt],
    links: PageLinks,
    objects: ObjectStore,
    waiting: WaitingById = NOBODY_WAITS,
    orders: Sequence[Order] = (),
) -> JobPage:
    """The document of a page.

    Args:
        jobs: rows, in the order of the page.
        attempts: rows of all attempts of these jobs, oldest first.
        links: where to go from the page.
        objects: where the pictures are.
        waiting: how those attempts that are unfinished wait.
        orders: of these attempts, oldest first.
    """
    tried: dict[UUID | None, list[Attempt]] = {job.id: [] for job in jobs}
    bought: dict[UUID | None, list[Order]] = {job.id: [] for job in jobs}
    for attempt in attempts:
        tried[attempt.job_id].append(attempt)
    for order in orders:
        bought[order.job_id].append(order)
    documents = [job_document(job, tried[job.id], objects, waiting, bought[job.id]) for job in jobs]
    return JobPage(jobs=documents, links=links)
