"""Restorations for the impatient: a photo goes in, and is asked after, with one call each."""

import asyncio

from fastapi import Request, Response, status
from pydantic import BaseModel, EmailStr, Field

from api import paths
from api.dependencies import AppSettings, Ports
from api.documents.restorations import (
    AcceptedRestoration,
    RestorationDocument,
    accepted_restoration,
    restoration_document,
)
from api.idempotency import CurrentClaim
from api.identity import CurrentPrincipal, guarded_router
from api.intake import INTAKE_ERRORS, Intake
from api.ownership import OwnedJob
from api.problems import command_problems, guarded_problems
from api.starting import STARTING_ERRORS, AttemptStarting
from api.uploads import form_body, received_upload
from rekindle.contracts.statuses import AttemptKind
from rekindle.errors import DatabaseUnavailable, JobNotFound
from rekindle.store import attempts

router = guarded_router("restorations")


class RestorationFields(BaseModel):
    """How to restore the photo of a form."""

    email: EmailStr = Field(
        "", description="Where to tell about the photo, if anywhere.", examples=["ada@example.com"]
    )
    denoise: float | None = Field(
        None,
        allow_inf_nan=False,
        description="How far from the photo it may go, 0 to 1; the graph's default is 0.7.",
        examples=[0.7],
    )


@router.post(
    paths.RESTORATION,
    status_code=status.HTTP_202_ACCEPTED,
    openapi_extra=form_body(RestorationFields),
    responses=command_problems(*INTAKE_ERRORS, *STARTING_ERRORS),
)
async def restore_at_once(
    request: Request,
    response: Response,
    principal: CurrentPrincipal,
    claim: CurrentClaim,
    ports: Ports,
    settings: AppSettings,
    starting: AttemptStarting,
) -> AcceptedRestoration:
    """Upload a photo and start its restoration with the default graph.

    It is a job like any other: everything under `/jobs` works with it. With an `Idempotency-Key`
    a repeat goes on where the first try stopped; without one, a photo whose restoration could not
    be started (503) stays as a job without attempts.
    """
    async with received_upload(request, RestorationFields) as upload:
        wish = upload.fields.model_dump(exclude_none=True, include={"denoise"})
        command = await starting.restoration(claim.new_id("job"), None, wish, claim)
        if not claim.is_repeated:  # what was begun is told even so
            await starting.require_offered(command)
        job = await Intake(ports, settings).take_in(
            upload.photo, upload.fields.email, claim, principal, starts_attempt=True
        )
    # Counted before the photo was taken in.
    started = await starting.start(job, command, claim, open_attempts=0)
    document = accepted_restoration(started.attempt)
    response.headers["Location"] = document.links.self
    return document


@router.get(paths.RESTORATION_JOB, responses=guarded_problems(JobNotFound, DatabaseUnavailable))
async def get_restoration(job: OwnedJob, ports: Ports) -> RestorationDocument:
    """A photo and its latest restoration, with fresh addresses of its pictures."""
    if job.original_key is None:
        raise JobNotFound  # it was made of words alone
    async with ports.database.transaction() as session:
        found = await attempts.of_jobs(session, [job.id], AttemptKind.RESTORE)
    return await asyncio.to_thread(restoration_document, job, found, ports.objects)
