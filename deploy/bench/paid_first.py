"""How soon paid work starts although a long queue of free work was there before it."""

import asyncio
import statistics
from dataclasses import dataclass
from pathlib import Path
from uuid import UUID, uuid5

from deploy.bench.baselines import round_trips
from deploy.bench.figures import Distribution
from deploy.bench.light_pods import LightPods, PodRun, keeping, running_light_stack
from deploy.bench.measures import Baseline, Limit, Measure
from deploy.bench.person import Person
from deploy.bench.renders import Renders
from rekindle.contracts.renders import Priority

_QUEUED = 200
_ROUNDS = 10
_SECONDS = 1.0
_INTO = 0.3
"""So far into a prompt somebody pays: in the middle, when nothing else is staged yet."""
_TRIPS = 20
_LOOK_SECONDS = 0.02
_PATIENCE_SECONDS = 120.0
_SPARE = 6
"""Free renders that may be done in each round, so that the queue stays as long as it says."""


@dataclass(frozen=True)
class PaidFirstReadings:
    """Everything this part reads.

    Attributes:
        queued: free renders that waited at any time.
        trips: seconds of one-activity workflows, before.
        trips_again: the same, afterwards.
        waits: seconds from the end of the prompt that ran when somebody paid to their own's start.
    """

    queued: int
    trips: list[float]
    trips_again: list[float]
    waits: list[float]

    def row(self) -> Measure:
        """As a measure: in round trips."""
        u = Baseline(
            "U", statistics.median(self.trips), statistics.median(self.trips_again), unit="s"
        )
        waits = Distribution.of([seconds / u.mean for seconds in self.waits])
        return Measure(
            "paid_first",
            f"{self.queued} free renders queued: slot free to paid one running",
            waits.p50,
            "U",
            waits.count,
            Limit.fixed("paid_first", doubt=waits.p50 * u.spread / u.mean / 2),
            u,
            waits,
            f"p50 {waits.p50 * u.mean * 1000:.0f} ms, longest {max(self.waits) * 1000:.0f} ms",
        )


async def measure_paid_first(folder: Path) -> list[Measure]:
    """Keep one pod busy with free work, and have somebody pay now and then."""
    with running_light_stack(folder, keeping(1, 1)) as stack:
        person = await Person.on(stack)
        pods = LightPods(stack.addresses.runpod, person.database)
        renders = await Renders.of(person, folder, jobs=8)
        await pods.are_ready(1)
        await renders.succeed(await renders.start(8))  # fills pools and caches
        trips = await round_trips(person.client, _TRIPS)
        await pods.take(_SECONDS)
        began = await pods.now()
        await renders.start(_QUEUED + _SPARE * _ROUNDS)
        waits = [await _paid(pods, renders, began) for _ in range(_ROUNDS)]
        again = await round_trips(person.client, _TRIPS)
        await pods.take(0.0)
        await person.leave()
    return [PaidFirstReadings(_QUEUED, trips, again, waits).row()]


async def _paid(pods: LightPods, renders: Renders, began: float) -> float:
    """Pay in the middle of a prompt; seconds from its end to the start of the paid one."""
    async with asyncio.timeout(_PATIENCE_SECONDS):
        await _next_end(pods, began)
        await asyncio.sleep(_INTO)
        asked = await pods.now()
        (attempt_id,) = await renders.start(1, Priority.PAID)
        while True:
            runs = await pods.runs(began)
            paid = _run_of(attempt_id, runs)
            if paid is not None:
                return paid.started - min(run.ended for run in runs if run.ended > asked)
            await asyncio.sleep(_LOOK_SECONDS)


async def _next_end(pods: LightPods, began: float) -> None:
    """Return when a further prompt has ended, and so the next one has begun."""
    seen = len(await pods.runs(began))
    while True:
        if len(await pods.runs(began)) > seen:
            return
        await asyncio.sleep(_LOOK_SECONDS)


def _run_of(attempt_id: UUID, runs: list[PodRun]) -> PodRun | None:
    prompt = str(uuid5(attempt_id, "try-1"))
    return next((run for run in runs if run.prompt_id == prompt), None)
