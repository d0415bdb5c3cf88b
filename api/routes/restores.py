"""Restore attempts: asked for, looked at, chosen."""

from uuid import UUID

from fastapi import Response, status
from pydantic import BaseModel, ConfigDict, Field

from api import paths
from api.attempts import SHOWING_ANSWERS, STOPPING_ANSWERS, OwnedAttempt
from api.dependencies import AppSettings, Ports
from api.documents import (
    JobDocument,
    RestoreDocument,
    examples,
    restore_document,
)
from api.etags import IfNoneMatch
from api.graph_requests import GraphRequest
from api.idempotency import CurrentClaim
from api.identity import CurrentPrincipal, guarded_router
from api.intake import job_input
from api.jobs import parts_of, shown_job
from api.ownership import OwnedJob, OwnedJobToStart, owned
from api.problems import command_problems
from api.starting import STARTING_ERRORS, AttemptStarting
from rekindle.contracts.statuses import AttemptKind
from rekindle.errors import (
    AttemptNotFound,
    AttemptNotSelectable,
    DatabaseUnavailable,
    JobNotFound,
    NoPhoto,
    WorkflowsUnavailable,
)
from rekindle.store import attempts

router = guarded_router("restores")


class RestoreRequest(GraphRequest):
    """How to restore. Everything may be left out; a graph's own defaults are in `GET /graphs`.

    A field that is not listed here is a parameter of the graph, or an error.
    """

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"denoise": 0.7, "mode": "faithful", "seed": 7}]}
    )

    denoise: float | None = Field(None, description="How far from the photo it may go, 0 to 1.")
    megapixels: float | None = Field(None, description="Size of the result.")
    colorize: bool | None = Field(None, description="Whether a grey photo gets colours.")
    mode: str | None = Field(None, description="`faithful` or `enhanced`.")


_AS_USUAL = RestoreRequest()


class SelectRequest(BaseModel):
    """Which attempt to choose."""

    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"examples": [{"attempt_id": examples.RESTORE["id"]}]}
    )

    attempt_id: UUID


@router.post(
    paths.RESTORE,
    status_code=status.HTTP_202_ACCEPTED,
    responses=command_problems(JobNotFound, NoPhoto, *STARTING_ERRORS),
)
async def restore_photo(
    owned_job: OwnedJobToStart,
    claim: CurrentClaim,
    ports: Ports,
    starting: AttemptStarting,
    response: Response,
    wish: RestoreRequest = _AS_USUAL,
) -> RestoreDocument:
    """Start another attempt at the photo of a job."""
    job = owned_job.job
    if job.original_key is None:
        raise NoPhoto
    command = await starting.restoration(job.id, wish.graph, wish.parameters, claim)
    started = await starting.start(job, command, claim, open_attempts=owned_job.open_attempts)
    document = restore_document(started.attempt, ports.objects, started.waiting)
    response.headers["Location"] = document.links.self
    return document


@router.get(paths.RESTORE_ATTEMPT, responses=SHOWING_ANSWERS, response_model=RestoreDocument)
async def get_restore_attempt(
    named: OwnedAttempt, response: Response, if_none_match: IfNoneMatch = None
) -> RestoreDocument | Response:
    """One attempt, with fresh addresses of its pictures. Its `ETag` is as that of a job."""
    return await named.shown(AttemptKind.RESTORE, restore_document, response, if_none_match)


@router.post(
    paths.CANCEL_RESTORE_ATTEMPT,
    status_code=status.HTTP_202_ACCEPTED,
    responses=STOPPING_ANSWERS,
)
async def cancel_restore_attempt(named: OwnedAttempt) -> RestoreDocument:
    """Stop an attempt wherever it is. One that has ended stays as it ended."""
    return await named.stopped(AttemptKind.RESTORE, restore_document)


@router.post(
    paths.SELECT,
    responses=command_problems(
        JobNotFound,
        AttemptNotFound,
        AttemptNotSelectable,
        DatabaseUnavailable,
        WorkflowsUnavailable,
    ),
)
async def select_attempt(
    job: OwnedJob,
    choice: SelectRequest,
    principal: CurrentPrincipal,
    ports: Ports,
    settings: AppSettings,
) -> JobDocument:
    """Choose the attempt of a job that is shown and sold."""
    async with ports.database.transaction() as session:
        if await attempts.of_job(session, job.id, choice.attempt_id, AttemptKind.RESTORE) is None:
            raise AttemptNotFound
    await ports.jobs.select(job_input(job, settings), choice.attempt_id)
    async with ports.database.transaction() as session:
        chosen = await owned(session, job.id, principal)
        parts = await parts_of(session, [job.id])
    return await shown_job(chosen, parts, ports, settings)
