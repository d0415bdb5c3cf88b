"""What durability costs one restoration: beside a plain script and one Temporal round trip."""

import asyncio
import statistics
import time
from pathlib import Path

import httpx

from comfy_graphs import complete, load_pack
from deploy.bench.baselines import Script, round_trips
from deploy.bench.measures import Measure
from deploy.bench.person import GRAPH, SAMPLER, Person
from deploy.bench.processes import resident_mb
from deploy.embedded.ports import free_port
from deploy.stack.running import running_stack
from deploy.stack.services import ComfyUI
from deploy.stack.stack import Stack
from rekindle.adapters.comfyui import ComfyClient
from rekindle.contracts import keys
from rekindle.contracts.jobs import PhotoJobInput

CARDS = ("--models-mode", "test-card")
_ROUNDS = {0.5: 10, 5.0: 4}
"""Graph seconds -> restorations."""


async def measure_overhead(folder: Path) -> list[Measure]:
    """Restore a 1 MP photo again and again, by turns with the script."""
    began = time.monotonic()
    with (
        running_stack(folder / "stack", comfyui_arguments=CARDS) as stack,
        # Its own server: a pod whose server works for somebody else takes no prompt.
        ComfyUI(folder / "script", port=free_port(), further=CARDS) as scripts,
    ):
        ready = time.monotonic() - began
        idle = [
            Measure(f"idle {part.name}", resident_mb(part.pid), "MB", 1, limit=220)
            for part in (stack.api, stack.worker)
        ]
        person = await Person.on(stack)
        job = await person.has_job(folder, pixels=1000)
        first = await round_trips(person.client, 20)
        rows = [
            row
            for seconds, count in _ROUNDS.items()
            for row in await _at(
                stack, scripts, person, job, seconds, count, statistics.median(first)
            )
        ]
        again = await round_trips(person.client, 20)
        await person.leave()
        stopping = time.monotonic()
    trips = [*first, *again]
    drift = f"medians {statistics.median(first):.4f} before, {statistics.median(again):.4f} after"
    return [
        Measure("everything ready", ready, "s", 1),
        *idle,
        Measure(
            "U: one-activity workflow",
            statistics.median(trips),
            "s",
            len(trips),
            None,
            False,
            drift,
        ),
        *rows,
        Measure("everything stopped", time.monotonic() - stopping, "s", 1),
    ]


async def _at(
    stack: Stack,
    scripts: ComfyUI,
    person: Person,
    job: PhotoJobInput,
    seconds: float,
    count: int,
    u: float,
) -> list[Measure]:
    assert stack.comfyui is not None  # noqa: S101  (this bench names no other server)
    comfy = ComfyClient(scripts.url)
    for server in (stack.comfyui, scripts):
        await _delay(server.url, seconds)
    script = Script(comfy, person.objects)
    values = complete(load_pack(GRAPH), {}, seed=1)
    plain, durable = [], []
    for number in range(count + 1):
        plain.append(
            await script.run(GRAPH, values | {"seed": 2 * number}, keys.working(job.job_id))
        )
        attempt_id = await person.restores(job, seed=2 * number + 1)
        accepted = time.monotonic()
        await person.sees(job, attempt_id)
        durable.append(time.monotonic() - accepted)
    await comfy.close()
    beside, median = statistics.median(plain[1:]), statistics.median(durable[1:])
    note = f"script {beside:.3f} s + 5 U of {u:.4f} s"
    return [
        Measure(
            f"{seconds} s graph, accepted to succeeded",
            median,
            "s",
            count,
            beside + 5 * u,
            False,
            note,
        ),
        Measure(f"{seconds} s graph, over the script", (median - beside) / u, "U", count),
    ]


async def _delay(url: str, seconds: float) -> None:
    plan = {"node_delay": {SAMPLER: seconds}}
    reply = await asyncio.to_thread(httpx.post, f"{url}/simulator/faults", json=plan)
    reply.raise_for_status()
