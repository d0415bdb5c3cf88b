"""Two thousand clients of one process, each with a job of its own, and what they weigh."""

import asyncio
import json
import resource
import sys
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from itertools import chain, cycle, islice
from pathlib import Path
from uuid import UUID, uuid4

from api import paths
from deploy.bench.crowd_process import CrowdOrder
from deploy.bench.figures import Distribution
from deploy.bench.limits import unlimited
from deploy.bench.measures import Limit, Measure
from deploy.bench.person import Person
from deploy.bench.photos import write_photo
from deploy.bench.processes import cpu_seconds, resident_mb
from deploy.bench.progress import Choice, Progress, begun, restored_twice
from deploy.bench.visitor import bearer, visitor_of
from deploy.stack.running import running_stack
from deploy.stack.stack import Stack
from rekindle.models import Job
from rekindle.store.database import Database

_LISTENERS = 2000
_RUNNING = 100
"""Jobs with a running attempt, which has half of the events; the others are at rest, but chosen."""
_WARM_UP = 100
_EVENTS_A_SECOND = 50
_SECONDS = 12
_PATIENCE_SECONDS = 300.0
_LAST_SECONDS = 1.0
"""Until the last event has come."""
_LONGEST_LINE = 1 << 26
"""Of the crowd's report, bytes."""


@dataclass(frozen=True)
class CrowdReadings:
    """What a crowd of listeners had.

    Attributes:
        listeners: how many.
        late: seconds from just before a change was written to its client's having it.
        lost: events that had not come when the crowd left.
        resident: memory of the API before they came, and with them all, MB.
        cpu_seconds: that the API used while events came.
    """

    listeners: int
    late: list[float]
    lost: int
    resident: tuple[float, float]
    cpu_seconds: float

    def rows(self) -> list[Measure]:
        """As measures."""
        late = Distribution.of([1000 * each for each in self.late])
        before, after = self.resident
        cpu = f"CPU {1000 * self.cpu_seconds / late.count:.1f} ms an event"
        return [
            Measure(
                "crowd_p99",
                f"{self.listeners} streams, {_EVENTS_A_SECOND} events a second: p99",
                late.p99,
                "ms",
                late.count,
                Limit.fixed("crowd_p99"),
                distribution=late,
                note=f"{self.lost} lost; {cpu}",
            ),
            Measure(
                "listener_memory",
                f"API: one of {self.listeners} listeners",
                1024 * (after - before) / self.listeners,
                "KB",
                self.listeners,
                Limit.fixed("listener_memory"),
                note=f"{before:.1f} MB without them, {after:.1f} with them",
            ),
        ]


async def measure_crowd(folder: Path) -> list[Measure]:
    """Follow two thousand jobs, and have their attempts get on by turns."""
    photo = folder / "photo.png"
    await asyncio.to_thread(write_photo, photo, 64)
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))  # the API is started with it
    with running_stack(folder / "stack", settings=unlimited()) as stack:
        stack.worker.stop()  # the attempts are nobody's
        async with AsyncExitStack() as closing:
            person = await Person.on(stack)
            closing.push_async_callback(person.leave)
            jobs = await _jobs(stack, person, photo)
            patient = Database(stack.addresses.database, patience_seconds=int(_PATIENCE_SECONDS))
            closing.push_async_callback(patient.close)
            await asyncio.gather(*(patient.check() for _ in range(10)))  # fills the pool
            changing: list[Progress | Choice] = [
                *await begun(patient, jobs[:_RUNNING]),
                *await restored_twice(patient, jobs[_RUNNING:]),
            ]
            token = await asyncio.to_thread(bearer, stack)
            async with _crowd(stack, token, jobs[:_WARM_UP]):
                pass
            before, pid = resident_mb(stack.api.pid), stack.api.pid
            async with _crowd(stack, token, jobs) as heard:
                used = cpu_seconds(pid)
                written = await _written(changing)
                used = cpu_seconds(pid) - used
                after = resident_mb(pid)
    late = [
        came - wrote
        for times, came_at in zip(written, heard, strict=True)
        for wrote, came in zip(times, came_at, strict=False)
    ]
    lost = sum(map(len, written)) - len(late)
    return CrowdReadings(_LISTENERS, late, lost, (before, after), used).rows()


async def _jobs(stack: Stack, person: Person, photo: Path) -> list[UUID]:
    async with visitor_of(stack) as visitor:
        pattern = await visitor.uploads(photo)
    made = [uuid4() for _ in range(_LISTENERS)]
    async with person.database.transaction() as session:
        row = (await session.get_one(Job, pattern)).model_dump()
        session.add_all(Job(**{**row, "id": job_id}) for job_id in made)
    return made


@asynccontextmanager
async def _crowd(
    stack: Stack, token: str, jobs: Sequence[UUID]
) -> AsyncIterator[list[list[float]]]:
    """A crowd that follows these jobs; when each of their events came, once the block has ended."""
    order = CrowdOrder(
        api=stack.addresses.api, token=token, paths=[paths.events(job_id) for job_id in jobs]
    )
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        *("-P", "-m", "deploy.bench.crowd_process"),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        limit=_LONGEST_LINE,
    )
    if process.stdin is None or process.stdout is None:
        raise RuntimeError("a crowd without pipes")
    heard: list[list[float]] = []
    try:
        async with asyncio.timeout(_PATIENCE_SECONDS):
            process.stdin.write(json.dumps(order).encode() + b"\n")
            await process.stdin.drain()
            if await process.stdout.readline() != b"ready\n":
                raise RuntimeError("the crowd could not listen")
            yield heard
            told, _ = await process.communicate(b"\n")
            heard += json.loads(told)
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


async def _written(jobs: Sequence[Progress | Choice]) -> list[list[float]]:
    """When each job's steps were written, so many a second in all."""
    written: list[list[float]] = [[] for _ in jobs]
    began = time.monotonic()

    async def step(turn: int) -> None:
        written[turn].append(time.monotonic())
        await jobs[turn].step()

    turns = zip(cycle(range(_RUNNING)), cycle(range(_RUNNING, len(jobs))), strict=False)
    taken = islice(chain.from_iterable(turns), _EVENTS_A_SECOND * _SECONDS)
    async with asyncio.TaskGroup() as group:
        for number, turn in enumerate(taken):
            await asyncio.sleep(began + number / _EVENTS_A_SECOND - time.monotonic())
            group.create_task(step(turn))
    await asyncio.sleep(_LAST_SECONDS)
    return written
