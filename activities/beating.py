"""Heartbeats through work that has its own time-outs, such as a transfer."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from temporalio import activity

from rekindle.contracts.payload import Payload

_BEAT_SECONDS = 2.0


@asynccontextmanager
async def beating(details: Callable[[], Payload | None] = lambda: None) -> AsyncIterator[None]:
    """Beat until the block ends, so that the death of this process is noticed in seconds.

    Only around work that ends by itself: these beats say nothing about its progress.

    Args:
        details: asked at every beat; what another process may need to go on.
    """

    async def beat() -> None:
        while True:
            told = details()
            activity.heartbeat(*([told] if told is not None else []))
            await asyncio.sleep(_BEAT_SECONDS)

    beats = asyncio.create_task(beat())
    try:
        yield
    finally:
        beats.cancel()
