"""How long a look at a job takes while the largest photos come in, and what these weigh."""

import asyncio
from collections.abc import Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from urllib.parse import urlsplit
from uuid import UUID

import httpx

from api import paths
from deploy.bench.api_speed import Side, bare_beside, counting, finished_jobs, gets_of
from deploy.bench.cores import move, on, two_machines
from deploy.bench.load import Answers, Load, form, send
from deploy.bench.load_process import RequestOrder
from deploy.bench.measures import Limit, Measure
from deploy.bench.person import Person
from deploy.bench.photos import LARGE_MB, write_large_photo, write_photo
from deploy.bench.processes import Rise, cpu_seconds, rise_of
from deploy.bench.rounds import TAIL, Round, Rounds, by_turns
from deploy.bench.visitor import bearer
from deploy.embedded.service import running
from deploy.stack.running import running_stack
from deploy.stack.stack import Stack

_UPLOADS = 8
_LOOKS = 8
"""Connections that look at jobs, without a pause."""
_JOBS = 20
_TURNS = 2
_DIRECT_TURNS = 3
_SECONDS = 10.0
_DIRECT_SECONDS = 5.0
_HEAD_START_SECONDS = 0.5


@dataclass(frozen=True)
class BesideUploadsReadings:
    """Looks at jobs meanwhile.

    Attributes:
        through: while photos come through the process that is asked, a bare app or ours.
        direct: ours alone, as the bare side, and ours while photos go straight to the bucket.
        rises: by how much the API was larger at its highest in each turn than before all, MB.
    """

    through: Rounds
    direct: Rounds
    rises: list[float]

    def rows(self) -> list[Measure]:
        """As measures."""
        return [
            self.through.row(
                "api_get_uploads", f"GET job, {_UPLOADS} uploads of {LARGE_MB} MB", TAIL
            ),
            self.direct.row(
                "api_get_direct",
                f"GET job, {_UPLOADS} uploads of {LARGE_MB} MB past it",
                TAIL,
                beside="its own idle",
            ),
            Measure(
                "uploads_memory",
                f"API: {_UPLOADS} uploads of {LARGE_MB} MB, peak over before",
                max(self.rises),
                "MB",
                len(self.rises),
                Limit.fixed("uploads_memory"),
                note=f"each turn {_listed(self.rises)}; the decoders are processes of their own",
            ),
        ]


async def measure_beside_uploads(folder: Path) -> list[Measure]:
    """Look at jobs while photos come in: through the API, and past it."""
    large = folder / "large.png"
    await asyncio.to_thread(write_large_photo, large)
    through, rises = await _through(folder / "through", large)
    return BesideUploadsReadings(through, await _direct(folder / "direct", large), rises).rows()


async def _through(folder: Path, photo: Path) -> tuple[Rounds, list[float]]:
    rises: list[Rise] = []
    async with AsyncExitStack() as closing:
        stack = closing.enter_context(running_stack(folder / "stack", settings=counting()))
        token = await asyncio.to_thread(bearer, stack)
        bare = bare_beside(stack, folder, token)
        closing.enter_context(running(bare))
        sides = Side(bare, None), Side(stack.api, token)
        plain, own = await gets_of(sides, await _jobs(stack, folder))

        async def looks(side: Side, requests: Sequence[RequestOrder]) -> Round:
            with rise_of(side.service.pid) as rise:
                uploads = Load(side.service.url, _UPLOADS, [side.sends(photo)], (201,))
                turn = await _looks(side, requests, uploads, _SECONDS)
            if side.token:
                rises.append(rise)
            return turn

        rounds = await by_turns(
            _TURNS, lambda: looks(sides[0], plain), lambda: looks(sides[1], own)
        )
    # Over what it was before any of them, so that what stays from one turn counts with the next.
    return rounds, [rise.peak - rises[0].before for rise in rises]


async def _direct(folder: Path, photo: Path) -> Rounds:
    """The bucket and who sends photos are other machines, as they would be."""
    here, there = two_machines()
    async with AsyncExitStack() as closing:
        closing.enter_context(on(here))
        stack = closing.enter_context(running_stack(folder / "stack", settings=counting()))
        move(stack.s3.pid, there)
        token = await asyncio.to_thread(bearer, stack)
        side = Side(stack.api, token)
        _, own = await gets_of((side, side), await _jobs(stack, folder))
        forms = [await _form(side, photo) for _ in range(_UPLOADS)]
        uploads = Load(stack.addresses.s3, _UPLOADS, forms, (200, 201, 204), cores=there)
        return await by_turns(
            _DIRECT_TURNS,
            lambda: _looks(side, own, None, _DIRECT_SECONDS),
            lambda: _looks(side, own, uploads, _DIRECT_SECONDS),
        )


async def _looks(
    side: Side, requests: Sequence[RequestOrder], uploads: Load | None, seconds: float
) -> Round:
    """Look at jobs for so long, while photos are sent again and again."""
    async with asyncio.TaskGroup() as group:
        sending = group.create_task(_sent(uploads, seconds))
        await asyncio.sleep(_HEAD_START_SECONDS)
        used = cpu_seconds(side.service.pid)
        looking = replace(Load(side.service.url, _LOOKS, requests), seconds=seconds)
        answers = await send(looking)
        used = cpu_seconds(side.service.pid) - used
    photos = sending.result()
    refused = sum((answers.refused | photos.refused).values())
    return Round(answers.seconds, used, refused, len(photos.seconds))


async def _sent(uploads: Load | None, seconds: float) -> Answers:
    """Photos that are begun in that time; all have arrived in the end."""
    if uploads is None:
        return Answers([], {})
    return await send(replace(uploads, seconds=seconds + _HEAD_START_SECONDS))


async def _jobs(stack: Stack, folder: Path) -> list[UUID]:
    photo = folder / "small.png"
    await asyncio.to_thread(write_photo, photo, 64)
    person = await Person.on(stack)
    try:
        return await finished_jobs(stack, person, photo, _JOBS)
    finally:
        await person.leave()


async def _form(side: Side, photo: Path) -> RequestOrder:
    """A form of the API, as a browser sends it with that photo."""
    async with httpx.AsyncClient(base_url=side.service.url) as http:
        reply = await http.post(
            paths.UPLOADS,
            json={"content_type": "image/png"},
            headers={"Authorization": f"Bearer {side.token}"},
        )
    document = reply.raise_for_status().json()
    address = urlsplit(document["url"])
    return form(document["url"], address.path, document["fields"], "file", photo)


def _listed(values: Sequence[float]) -> str:
    return ", ".join(f"{each:.1f}" for each in values)
