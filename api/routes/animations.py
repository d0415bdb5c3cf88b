"""Animations: asked for, looked at, stopped."""

import time
from typing import Annotated, Any
from uuid import UUID

from fastapi import Header, Response, status
from pydantic import BaseModel, ConfigDict, Field

from api import attempts, paths
from api.dependencies import AppSettings, Ports
from api.documents import AnimationDocument, animation_document
from api.etags import attempt_etag, settle
from api.idempotency import CurrentClaim
from api.identity import guarded_router
from api.ownership import OwnedJob, OwnedJobToStart
from api.problems import command_problems, guarded_problems
from api.starting import JUDGING_ERRORS, STARTING_ERRORS, AttemptStarting
from rekindle.contracts.statuses import AttemptKind
from rekindle.errors import AttemptNotFound, AttemptNotSelectable, JobNotFound, NothingSelected

router = guarded_router("animations")


class AnimateRequest(BaseModel):
    """How to animate. Everything may be left out; a graph's own defaults are in `GET /graphs`.

    A field that is not listed here is a parameter of the graph, or an error.
    """

    model_config = ConfigDict(
        extra="allow",
        strict=True,
        allow_inf_nan=False,
        json_schema_extra={"examples": [{"motion": "push_in", "seconds": 4, "seed": 11}]},
    )
    __pydantic_extra__: dict[str, bool | int | float | str]

    restore_id: UUID | None = Field(
        None,
        strict=False,  # JSON has no UUIDs
        description="A successful restoration of the job; the selected one when it is left out.",
    )
    graph: str | None = Field(None, max_length=100, description="Name of the graph.")
    motion: str | None = Field(None, description="How the camera moves; the graph has a list.")
    prompt: str | None = Field(None, description="What should move and how, in words.")
    seconds: int | float | None = Field(None, description="Length of the clip.")
    fps: int | float | None = Field(None, description="Frames in a second.")
    seed: int | None = Field(None, description="Random when it is left out.")

    @property
    def parameters(self) -> dict[str, Any]:
        """What was set, by the name of the graph's parameter."""
        return self.model_dump(exclude_none=True, exclude={"restore_id", "graph"})


_AS_USUAL = AnimateRequest()


@router.post(
    paths.ANIMATE,
    status_code=status.HTTP_202_ACCEPTED,
    responses=command_problems(
        JobNotFound,
        AttemptNotFound,
        NothingSelected,
        AttemptNotSelectable,
        *JUDGING_ERRORS,
        *STARTING_ERRORS,
    ),
)
async def animate_restoration(
    owned_job: OwnedJobToStart,
    claim: CurrentClaim,
    ports: Ports,
    starting: AttemptStarting,
    response: Response,
    wish: AnimateRequest = _AS_USUAL,
) -> AnimationDocument:
    """Start a clip of a restoration of a job."""
    job = owned_job.job
    restore_id = wish.restore_id or job.selected_restore_id
    if restore_id is None:
        raise NothingSelected
    source = await attempts.look_up(ports, job, restore_id, AttemptKind.RESTORE)
    command = await starting.animation(source.attempt, wish.graph, wish.parameters, claim)
    started = await starting.start(job, command, claim, open_attempts=owned_job.open_attempts)
    document = animation_document(started.attempt, ports.objects, started.waiting)
    response.headers["Location"] = document.links.self
    return document


@router.get(
    paths.ANIMATION,
    responses={
        304: {"description": "Not modified"},
        **guarded_problems(*attempts.LOOKING_ERRORS),
    },
    response_model=AnimationDocument,
)
async def get_animation(
    job: OwnedJob,
    attempt_id: UUID,
    ports: Ports,
    settings: AppSettings,
    response: Response,
    if_none_match: Annotated[str | None, Header(max_length=1000)] = None,
) -> AnimationDocument | Response:
    """One animation, with fresh addresses of its clip. Its `ETag` is as that of a job."""
    found = await attempts.look_up(ports, job, attempt_id, AttemptKind.ANIMATION)
    etag = attempt_etag(
        found.attempt, found.waiting, url_seconds=settings.url_seconds, now=time.time()
    )
    if unchanged := settle(response, etag, if_none_match):
        return unchanged
    return animation_document(found.attempt, ports.objects, found.waiting)


@router.post(
    paths.CANCEL_ANIMATION,
    status_code=status.HTTP_202_ACCEPTED,
    responses=command_problems(*attempts.STOPPING_ERRORS),
)
async def cancel_animation(
    job: OwnedJob, attempt_id: UUID, ports: Ports, settings: AppSettings
) -> AnimationDocument:
    """Stop an animation wherever it is. One that has ended stays as it ended."""
    attempt = await attempts.stop(ports, settings, job, attempt_id, AttemptKind.ANIMATION)
    return animation_document(attempt, ports.objects)
