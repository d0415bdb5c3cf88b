"""How well eight GPUs are kept busy, by the engines' own ledgers, and what a further one weighs."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

from comfy_graphs import complete, load_pack
from deploy.bench.baselines import Script
from deploy.bench.engines import Engines, running_engines
from deploy.bench.figures import Distribution, Run, busy_ratio, gaps
from deploy.bench.limits import unlimited
from deploy.bench.measures import Baseline, Limit, Measure
from deploy.bench.person import GRAPH, Person
from deploy.bench.processes import cpu_seconds
from deploy.bench.slot_memory import SlotMemory, read_slot_memory
from deploy.stack.running import running_stack
from rekindle.adapters.comfyui import ComfyClient
from rekindle.contracts import keys
from rekindle.contracts.jobs import PhotoJobInput

_SLOTS = 8
_GRAPHS = 80
_SECONDS = 2.0
_SCRIPTED = 2
"""Graphs that the script runs on each server, before and again after."""

Lanes = Sequence[Sequence[Run]]


@dataclass(frozen=True)
class SlotReadings:
    """Everything this part reads.

    Attributes:
        script: runs of each server under the script, one photo after the other.
        durable: runs of each server as slots.
        script_again: like `script`, afterwards.
        memory: of the worker, by number of slots.
        cpu_seconds: that the worker and its decoders used for the runs of `durable`.
    """

    script: Lanes
    durable: Lanes
    script_again: Lanes
    memory: SlotMemory
    cpu_seconds: float

    def rows(self) -> list[Measure]:
        """As measures."""
        lanes = self.durable
        count = sum(map(len, lanes))
        gap = _gap(lanes)
        return [
            Measure(
                "busy",
                f"{len(lanes)} slots, {count} graphs of {_SECONDS:g} s: busy",
                busy_ratio(lanes),
                "of the time",
                count,
                Limit.fixed("busy"),
                Baseline("script", busy_ratio(self.script), busy_ratio(self.script_again)),
            ),
            Measure(
                "gap",
                "gap between two prompts of a slot",
                gap.p50,
                "ms",
                gap.count,
                Limit.fixed("gap"),
                Baseline("script", _gap(self.script).p50, _gap(self.script_again).p50),
                gap,
            ),
            Measure(
                "worker_cpu",
                "worker: CPU time of a restoration",
                1000 * self.cpu_seconds / count,
                "ms",
                count,
                note="its decoders included",
            ),
            self.memory.row(),
        ]


def _gap(lanes: Lanes) -> Distribution:
    return Distribution.of([1000 * seconds for seconds in gaps(lanes)])


async def measure_slots(folder: Path) -> list[Measure]:
    """Give eight engines eighty graphs of two seconds at once."""
    with running_engines(folder, _SLOTS) as engines:
        settings = unlimited(comfyui_url=engines.urls[0], default_graph=GRAPH)
        with running_stack(folder / "stack", settings=settings) as stack:
            person = await Person.on(stack)
            made = [await person.has_job(folder, pixels=256) for _ in range(_SLOTS)]
            async with read_slot_memory(stack, engines, person, made) as (memory, worker):
                await engines.delay(_SECONDS)
                script = await _scripted(engines, person, made)
                seen = [len(lane) for lane in await engines.runs()]
                used = cpu_seconds(worker.pid)
                await person.restores_many(made, _GRAPHS)
                used = cpu_seconds(worker.pid) - used
                durable = _behind(await engines.runs(), seen)
                script_again = await _scripted(engines, person, made)
            await person.leave()
    return SlotReadings(script, durable, script_again, memory, used).rows()


async def _scripted(engines: Engines, person: Person, made: Sequence[PhotoJobInput]) -> Lanes:
    """What the servers do when each has a plain script that restores photo after photo."""
    seen = [len(lane) for lane in await engines.runs()]

    async def lane(url: str, job: PhotoJobInput) -> None:
        comfy = ComfyClient(url)
        script = Script(comfy, person.objects)
        for _ in range(_SCRIPTED):
            values = complete(load_pack(GRAPH), {"megapixels": 0.1}, seed=uuid4().int % 2**32)
            await script.run(GRAPH, values, keys.working(job.job_id))
        await comfy.close()

    await asyncio.gather(*(lane(url, job) for url, job in zip(engines.urls, made, strict=True)))
    return _behind(await engines.runs(), seen)


def _behind(lanes: Lanes, seen: Sequence[int]) -> Lanes:
    return [lane[count:] for lane, count in zip(lanes, seen, strict=True)]
