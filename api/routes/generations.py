"""Generations: pictures of words, asked for, looked at, stopped."""

from fastapi import Response, status
from pydantic import BaseModel, ConfigDict, Field, JsonValue

from api import paths
from api.attempts import SHOWING_ANSWERS, STOPPING_ANSWERS, OwnedAttempt
from api.dependencies import AppSettings, Ports
from api.documents import examples
from api.documents.generations import (
    GenerationDocument,
    TaskDocument,
    generation_document,
    task_document,
)
from api.etags import IfNoneMatch
from api.generating import GENERATING_ERRORS, Generating
from api.graphs import DEFAULT_MODE
from api.idempotency import CurrentClaim
from api.identity import CurrentPrincipal, guarded_router
from api.ownership import OwnedJob
from api.problems import command_problems, guarded_problems
from api.starting import AttemptStarting
from comfy_graphs.styles import Style
from rekindle.contracts.statuses import AttemptKind
from rekindle.errors import DatabaseUnavailable, FaceImagesRefused, JobNotFound
from rekindle.store import attempts

router = guarded_router("generations")

_ANSWERS = command_problems(FaceImagesRefused, *GENERATING_ERRORS)


class GenerateRequest(BaseModel):
    """What to make a picture of."""

    model_config = ConfigDict(
        extra="forbid",
        strict=True,
        allow_inf_nan=False,
        json_schema_extra={"examples": [examples.GENERATE]},
    )

    mode: str = Field(
        DEFAULT_MODE,
        max_length=100,
        description="How it is made. `free` paints what the prompt says; the others are graphs "
        "that work on a photo, listed by `GET /graphs` with their parameters.",
    )
    prompt: str = Field(
        "", max_length=5000, description="What the picture shows. A mode may take fewer characters."
    )
    style: Style | None = Field(None, strict=False, description="How it looks.")
    target_image: str | None = Field(
        None,
        description="A photo to begin with, in base64: JPEG, PNG, HEIC or WebP; its content "
        "decides. Its size is bound by the service, 10 MB if not told otherwise.",
    )
    extra_params: dict[str, bool | int | float | str] = Field(
        default_factory=dict, description="Further parameters of the mode's graph, by name."
    )
    face_images: JsonValue = Field(
        None,
        description="Refused (`face_images_refused`): no face is put into a picture here.",
        json_schema_extra={"deprecated": True},
    )

    @property
    def given(self) -> dict[str, bool | int | float | str]:
        """Parameters of the graph that were set, by name; the prompt and the style are two."""
        told: dict[str, bool | int | float | str] = {}
        if self.prompt:
            told["prompt"] = self.prompt
        if self.style is not None:
            told["style"] = str(self.style)
        return told


@router.post(paths.GENERATE, status_code=status.HTTP_202_ACCEPTED, responses=_ANSWERS)
async def generate_picture(
    wish: GenerateRequest,
    response: Response,
    principal: CurrentPrincipal,
    claim: CurrentClaim,
    ports: Ports,
    settings: AppSettings,
    starting: AttemptStarting,
) -> TaskDocument:
    """Have a picture made of words, or of words and a photo.

    It is a job like any other: it is listed, followed, canceled and deleted under `/jobs`. The
    answer does not wait for the picture: ask for the task until it is done. With an
    `Idempotency-Key` a repeat goes on where the first try stopped; without one, a job whose
    picture could not be begun (503) stays without attempts.
    """
    if wish.face_images:
        raise FaceImagesRefused
    generating = Generating(ports, settings, starting)
    attempt = await generating.generate(
        wish.mode, wish.given, wish.extra_params, wish.target_image, claim, principal
    )
    document = task_document(attempt.job_id, [attempt], ports.objects)
    response.headers["Location"] = document.links.self
    return document


@router.post(
    paths.GENERATE_WITHOUT_VERSION,
    status_code=status.HTTP_202_ACCEPTED,
    include_in_schema=False,
)
async def generate_picture_without_version(
    wish: GenerateRequest,
    response: Response,
    principal: CurrentPrincipal,
    claim: CurrentClaim,
    ports: Ports,
    settings: AppSettings,
    starting: AttemptStarting,
) -> TaskDocument:
    """The same, where older clients ask."""
    return await generate_picture(wish, response, principal, claim, ports, settings, starting)


@router.get(paths.TASK, responses=guarded_problems(JobNotFound, DatabaseUnavailable))
async def get_task(job: OwnedJob, ports: Ports) -> TaskDocument:
    """A job's latest generation as a task, with a fresh address of its picture."""
    async with ports.database.transaction() as session:
        found = await attempts.of_jobs(session, [job.id], AttemptKind.GENERATION)
    if not found and job.original_key is not None:
        raise JobNotFound  # a photo of which nothing was generated
    return task_document(job.id, found, ports.objects)


@router.get(paths.TASK_WITHOUT_VERSION, include_in_schema=False)
async def get_task_without_version(job: OwnedJob, ports: Ports) -> TaskDocument:
    """The same, where older clients ask."""
    return await get_task(job, ports)


@router.get(paths.GENERATION, responses=SHOWING_ANSWERS, response_model=GenerationDocument)
async def get_generation(
    named: OwnedAttempt, response: Response, if_none_match: IfNoneMatch = None
) -> GenerationDocument | Response:
    """One generation, with fresh addresses of its pictures. Its `ETag` is as that of a job."""
    return await named.shown(AttemptKind.GENERATION, generation_document, response, if_none_match)


@router.post(
    paths.CANCEL_GENERATION,
    status_code=status.HTTP_202_ACCEPTED,
    responses=STOPPING_ANSWERS,
)
async def cancel_generation(named: OwnedAttempt) -> GenerationDocument:
    """Stop a generation wherever it is. One that has ended stays as it ended."""
    return await named.stopped(AttemptKind.GENERATION, generation_document)
