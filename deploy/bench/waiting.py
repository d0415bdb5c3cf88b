"""What a job that waits for a GPU costs in our processes."""

import asyncio
from pathlib import Path
from uuid import uuid4

import httpx

from deploy.bench.measures import Measure
from deploy.bench.person import SAMPLER, Person
from deploy.bench.processes import resident_mb
from deploy.stack.running import running_stack
from deploy.stack.stack import Stack
from rekindle.contracts.jobs import PhotoJobInput

_FEW, _MANY = 100, 1000
_AT_ONCE = 20


async def measure_waiting(folder: Path) -> list[Measure]:
    """Hold the only engine and let jobs pile up; the slope of memory from 100 to 1,000."""
    arguments = ("--models-mode", "test-card", "--node-delay", f"{SAMPLER}=3600")
    with running_stack(folder, comfyui_arguments=arguments) as stack:
        person = await Person.on(stack)
        await _pile_up(person, _FEW)
        few = _weight(stack)
        await _pile_up(person, _MANY - _FEW)
        many = _weight(stack)
        await person.leave()
    slope = (many - few) * 1024 / (_MANY - _FEW)
    note = f"{few:.0f} MB with {_FEW}, {many:.0f} MB with {_MANY}"
    return [Measure("a waiting job, API and worker", slope, "KB", _MANY, 60, False, note)]


async def _pile_up(person: Person, count: int) -> None:
    lanes = asyncio.Semaphore(_AT_ONCE)

    async def one() -> None:
        async with lanes:
            job = PhotoJobInput(job_id=uuid4(), fairness_key="0" * 16)
            await person.record(job)
            await person.restores(job)

    await asyncio.gather(*(one() for _ in range(count)))


def _weight(stack: Stack) -> float:
    httpx.get(f"{stack.addresses.api}/health")
    return resident_mb(stack.api.pid) + resident_mb(stack.worker.pid)
