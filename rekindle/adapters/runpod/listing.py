"""One listing of the account's pods for everybody in this process who asks at the same time.

The API allows 60 calls a minute for the whole account and has no filter by name, so a fleet that
looks its names up one by one would lock itself out.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence

from rekindle.ports.gpu_cloud import CloudPod

FRESH_SECONDS = 1.0


class SharedListing:
    """Coalesces callers into one request, and serves its result for a moment.

    Whoever calls after `forget` never gets a listing that was asked for before it: that is how a
    look after a create sees what the create did.
    """

    def __init__(
        self,
        fetch: Callable[[], Awaitable[Sequence[CloudPod]]],
        *,
        fresh_seconds: float = FRESH_SECONDS,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Share what `fetch` lists.

        Args:
            fetch: makes the request.
            fresh_seconds: a listing that was asked for less than so long ago is served again.
            clock: seconds that never go back.
        """
        self._fetch, self._fresh, self._clock = fetch, fresh_seconds, clock
        self._request: asyncio.Task[Sequence[CloudPod]] | None = None
        self._asked_at = 0.0
        self._running: set[asyncio.Task[Sequence[CloudPod]]] = set()

    async def pods(self) -> Sequence[CloudPod]:
        """Every pod, in the cloud's order. Raises what the request raised, to all its callers."""
        request = self._request
        if request is None or self._is_stale(request):
            request = self._start()
        # One caller that goes away must not take the others' request along.
        return await asyncio.shield(request)

    def forget(self) -> None:
        """Something was changed: what was asked for until now does not count any more."""
        self._request = None

    async def close(self) -> None:
        """Give up the requests that are under way."""
        for request in self._running:
            request.cancel()
        await asyncio.gather(*self._running, return_exceptions=True)

    def _is_stale(self, request: asyncio.Task[Sequence[CloudPod]]) -> bool:
        if not request.done():
            return False
        failed = request.cancelled() or request.exception() is not None
        return failed or self._clock() - self._asked_at >= self._fresh

    def _start(self) -> asyncio.Task[Sequence[CloudPod]]:
        async def fetch() -> Sequence[CloudPod]:
            return await self._fetch()

        self._asked_at = self._clock()
        self._request = request = asyncio.create_task(fetch(), name="list pods")
        self._running.add(request)
        request.add_done_callback(self._ended)
        return request

    def _ended(self, request: asyncio.Task[Sequence[CloudPod]]) -> None:
        self._running.discard(request)
        if not request.cancelled():
            request.exception()  # looked at, should every caller have gone away
