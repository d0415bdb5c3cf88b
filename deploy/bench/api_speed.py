"""How long the API takes, beside a bare app that asks the same of the same services."""

import asyncio
import base64
import json
from collections.abc import Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from uuid import UUID, uuid4

import httpx

from api import paths
from comfy_graphs import load_pack
from deploy.bench.bare_api import BareApi
from deploy.bench.limits import unlimited
from deploy.bench.load import Load, form, request, send
from deploy.bench.load_process import RequestOrder
from deploy.bench.measures import Measure
from deploy.bench.person import CARDS, GRAPH, SAMPLER, Person
from deploy.bench.photos import write_photo
from deploy.bench.processes import cpu_seconds
from deploy.bench.rounds import MEDIAN, TAIL, Round, Rounds, by_turns
from deploy.bench.visitor import EMAIL, bearer, visitor_of
from deploy.embedded.ports import free_port
from deploy.embedded.service import running
from deploy.stack.running import running_stack
from deploy.stack.services import HttpService
from deploy.stack.stack import Stack
from rekindle.contracts import keys
from rekindle.contracts.renders import Priority
from rekindle.contracts.statuses import AttemptStatus
from rekindle.models import Attempt
from rekindle.settings import Settings

_JOBS = 50
_PATIENCE_SECONDS = 3600.0
GOALS_OF = {"api_get": "GET job", "api_restore": "create restore", "api_upload": "upload"}
"""Measures and what they ask; each has another for the tail."""


@dataclass(frozen=True)
class Asked:
    """How something is asked in one turn."""

    connections: int
    count: int
    turns: int


GET = Asked(connections=32, count=600, turns=5)
RESTORE = Asked(connections=8, count=80, turns=3)
UPLOAD = Asked(connections=4, count=40, turns=3)


@dataclass(frozen=True)
class SpeedReadings:
    """The turns of both sides, by the names of the measures."""

    rounds: dict[str, Rounds]

    def rows(self) -> list[Measure]:
        """As measures: the median and the tail of each."""
        return [
            self.rounds[name].row(named, what, quantile)
            for name, what in GOALS_OF.items()
            for named, quantile in ((name, MEDIAN), (f"{name}_p99", TAIL))
        ]


def counting(**further: object) -> Settings:
    """Settings under which requests are counted as they always are, and none is refused."""
    return unlimited(
        rate_limit_reads="1000000/minute", rate_limit_commands="1000000/minute", **further
    )


async def measure_api(folder: Path) -> list[Measure]:
    """Ask a bare app and the API by turns, while the only engine is held."""
    photo = folder / "photo.png"
    await asyncio.to_thread(write_photo, photo, 64)
    held = (*CARDS, "--node-delay", f"{SAMPLER}={_PATIENCE_SECONDS:g}")
    settings = counting(restore_deadline=_PATIENCE_SECONDS)
    with running_stack(folder / "stack", settings=settings, comfyui_arguments=held) as stack:
        token = await asyncio.to_thread(bearer, stack)
        bare = bare_beside(stack, folder, token)
        with running(bare):
            async with AsyncExitStack() as closing:
                person = await Person.on(stack)
                closing.push_async_callback(person.leave)
                jobs = await finished_jobs(stack, person, photo, _JOBS)
                sides = (Side(bare, None), Side(stack.api, token))
                rounds = {
                    "api_get": await _gets(sides, jobs),
                    "api_restore": await _restores(sides, jobs),
                    "api_upload": await _uploads(sides, photo),
                }
    return SpeedReadings(rounds).rows()


@dataclass(frozen=True)
class Side:
    """One of the two that are compared; the bare one asks for no token."""

    service: HttpService
    token: str | None

    @property
    def prefix(self) -> str:
        """What its paths begin with."""
        return paths.V1 if self.token else ""

    def asks(self, method: str, path: str, body: str | None = None) -> RequestOrder:
        """A request to it; `path` without the prefix."""
        url = self.service.url
        return request(method, url, f"{self.prefix}{path}", token=self.token, body=body)

    def sends(self, photo: Path) -> RequestOrder:
        """An upload to it."""
        url, path = self.service.url, f"{self.prefix}/jobs/upload"
        return form(url, path, {"email": EMAIL}, "photo", photo, token=self.token)

    async def turn(self, requests: Sequence[RequestOrder], asked: Asked, accepted: int) -> Round:
        """Send requests, and see what that took."""
        used = cpu_seconds(self.service.pid)
        answers = await send(
            Load(self.service.url, asked.connections, requests, (accepted,), count=asked.count)
        )
        used = cpu_seconds(self.service.pid) - used
        return Round(answers.seconds, used, sum(answers.refused.values()))


