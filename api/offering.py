"""What the pods can run, remembered for a moment: the answer of most requests is the same."""

import asyncio
import time

import structlog

from api.graphs import NOTHING_KNOWN
from rekindle.errors import DatabaseUnavailable
from rekindle.rules.graphs import Runnable, runnable
from rekindle.store import pods
from rekindle.store.database import Database

_LOG = structlog.get_logger(__name__)

FRESH_SECONDS = 30.0


class PodGraphs:
    """What the pods can run, read at most every few seconds however many ask."""

    def __init__(self, database: Database, *, fresh_seconds: float = FRESH_SECONDS) -> None:
        """Know nothing yet.

        Args:
            fresh_seconds: for how long what was read is not read again.
        """
        self._database = database
        self._fresh_seconds = fresh_seconds
        self._known = NOTHING_KNOWN
        self._read_at: float | None = None
        self._turn = asyncio.Lock()

    async def known(self) -> Runnable:
        """What they can run, at most some seconds ago.

        While the database is away it is what was known last: a graph is not refused for that.
        """
        if not self._is_fresh():
            async with self._turn:
                if not self._is_fresh():  # whoever was before may have read it
                    await self._read()
        return self._known

    def _is_fresh(self) -> bool:
        return self._read_at is not None and time.monotonic() - self._read_at < self._fresh_seconds

    async def _read(self) -> None:
        try:
            async with self._database.transaction() as session:
                self._known = runnable(await pods.checked(session))
        except DatabaseUnavailable as error:
            _LOG.warning("pod graphs not read", why=str(error))
        self._read_at = time.monotonic()
