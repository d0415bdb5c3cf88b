"""What durability costs one restoration: beside a plain script and one Temporal round trip."""

import statistics
import time
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

from comfy_graphs import complete, load_pack
from deploy.bench.baselines import Script, round_trip
from deploy.bench.engines import Engines
from deploy.bench.figures import Distribution
from deploy.bench.goals import GOALS
from deploy.bench.limits import unlimited
from deploy.bench.measures import Baseline, Limit, Measure
from deploy.bench.person import CARDS, GRAPH, Person
from deploy.bench.processes import resident_mb
from deploy.embedded.ports import free_port
from deploy.stack.running import running_stack
from deploy.stack.services import ComfyUI
from deploy.stack.stack import Stack
from rekindle.adapters.comfyui import ComfyClient
from rekindle.contracts import keys
from rekindle.contracts.jobs import PhotoJobInput

_ROUNDS = {0.5: 24, 5.0: 8}
"""Graph seconds -> restorations."""


@dataclass(frozen=True)
class GraphReadings:
    """Restorations of one graph, each between two runs of the script and two round trips.

    Attributes:
        graph_seconds: how long the graph takes.
        script: seconds of each run of the script, one more than restorations.
        durable: seconds from accepted to succeeded of each restoration.
        trips: seconds of one-activity workflows, one before and one after each restoration.
    """

    graph_seconds: float
    script: list[float]
    durable: list[float]
    trips: list[float]


@dataclass(frozen=True)
class OverheadReadings:
    """Everything this part reads.

    Attributes:
        ready: seconds until the stack was up.
        stopped: seconds until it was down.
        idle_mb: resident memory of `api` and `worker` before any work.
        graphs: one for each graph.
    """

    ready: float
    stopped: float
    idle_mb: dict[str, float]
    graphs: list[GraphReadings]

    def rows(self) -> list[Measure]:
        """As measures."""
        taken = [trip for graph in self.graphs for trip in graph.trips]
        u, trips = _halves("U", taken), Distribution.of(taken)
        return [
            Measure("ready", "everything ready", self.ready, "s"),
            *(
                Measure(f"idle_{name}", f"idle {name}", mb, "MB", limit=Limit.fixed(f"idle_{name}"))
                for name, mb in self.idle_mb.items()
            ),
            Measure(
                "round_trip",
                "U: one-activity workflow",
                trips.p50,
                "s",
                trips.count,
                baseline=u,
                distribution=trips,
            ),
            *(row for graph in self.graphs for row in _graph_rows(graph)),
            Measure("stopped", "everything stopped", self.stopped, "s"),
        ]


def _halves(what: str, taken: list[float]) -> Baseline:
    half = len(taken) // 2
    return Baseline(what, statistics.median(taken[:half]), statistics.median(taken[half:]))


def _graph_rows(read: GraphReadings) -> list[Measure]:
    script, u = _halves("script", read.script), _halves("U", read.trips)
    durable = Distribution.of(read.durable)
    name, what = f"restore_{read.graph_seconds:g}s", f"{read.graph_seconds:g} s graph"
    allowed = GOALS[name].at
    return [
        Measure(
            name,
            f"{what}, accepted to succeeded",
            durable.p50,
            "s",
            durable.count,
            Limit(
                script.mean + allowed * u.mean,
                doubt=(script.spread + allowed * u.spread) / 2,
            ),
            script,
            durable,
            f"script + {allowed:g} U of {u.mean * 1000:.1f} ms",
        ),
        Measure(
            f"{name}_over_script",
            f"{what}, over the script",
            (durable.p50 - script.mean) / u.mean,
            "U",
            durable.count,
        ),
    ]


async def measure_overhead(folder: Path) -> list[Measure]:
    """Restore a 1 MP photo again and again, by turns with the script."""
    began = time.monotonic()
    with (
        running_stack(folder / "stack", settings=unlimited(), comfyui_arguments=CARDS) as stack,
        # Its own server: a pod whose server works for somebody else takes no prompt.
        ComfyUI(folder / "script", port=free_port(), further=CARDS) as scripts,
    ):
        ready = time.monotonic() - began
        idle = {part.name: resident_mb(part.pid) for part in (stack.api, stack.worker)}
        person = await Person.on(stack)
        job = await person.has_job(folder, pixels=1000)
        await _read(stack, scripts, person, job, 0.0, 1)  # fills pools and caches of both
        graphs = [
            await _read(stack, scripts, person, job, seconds, count)
            for seconds, count in _ROUNDS.items()
        ]
        await person.leave()
        stopping = time.monotonic()
    stopped = time.monotonic() - stopping
    return OverheadReadings(ready, stopped, idle, graphs).rows()


async def _read(
    stack: Stack,
    scripts: ComfyUI,
    person: Person,
    job: PhotoJobInput,
    seconds: float,
    count: int,
) -> GraphReadings:
    await Engines([stack.addresses.comfyui, scripts.url]).delay(seconds)
    comfy = ComfyClient(scripts.url)
    script = Script(comfy, person.objects)
    values = complete(load_pack(GRAPH), {}, seed=1)
    photo = keys.working(job.job_id)
    plain, durable, trips = [await script.run(GRAPH, values | _fresh(), photo)], [], []
    async with round_trip(person.client) as trip:
        for _ in range(count):
            trips.append(await trip())
            attempt_id = await person.restores(job, **_fresh())
            accepted = time.monotonic()
            await person.sees(job, attempt_id)
            durable.append(time.monotonic() - accepted)
            trips.append(await trip())
            plain.append(await script.run(GRAPH, values | _fresh(), photo))
    await comfy.close()
    return GraphReadings(seconds, plain, durable, trips)


def _fresh() -> dict[str, int]:
    """A seed that nothing was rendered with before: the engine answers a repeat from its cache."""
    return {"seed": uuid4().int % 2**32}
