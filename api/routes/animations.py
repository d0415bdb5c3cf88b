"""Animations: asked for, looked at, stopped."""

from uuid import UUID

from fastapi import Response, status
from pydantic import ConfigDict, Field

from api import paths
from api.attempts import SHOWING_ANSWERS, STOPPING_ANSWERS, OwnedAttempt, look_up_attempt
from api.dependencies import Ports
from api.documents import AnimationDocument, animation_document
from api.etags import IfNoneMatch
from api.graph_requests import GraphRequest
from api.idempotency import CurrentClaim
from api.identity import guarded_router
from api.ownership import OwnedJobToStart
from api.problems import command_problems
from api.starting import JUDGING_ERRORS, STARTING_ERRORS, AttemptStarting
from rekindle.contracts.statuses import AttemptKind
from rekindle.errors import AttemptNotFound, AttemptNotSelectable, JobNotFound, NothingSelected

router = guarded_router("animations")


class AnimateRequest(GraphRequest):
    """How to animate. Everything may be left out; a graph's own defaults are in `GET /graphs`.

    A field that is not listed here is a parameter of the graph, or an error.
    """

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"motion": "push_in", "seconds": 4, "seed": 11}]}
    )
    our_fields = frozenset({"restore_id", "graph"})

    restore_id: UUID | None = Field(
        None,
        strict=False,  # JSON has no UUIDs
        description="A successful restoration of the job; the selected one when it is left out.",
    )
    motion: str | None = Field(None, description="How the camera moves; the graph has a list.")
    prompt: str | None = Field(None, description="What should move and how, in words.")
    seconds: int | float | None = Field(None, description="Length of the clip.")
    fps: int | float | None = Field(None, description="Frames in a second.")


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
    source = await look_up_attempt(ports, job, restore_id, AttemptKind.RESTORE)
    command = await starting.animation(source.attempt, wish.graph, wish.parameters, claim)
    started = await starting.start(job, command, claim, open_attempts=owned_job.open_attempts)
    document = animation_document(started.attempt, ports.objects, started.waiting)
    response.headers["Location"] = document.links.self
    return document


@router.get(paths.ANIMATION, responses=SHOWING_ANSWERS, response_model=AnimationDocument)
async def get_animation(
    named: OwnedAttempt, response: Response, if_none_match: IfNoneMatch = None
) -> AnimationDocument | Response:
    """One animation, with fresh addresses of its clip. Its `ETag` is as that of a job."""
    return await named.shown(AttemptKind.ANIMATION, animation_document, response, if_none_match)


@router.post(
    paths.CANCEL_ANIMATION,
    status_code=status.HTTP_202_ACCEPTED,
    responses=STOPPING_ANSWERS,
)
async def cancel_animation(named: OwnedAttempt) -> AnimationDocument:
    """Stop an animation wherever it is. One that has ended stays as it ended."""
    return await named.stopped(AttemptKind.ANIMATION, animation_document)
