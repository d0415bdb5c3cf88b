"""What a job that waits for a GPU costs in our processes."""

import asyncio
from dataclasses import dataclass
from pathlib import Path
from uuid import UUID

import httpx

from deploy.bench.figures import slope
from deploy.bench.limits import unlimited
from deploy.bench.measures import Baseline, Limit, Measure
from deploy.bench.person import CARDS, GRAPH, SAMPLER, Person
from deploy.bench.photos import write_photo
from deploy.bench.processes import resident_mb
from deploy.bench.visitor import Visitor, visitor_of
from deploy.stack.running import running_stack
from deploy.stack.stack import Stack

_FEW, _MANY = 100, 1000
_AT_ONCE = 8
_PATIENCE_SECONDS = 3600.0


@dataclass(frozen=True)
class WaitingReadings:
    """Resident memory of API and worker together, MB.

    Attributes:
        few: with `few_jobs` waiting, twice, so that its own drift is seen.
        many: with `many_jobs`.
    """

    few_jobs: int
    many_jobs: int
    few: tuple[float, float]
    many: float

    def row(self) -> Measure:
        """As a measure."""
        beside = Baseline(f"{self.few_jobs} waiting", *self.few, unit="MB")
        points = [*((self.few_jobs, mb) for mb in self.few), (self.many_jobs, self.many)]
        further = self.many_jobs - self.few_jobs
        return Measure(
            "waiting_memory",
            "API and worker: a waiting job",
            slope(points) * 1024,
            "KB",
            further,
            Limit.fixed("waiting_memory", doubt=beside.spread * 1024 / further),
            beside,
            note=f"{self.many:.1f} MB with {self.many_jobs}",
        )


async def measure_waiting(folder: Path) -> list[Measure]:
    """Hold the only engine and let jobs pile up at the API: the slope from few to many."""
    settings = unlimited(restore_deadline=_PATIENCE_SECONDS)
    held = (*CARDS, "--node-delay", f"{SAMPLER}={_PATIENCE_SECONDS:g}")
    photo = folder / "photo.png"
    await asyncio.to_thread(write_photo, photo, 64)
    with running_stack(folder / "stack", settings=settings, comfyui_arguments=held) as stack:
        person = await Person.on(stack)
        async with visitor_of(stack) as visitor:
            pattern = await visitor.uploads(photo)
            await _pile_up(person, visitor, pattern, _FEW)
            few = (await _weight(stack), await _weight(stack))
            await _pile_up(person, visitor, pattern, _MANY - _FEW)
            many = await _weight(stack)
        await person.leave()
    return [WaitingReadings(_FEW, _MANY, few, many).row()]


async def _pile_up(person: Person, visitor: Visitor, pattern: UUID, count: int) -> None:
    lanes = asyncio.Semaphore(_AT_ONCE)

    async def one() -> None:
        async with lanes:
            await visitor.insists_on(await person.copies(pattern), graph=GRAPH)

    async with asyncio.TaskGroup() as group:
        for _ in range(count):
            group.create_task(one())


async def _weight(stack: Stack) -> float:
    """Once both have nothing to do: resident memory in MB."""
    async with httpx.AsyncClient(timeout=60) as http:
        await http.get(f"{stack.addresses.api}/health")
    return resident_mb(stack.api.pid) + resident_mb(stack.worker.pid)