Sides = tuple[Side, Side]


def bare_beside(stack: Stack, folder: Path, token: str) -> BareApi:
    """The bare app over the services of a stack, for the bearer of a token; not started yet."""
    return BareApi(
        folder / "bare", port=free_port(), settings=stack.settings, subject=_subject(token)
    )


async def finished_jobs(stack: Stack, person: Person, photo: Path, count: int) -> list[UUID]:
    """Jobs of the developer, each with a restoration that has succeeded."""
    async with visitor_of(stack) as visitor:
        pattern = await visitor.uploads(photo)
    made = [pattern, *[await person.copies(pattern) for _ in range(count - 1)]]
    async with person.database.transaction() as session:
        session.add_all(succeeded_attempt(job_id) for job_id in made)
    return made


async def gets_of(sides: Sides, jobs: Sequence[UUID]) -> tuple[list[RequestOrder], ...]:
    """Requests for these jobs to each side, whose answers are of the same length."""
    bare, ours = sides
    padding = await _length(ours, jobs[0]) - await _length(bare, jobs[0])
    return (
        [bare.asks("GET", f"/jobs/{job_id}?padding={max(padding, 0)}") for job_id in jobs],
        [ours.asks("GET", f"/jobs/{job_id}") for job_id in jobs],
    )


async def _gets(sides: Sides, jobs: Sequence[UUID]) -> Rounds:
    plain, own = await gets_of(sides, jobs)
    return await _by_turns(sides, (plain, own), GET, 200)


async def _restores(sides: Sides, jobs: Sequence[UUID]) -> Rounds:
    wish = {"denoise": 0.5, "megapixels": 0.1, "seed": 7}
    bare, ours = sides
    plain = json.dumps({"graph": GRAPH, "parameters": wish})
    own = json.dumps({"graph": GRAPH, **wish})
    return await _by_turns(
        sides,
        (
            [bare.asks("POST", f"/jobs/{job_id}/restore", plain) for job_id in jobs],
            [ours.asks("POST", f"/jobs/{job_id}/restore", own) for job_id in jobs],
        ),
        RESTORE,
        202,
    )


async def _uploads(sides: Sides, photo: Path) -> Rounds:
    bare, ours = sides
    return await _by_turns(sides, ([bare.sends(photo)], [ours.sends(photo)]), UPLOAD, 201)


async def _by_turns(
    sides: Sides,
    requests: tuple[Sequence[RequestOrder], Sequence[RequestOrder]],
    asked: Asked,
    accepted: int,
) -> Rounds:
    (bare, ours), (plain, own) = sides, requests
    warm = Asked(asked.connections, asked.connections * 2, 1)
    for side, each in zip(sides, requests, strict=True):
        await side.turn(each, warm, accepted)
    return await by_turns(
        asked.turns,
        lambda: bare.turn(plain, asked, accepted),
        lambda: ours.turn(own, asked, accepted),
    )


async def _length(side: Side, job_id: UUID) -> int:
    headers = {"Authorization": f"Bearer {side.token}"} if side.token else {}
    async with httpx.AsyncClient(base_url=side.service.url, headers=headers) as http:
        return len((await http.get(f"{side.prefix}/jobs/{job_id}")).raise_for_status().content)


def succeeded_attempt(job_id: UUID) -> Attempt:
    """The row of a restoration that has succeeded."""
    pack = load_pack(GRAPH)
    return Attempt(
        id=uuid4(),
        job_id=job_id,
        status=AttemptStatus.SUCCEEDED,
        stage=None,
        progress=1.0,
        graph=GRAPH,
        graph_version=pack.manifest.version,
        gpu_class=pack.manifest.gpu_class,
        priority=Priority.FREE,
        parameters={"denoise": 0.7, "megapixels": 0.1, "mode": "faithful", "seed": 7},
        stamp="bench",
        engine_seconds=1.0,
        master_key=keys.restored_master(job_id, "bench"),
        preview_key=keys.restored_preview(job_id, "bench"),
        thumbnail_key=keys.thumbnail(job_id, "bench"),
        width=64,
        height=64,
    )


def _subject(token: str) -> str:
    """Whose token it is; it was fetched a moment ago, so nobody checks its signature."""
    part = token.split(".")[1]
    claims: dict[str, str] = json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))
    return claims["sub"]
