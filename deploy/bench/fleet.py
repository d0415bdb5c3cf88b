"""A large fleet in one worker process: whether pods idle, what one weighs, whether all arrives."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

from deploy.bench.figures import Distribution, Run, busy_within, idle_within, slope
from deploy.bench.light_pods import LightPods, PodRun, by_pod, keeping, running_light_stack
from deploy.bench.measures import Baseline, Limit, Measure
from deploy.bench.person import Person
from deploy.bench.processes import cpu_seconds, rise_of
from deploy.bench.renders import Renders
from deploy.stack.environment import as_environment
from deploy.stack.services import Worker
from deploy.stack.stack import Stack

_TIMES_SMALLER = 10
"""How much smaller a fleet is with whose memory that of the whole one is compared."""
_MOST_BEFORE = 400
"""Renders that a smaller fleet does: what waits fills the worker's cache of workflows, no more."""
_PATIENCE = 3.0
"""How often longer than it should take it may take until what is left counts as lost."""


@dataclass(frozen=True)
class FleetForm:
    """How large.

    Attributes:
        pods: light ones.
        renders: that are started at once.
        seconds: that each takes on its pod.
    """

    pods: int = 40
    renders: int = 200
    seconds: float = 8.0

    @classmethod
    def full(cls) -> Self:
        """As the goals are meant; takes about nine minutes."""
        return cls(pods=200, renders=2000, seconds=30.0)

    @property
    def few(self) -> int:
        """Pods of the smaller fleets."""
        return max(self.pods // _TIMES_SMALLER, 1)

    @property
    def before(self) -> int:
        """Renders on each of the smaller fleets."""
        return min(self.renders, _MOST_BEFORE)

    @property
    def patience(self) -> float:
        """Seconds after which renders that have not ended count as lost."""
        return _PATIENCE * (60 + self.renders * self.seconds / self.pods + self.renders / 10)


@dataclass(frozen=True)
class FleetReadings:
    """Everything this part reads.

    Attributes:
        form: how large it was.
        memory: highest resident memory, MB, of three fresh workers, with the pods they had; the
            first two had the same few.
        runs: prompts of the whole fleet.
        succeeded: renders that did.
        cpu_seconds: that the worker and its decoders used for them.
    """

    form: FleetForm
    memory: list[tuple[int, float]]
    runs: list[PodRun]
    succeeded: int
    cpu_seconds: float

    def rows(self) -> list[Measure]:
        """As measures; idleness counts from when all had begun, while work waited."""
        form, lanes = self.form, self._lanes()
        window = max(lane[0][0] for lane in lanes if lane), max(run.accepted for run in self.runs)
        idle = Distribution.of(idle_within(lanes, window) or [0.0])
        what = f"{form.pods} pods, {form.renders} renders of {form.seconds:g} s"
        return [
            Measure(
                "fleet_idle",
                f"{what}: longest idle while work waits",
                max(idle_within(lanes, window), default=0.0),
                "s",
                idle.count,
                Limit.fixed("fleet_idle"),
                distribution=idle,
                note=f"busy {busy_within(lanes, window):.3f} of {window[1] - window[0]:.1f} s",
            ),
            self._memory(),
            Measure(
                "fleet_lost",
                f"{what}: lost",
                form.renders - self.succeeded,
                "renders",
                form.renders,
                Limit.fixed("fleet_lost"),
                note=f"{len(self.runs)} prompts on {len(by_pod(self.runs))} pods",
            ),
            Measure(
                "fleet_cpu",
                "worker: CPU time a render",
                1000 * self.cpu_seconds / form.renders,
                "ms",
                form.renders,
                note=f"{self.cpu_seconds / self._took():.2f} cores",
            ),
        ]

    def _lanes(self) -> list[list[Run]]:
        """The runs of each pod; one that never had any was idle throughout."""
        lanes = [[(run.started, run.ended) for run in lane] for lane in by_pod(self.runs).values()]
        return [*lanes, *([] for _ in range(self.form.pods - len(lanes)))]

    def _took(self) -> float:
        return max(run.ended for run in self.runs) - min(run.accepted for run in self.runs)

    def _memory(self) -> Measure:
        (few, before), (_, again), (pods, peak) = self.memory
        beside = Baseline(f"{few} pods", before, again, unit="MB")
        return Measure(
            "fleet_pod_memory",
            "worker: a further rented pod",
            slope(self.memory),
            "MB",
            pods - few,
            Limit.fixed("fleet_pod_memory", doubt=beside.spread / (pods - few)),
            beside,
            note=f"{peak:.1f} MB with {pods} pods",
        )


async def measure_fleet(folder: Path, form: FleetForm | None = None) -> list[Measure]:
    """Let a small fleet work, again with a fresh worker, then the whole one.

    Args:
        folder: for everything.
        form: how large; by default such that it takes about a minute.
    """
    form = form or FleetForm()
    with running_light_stack(folder, keeping(form.few, form.few)) as stack:
        person = await Person.on(stack)
        fleet = _Fleet(
            form,
            LightPods(stack.addresses.runpod, person.database),
            await Renders.of(person, folder, jobs=form.pods),
        )
        await fleet.works_a_little(stack.worker)
        stack.worker.stop()
        stack.worker.start()
        await fleet.works_a_little(stack.worker)
        stack.worker.stop()
        with _whole(stack, form) as worker:
            readings = await fleet.works(worker)
        await person.leave()
    return readings.rows()


def _whole(stack: Stack, form: FleetForm) -> Worker:
    """A worker that keeps the whole fleet."""
    wanted = keeping(form.pods, form.pods)
    settings = stack.settings.model_copy(
        update={name: getattr(wanted, name) for name in wanted.model_fields_set}
    )
    return Worker(
        stack.data / "worker-of-all",
        stack.temporal.address,
        variables=lambda: as_environment(settings),
    )


@dataclass
class _Fleet:
    form: FleetForm
    pods: LightPods
    renders: Renders
    memory: list[tuple[int, float]] = field(default_factory=list)

    async def works_a_little(self, worker: Worker) -> None:
        """Let a small fleet do brief renders."""
        await self.pods.are_ready(self.form.few)
        with rise_of(worker.pid) as rise:
            await self.renders.succeed(await self.renders.start(self.form.before))
        self.memory.append((self.form.few, rise.peak))

    async def works(self, worker: Worker) -> FleetReadings:
        """Let the whole fleet do everything."""
        form = self.form
        await self.pods.are_ready(form.pods)
        await self.pods.take(form.seconds)
        began, used = await self.pods.now(), cpu_seconds(worker.pid)
        with rise_of(worker.pid) as rise:
            started = await self.renders.start(form.renders)
            succeeded = await self.renders.succeeded(started, patience=form.patience)
        used = cpu_seconds(worker.pid) - used
        memory = [*self.memory, (form.pods, rise.peak)]
        return FleetReadings(form, memory, await self.pods.runs(began), succeeded, used)
