"""What a further GPU slot weighs in the worker: the slope over fresh workers with one and many."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from deploy.bench.engines import Engines
from deploy.bench.figures import slope
from deploy.bench.measures import Baseline, Limit, Measure
from deploy.bench.person import Person
from deploy.bench.processes import rise_of
from deploy.stack.environment import as_environment
from deploy.stack.services import Worker
from deploy.stack.stack import Stack
from rekindle.contracts.jobs import PhotoJobInput

_GRAPHS = 24
"""The same number for one slot as for many, all handed out at once: what waits weighs the same."""
_ALONE_SECONDS = 0.05
_TOGETHER_SECONDS = 1.0
"""How long a graph takes on many slots: long enough that all of them are in use at once."""


@dataclass
class SlotMemory:
    """Highest resident memory of three fresh workers, MB, by how many slots they worked on.

    The first two have the same few slots, the third has many.
    """

    points: list[tuple[int, float]] = field(default_factory=list)

    def row(self) -> Measure:
        """As a measure; the two workers with the fewest slots are its baseline."""
        (fewest, before), (_, again), (most, peak) = self.points
        one = Baseline(f"{fewest} slot", before, again, unit="MB")
        return Measure(
            "slot_memory",
            "worker: a further slot",
            slope(self.points),
            "MB",
            most - fewest,
            Limit.fixed("slot_memory", doubt=one.spread / (most - fewest)),
            one,
            note=f"{peak:.1f} MB with {most} slots",
        )


@asynccontextmanager
async def read_slot_memory(
    stack: Stack, engines: Engines, person: Person, made: Sequence[PhotoJobInput]
) -> AsyncIterator[tuple[SlotMemory, Worker]]:
    """Read it; the worker with all slots works on instead of the stack's own inside the block.

    Args:
        stack: whose worker is fresh and has the first engine alone.
        engines: one for each slot.
        person: who has photos restored.
        made: their jobs.
    """
    memory = SlotMemory()

    async def read(worker: Worker, slots: int) -> None:
        with rise_of(worker.pid) as rise:
            await person.restores_many(made, _GRAPHS)
        memory.points.append((slots, rise.peak))

    await engines.delay(_ALONE_SECONDS)
    await read(stack.worker, 1)
    stack.worker.stop()
    stack.worker.start()
    await read(stack.worker, 1)
    stack.worker.stop()
    await engines.delay(_TOGETHER_SECONDS)
    settings = stack.settings.model_copy(update={"comfyui_url": ",".join(engines.urls)})
    with Worker(
        stack.data / "worker-of-all",
        stack.temporal.address,
        variables=lambda: as_environment(settings),
    ) as worker:
        await read(worker, len(engines.urls))
        yield memory, worker
