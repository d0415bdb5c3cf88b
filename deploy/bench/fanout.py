"""How soon a change reaches a hundred clients that follow it."""

import asyncio
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from uuid import UUID

from api import paths
from deploy.bench.figures import Distribution
from deploy.bench.goals import FANOUT
from deploy.bench.limits import unlimited
from deploy.bench.listeners import Listener, listeners
from deploy.bench.measures import Baseline, Measure
from deploy.bench.photos import write_photo
from deploy.bench.progress import Progress, begun
from deploy.bench.visitor import bearer, visitor_of
from deploy.stack.running import running_stack
from rekindle.store.database import Database

_STREAMS = 100
_EVENTS = 50
_PATIENCE_SECONDS = 60.0


@dataclass(frozen=True)
class FanoutReadings:
    """Seconds from just before a change was written to each client's having it.

    Attributes:
        streams: how many clients.
        one: with a single client.
        many: with all of them, every client and event.
        one_again: with a single client, afterwards.
    """

    streams: int
    one: list[float]
    many: list[float]
    one_again: list[float]

    def row(self) -> Measure:
        """As a measure."""
        one, many, again = (
            Distribution.of([1000 * seconds for seconds in part])
            for part in (self.one, self.many, self.one_again)
        )
        return Measure(
            FANOUT,
            f"change written to event received, {self.streams} streams",
            many.p50,
            "ms",
            many.count,
            baseline=Baseline("1 stream", one.p50, again.p50),
            distribution=many,
            note=f"p99 of 1 stream {one.p99:.1f}, {again.p99:.1f}",
        )


async def measure_fanout(folder: Path) -> list[Measure]:
    """Follow a job with one stream, with a hundred, and with one again."""
    photo = folder / "photo.png"
    await asyncio.to_thread(write_photo, photo, 64)
    with running_stack(folder / "stack", settings=unlimited()) as stack:
        token = await asyncio.to_thread(bearer, stack)
        async with visitor_of(stack) as visitor:
            job_id = await visitor.uploads(photo)
        async with _attempt_of(stack.addresses.database, job_id) as progress:
            heard = []
            for count in (1, _STREAMS, 1):
                async with (
                    asyncio.timeout(_PATIENCE_SECONDS),
                    listeners(stack.addresses.api, paths.events(job_id), token, count) as open_,
                ):
                    heard.append(await _heard(open_, progress))
    return [FanoutReadings(_STREAMS, *heard).row()]


@asynccontextmanager
async def _attempt_of(database_url: str, job_id: UUID) -> AsyncIterator[Progress]:
    """An attempt that nobody works on."""
    database = Database(database_url)
    try:
        [progress] = await begun(database, [job_id])
        yield progress
    finally:
        await database.close()


async def _heard(open_: Sequence[Listener], progress: Progress) -> list[float]:
    """Write changes, each when everybody has the one before; seconds until each client had it."""
    await progress.step()  # fills the pool
    await asyncio.gather(*(listener.hears() for listener in open_))
    seconds: list[float] = []
    for _ in range(_EVENTS):
        waiting = [asyncio.create_task(listener.hears()) for listener in open_]
        await asyncio.sleep(0)
        began = time.monotonic()
        await progress.step()
        seconds += [moment - began for moment in await asyncio.gather(*waiting)]
    return seconds
