"""Heartbeats of activities, also through work that has its own time-outs, such as a transfer."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Hashable
from contextlib import asynccontextmanager

from temporalio import activity

from rekindle.contracts.payload import Payload

_BEAT_SECONDS = 2.0


class Beats:
    """Heartbeats of work that tells how far it is more often than a server wants to know.

    The SDK encodes each, whether or not it sends it.
    """

    def __init__(self) -> None:
        """None yet."""
        self._beaten_at = float("-inf")
        self._phase: Hashable = None

    def beat(self, details: Payload, phase: Hashable) -> None:
        """Beat now if the last time was two seconds ago, or in another phase of the work.

        Args:
            details: what another process may need to go on.
            phase: of the work.
        """
        now = time.monotonic()
        if phase == self._phase and now - self._beaten_at < _BEAT_SECONDS:
            return
        self._beaten_at, self._phase = now, phase
        activity.heartbeat(details)


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
