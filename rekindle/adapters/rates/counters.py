"""Who counts: this process, or a store that several processes share."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from typing import TypeVar

import structlog
from limits import RateLimitItemPerSecond
from limits.aio.storage import Storage
from limits.errors import ConfigurationError, StorageError
from limits.storage import storage_from_string

from rekindle.adapters.rates.memory import MemoryCounts
from rekindle.errors import SettingsInvalid
from rekindle.ports.rates import Rate, RateCounters

T = TypeVar("T")

_LOG = structlog.get_logger(__name__)

PATIENCE_SECONDS = 0.25
"""Longest wait for the shared store; a request is held up that long at most."""

AWAY_SECONDS = 5.0
"""Who did not answer is left alone for so long."""


class LocalCounters(RateCounters):
    """Counts in one store of the library."""

    def __init__(
        self, storage: Storage | None = None, *, clock: Callable[[], float] = time.time
    ) -> None:
        """Count in this store.

        Args:
            storage: empty, in this process, when it is left out.
            clock: tells seconds, as `time.time` does.
        """
        self._storage = MemoryCounts(clock=clock) if storage is None else storage
        self._clock = clock

    async def use(self, rate: Rate, key: str) -> int:
        """See the port."""
        return await self._storage.incr(_key(rate, key), rate.seconds)

    async def used(self, rate: Rate, key: str) -> int:
        """See the port."""
        return await self._storage.get(_key(rate, key))

    async def seconds_left(self, rate: Rate, key: str) -> float:
        """See the port."""
        ends_at = await self._storage.get_expiry(_key(rate, key))
        return min(max(ends_at - self._clock(), 0.0), rate.seconds)


class SharedCounters(RateCounters):
    """Counts in a shared store, and in this process for as long as that is away.

    Limits are no lock: letting everybody through would leave the door open when it is under attack,
    and letting nobody through would make one more part that the whole API stands and falls with.
    """

    def __init__(
        self,
        shared: RateCounters,
        *,
        patience_seconds: float = PATIENCE_SECONDS,
        away_seconds: float = AWAY_SECONDS,
    ) -> None:
        """Count there.

        Args:
            shared: may fail, and may hang.
            patience_seconds: longest wait for it.
            away_seconds: how long it is left alone once it failed.
        """
        self._shared = shared
        self._own = LocalCounters()
        self._patience_seconds = patience_seconds
        self._away_seconds = away_seconds
        self._away_until = 0.0

    async def use(self, rate: Rate, key: str) -> int:
        """See the port."""
        counted = await self._asked(lambda: self._shared.use(rate, key))
        return await self._own.use(rate, key) if counted is None else counted

    async def used(self, rate: Rate, key: str) -> int:
        """See the port."""
        counted = await self._asked(lambda: self._shared.used(rate, key))
        return await self._own.used(rate, key) if counted is None else counted

    async def seconds_left(self, rate: Rate, key: str) -> float:
        """See the port."""
        left = await self._asked(lambda: self._shared.seconds_left(rate, key))
        return await self._own.seconds_left(rate, key) if left is None else left

    async def _asked(self, question: Callable[[], Awaitable[T]]) -> T | None:
        """The shared store's answer; None while it is away."""
        if time.monotonic() < self._away_until:
            return None
        try:
            async with asyncio.timeout(self._patience_seconds):
                return await question()
        except (StorageError, OSError) as error:  # a time-out is an OSError
            self._away_until = time.monotonic() + self._away_seconds
            # Its kind alone: a text of the client may hold the address, with a password in it.
            _LOG.warning("shared rate limits are away", why=type(error).__name__)
            return None


def shared_storage(url: str) -> Storage:
    """The store of this address, of which nothing is asked yet: it may be away.

    Args:
        url: such as `redis://:password@host:6379/0`.

    Raises:
        SettingsInvalid: no such kind of store is known, or its client is not installed.
    """
    if url.startswith("memory"):  # leave it empty: the library's own has its price
        raise _unusable()
    # The library's default client is another one than the extra `redis` installs.
    options = {"implementation": "redispy"} if url.startswith("redis") else {}
    try:
        storage = storage_from_string(f"async+{url}", wrap_exceptions=True, **options)
    except (ConfigurationError, ValueError) as error:
        raise _unusable() from error
    if not isinstance(storage, Storage):
        raise _unusable()
    return storage


@asynccontextmanager
async def shared_counters(url: str) -> AsyncIterator[RateCounters]:
    """Counters in the store of this address; see `shared_storage`."""
    storage = shared_storage(url)
    try:
        yield SharedCounters(LocalCounters(storage))
    finally:
        with suppress(StorageError, OSError):
            await _close(storage)


def _unusable() -> SettingsInvalid:
    return SettingsInvalid(
        "RATE_LIMIT_STORAGE_URL names no store that can be used here: "
        "redis://host:6379/0 with rekindle[redis] installed."
    )


async def _close(storage: Storage) -> None:
    """The library has no way to close a store, so its client's connections are closed."""
    client = getattr(getattr(storage, "bridge", None), "storage", None)
    if client is not None:
        await client.aclose()


def _key(rate: Rate, key: str) -> str:
    return RateLimitItemPerSecond(rate.quota, rate.seconds).key_for(key)
