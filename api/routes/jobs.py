"""Jobs: a photo comes in, and is looked at again."""

import asyncio
import time
from functools import partial
from typing import Annotated
from uuid import UUID

from fastapi import Depends, Query, Request, Response, status
from pydantic import BaseModel, ConfigDict, EmailStr, Field

from api import cursors, paths
from api.arrivals import ARRIVAL_ERRORS, Arrivals
from api.dependencies import AppSettings, Ports
from api.documents import JobDocument, JobPage, JobParts, PageLinks, examples, job_page
from api.etags import NOT_MODIFIED, IfNoneMatch, job_etag, settle
from api.idempotency import CurrentClaim
from api.idempotency.once import keep_no_reply
from api.identity import CurrentPrincipal, guarded_router
from api.intake import INTAKE_ERRORS, Intake
from api.job_filters import filter_words, job_filter
from api.jobs import parts_of, shown_job
from api.ownership import owned
from api.problems import command_problems, guarded_problems
from api.uploads import UploadFields, form_body, received_upload
from rekindle.errors import DatabaseUnavailable, JobNotFound, UploadIncomplete
from rekindle.store import jobs
from rekindle.store.jobs import JobFilter

router = guarded_router("jobs")


@router.post(
    paths.UPLOAD,
    status_code=status.HTTP_201_CREATED,
    openapi_extra=form_body(UploadFields),
    responses=command_problems(*INTAKE_ERRORS),
)
async def upload_photo(
    request: Request,
    response: Response,
    principal: CurrentPrincipal,
    claim: CurrentClaim,
    ports: Ports,
    settings: AppSettings,
) -> JobDocument:
    """Upload a photo and make its job.

    The photo is decoded before the answer: a job that exists has a photo that can be read.
    """
    async with received_upload(request, UploadFields) as upload:
        intake = Intake(ports, settings)
        job = await intake.take_in(upload.photo, upload.fields.email, claim, principal)
    response.headers["Location"] = paths.job(job.id)
    return await shown_job(job, JobParts(), ports, settings)


class JobRequest(BaseModel):
    """Of which photo to make a job. An address is kept as given but for the case of its domain."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [{"upload_id": examples.UPLOAD["id"], "email": "ada@example.com"}]
        },
    )

    upload_id: UUID = Field(description="Of an upload whose photo has arrived.")
    email: EmailStr = Field(description="Where to tell about the photo.")


@router.post(
    paths.JOBS,
    status_code=status.HTTP_201_CREATED,
    responses=command_problems(*ARRIVAL_ERRORS, *INTAKE_ERRORS),
)
async def make_job(
    wish: JobRequest,
    request: Request,
    response: Response,
    principal: CurrentPrincipal,
    claim: CurrentClaim,
    ports: Ports,
    settings: AppSettings,
) -> JobDocument:
    """Make the job of a photo that was sent by the form of an upload.

    What arrived is looked at, and decoded before the answer: a job that exists has a photo that can
    be read. A photo that is refused is deleted; while its form lasts, another one may be sent.
    """
    try:
        job = await Arrivals(ports, settings).make_job(wish.upload_id, wish.email, claim, principal)
    except UploadIncomplete:
        keep_no_reply(request)  # the same request is right once the photo has arrived
        raise
    response.headers["Location"] = paths.job(job.id)
    return await shown_job(job, JobParts(), ports, settings)


@router.get(
    paths.JOB,
    responses={**NOT_MODIFIED, **guarded_problems(JobNotFound, DatabaseUnavailable)},
    response_model=JobDocument,
)
async def get_job(
    job_id: UUID,
    principal: CurrentPrincipal,
    ports: Ports,
    settings: AppSettings,
    response: Response,
    if_none_match: IfNoneMatch = None,
) -> JobDocument | Response:
    """A job with all its attempts, its orders, and fresh addresses of its pictures.

    The `ETag` changes with everything in it: `eta_seconds` comes in coarse steps, so that a client
    that polls with `If-None-Match` is not sent the job anew with every second that passes.
    """
    # Not `OwnedJob`: what is asked for most of all takes one transaction, not two.
    async with ports.database.transaction() as session:
        job = await owned(session, job_id, principal)
        parts = await parts_of(session, [job_id])
    etag = job_etag(job, parts, url_seconds=settings.url_seconds, now=time.time())
    if unchanged := settle(response, etag, if_none_match):
        return unchanged
    return await shown_job(job, parts, ports, settings)


@router.get(paths.JOBS, responses=guarded_problems(DatabaseUnavailable))
async def list_jobs(
    principal: CurrentPrincipal,
    ports: Ports,
    settings: AppSettings,
    wanted: Annotated[JobFilter, Depends(job_filter)],
    limit: Annotated[int, Query(ge=1, le=100, description="Most jobs on a page.")] = 20,
    cursor: Annotated[
        str | None,
        Query(max_length=cursors.LONGEST_CURSOR, description="From the link to the next page."),
    ] = None,
) -> JobPage:
    """The caller's own jobs, newest first; the link to the next page keeps the filter."""
    after = None if cursor is None else cursors.from_word(cursor)
    async with ports.database.transaction() as session:
        # One more than is shown: whether there is a next page.
        rows = await jobs.page(
            session,
            issuer=principal.issuer,
            subject=principal.subject,
            wanted=wanted,
            limit=limit + 1,
            after=after,
        )
        parts = await parts_of(session, [job.id for job in rows[:limit]])
    following = cursors.to_word(cursors.place_of(rows[limit - 1])) if len(rows) > limit else None
    links = PageLinks(
        self=paths.jobs_page(limit=limit, cursor=cursor, **filter_words(wanted)),
        next=paths.jobs_page(limit=limit, cursor=following, **filter_words(wanted))
        if following
        else None,
    )
    shown = partial(job_page, rows[:limit], parts, links, ports.objects)
    return await asyncio.to_thread(shown, retention=settings.retention)
