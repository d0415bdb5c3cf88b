"""How soon a job that waited runs on the pod that was rented for it, once that pod is ready."""

import asyncio
import statistics
from dataclasses import dataclass
from pathlib import Path

from sqlmodel import col, select

from deploy.bench.baselines import round_trips
from deploy.bench.figures import Distribution
from deploy.bench.light_pods import LightPods, keeping, running_light_stack
from deploy.bench.measures import Baseline, Limit, Measure
from deploy.bench.person import Person
from deploy.bench.renders import Renders
from rekindle.adapters.temporal import TemporalPodOwners
from rekindle.contracts.statuses import GpuClass
from rekindle.models import PodRecord

_ROUNDS = 8
_TRIPS = 20
_PATIENCE_SECONDS = 120.0


@dataclass(frozen=True)
class FirstJobReadings:
    """Everything this part reads.

    Attributes:
        trips: seconds of one-activity workflows, before.
        trips_again: the same, afterwards.
        waits: seconds from each pod's being noted as ready to its first job's running there.
    """

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
            "first_job",
            "pod ready to its first job running",
            waits.p50,
            "U",
            waits.count,
            Limit.fixed("first_job", doubt=waits.p50 * u.spread / u.mean / 2),
            u,
            waits,
            f"p50 {waits.p50 * u.mean * 1000:.0f} ms",
        )


async def measure_first_job(folder: Path) -> list[Measure]:
    """Rent a pod for a job that waits, return it, and so on; one pod at a time."""
    with running_light_stack(folder, keeping(0, 1)) as stack:
        person = await Person.on(stack)
        fleet = _OnePod(
            person,
            LightPods(stack.addresses.runpod, person.database),
            await Renders.of(person, folder, jobs=1),
        )
        await fleet.first_job()  # fills pools and caches
        trips = await round_trips(person.client, _TRIPS)
        waits = [await fleet.first_job() for _ in range(_ROUNDS)]
        again = await round_trips(person.client, _TRIPS)
        await person.leave()
    return [FirstJobReadings(trips, again, waits).row()]


class _OnePod:
    """A fleet of at most one pod, which starts without any."""

    def __init__(self, person: Person, pods: LightPods, renders: Renders) -> None:
        self._database = person.database
        self._owners = TemporalPodOwners(person.client)
        self._pods = pods
        self._renders = renders

    async def first_job(self) -> float:
        """Have a pod rented for a job, see the job done, return the pod.

        Returns:
            Seconds from the pod's being ready to the job's start on it.
        """
        began = await self._pods.now()
        await self._renders.succeed(await self._renders.start(1))
        last = (await self._pods.runs(began))[-1]  # before it there was the warm-up
        ready = await self._ready_at(last.pod)
        if ready < began:
            raise RuntimeError("the pod had been there before the job")
        await self._return()
        return last.started - ready

    async def _ready_at(self, cloud_id: str) -> float:
        statement = select(col(PodRecord.ready_at)).where(col(PodRecord.cloud_id) == cloud_id)
        async with self._database.transaction() as session:
            found = (await session.execute(statement)).scalar_one()
        if found is None:
            raise RuntimeError("the pod was never ready")
        return found.timestamp()

    async def _return(self) -> None:
        async with asyncio.timeout(_PATIENCE_SECONDS):
            await self._owners.drain(GpuClass.IMAGE, 0)
            while True:
                if not await self._owners.is_open(GpuClass.IMAGE, 0):
                    return
                await asyncio.sleep(0.05)
