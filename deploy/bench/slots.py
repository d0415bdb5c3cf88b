"""How well eight GPUs are kept busy, from the engines' own ledgers."""

import asyncio
import statistics
from contextlib import ExitStack
from itertools import pairwise
from pathlib import Path
from typing import Any

import httpx

from deploy.bench.measures import Measure, spread
from deploy.bench.person import SAMPLER, Person
from deploy.bench.processes import resident_mb
from deploy.embedded.ports import free_port
from deploy.stack.running import running_stack
from deploy.stack.services import ComfyUI
from rekindle.settings import Settings

_SLOTS = 8
_GRAPHS = 80
_SECONDS = 2.0


async def measure_slots(folder: Path) -> list[Measure]:
    """Give eight engines eighty graphs of two seconds at once."""
    with ExitStack() as engines:
        urls = [engines.enter_context(_engine(folder / f"engine-{n}")).url for n in range(_SLOTS)]
        settings = Settings.model_construct(
            _fields_set={"comfyui_url", "default_graph"},
            comfyui_url=",".join(urls),
            default_graph="restore",
        )
        with running_stack(folder / "stack", settings=settings) as stack:
            idle = resident_mb(stack.worker.pid)
            person = await Person.on(stack)
            made = [await person.has_job(folder, pixels=256) for _ in range(_SLOTS)]
            await _all(person, made, _SLOTS)  # warms every engine
            counted = [len(_runs(url)) for url in urls]
            await _all(person, made, _GRAPHS)
            await person.leave()
            busy = resident_mb(stack.worker.pid)
        runs = [_runs(url)[seen:] for url, seen in zip(urls, counted, strict=True)]
    return [*_measures(runs), Measure("worker's memory, all slots used", busy - idle, "MB more", 1)]


def _engine(folder: Path) -> ComfyUI:
    folder.mkdir()
    delay = ("--node-delay", f"{SAMPLER}={_SECONDS}")
    return ComfyUI(folder, port=free_port(), further=("--models-mode", "test-card", *delay))


async def _all(person: Person, made: list[Any], count: int) -> None:
    started = await asyncio.gather(
        *(person.restores(made[n % len(made)], megapixels=0.1) for n in range(count))
    )
    for number, attempt_id in enumerate(started):
        await person.sees(made[number % len(made)], attempt_id)


def _runs(url: str) -> list[dict[str, Any]]:
    runs: list[dict[str, Any]] = httpx.get(f"{url}/simulator/ledger").json()["runs"]
    return sorted(runs, key=lambda run: run["started_at"])


def _measures(runs: list[list[dict[str, Any]]]) -> list[Measure]:
    everything = [run for slot in runs for run in slot]
    begun = min(run["started_at"] for run in everything)
    ended = max(run["ended_at"] for run in everything)
    worked = sum(run["ended_at"] - run["started_at"] for run in everything)
    gaps = [
        (later["started_at"] - earlier["ended_at"]) * 1000
        for slot in runs
        for earlier, later in pairwise(slot)
    ]
    ratio = worked / (len(runs) * (ended - begun))
    what = f"{len(runs)} slots, {len(everything)} graphs of {_SECONDS:g} s"
    return [
        Measure(f"{what}: busy", ratio, "of the time", len(everything), 0.92, at_least=True),
        Measure(
            "gap between two prompts of a slot, median",
            statistics.median(gaps),
            "ms",
            len(gaps),
            60,
            False,
            spread(gaps),
        ),
    ]
