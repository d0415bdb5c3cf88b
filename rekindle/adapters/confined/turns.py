"""How many children run at once, and where each of them works."""

from __future__ import annotations

import asyncio
import shutil
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from rekindle.errors import DecoderBusy


class Turns:
    """So many at once, and the others wait. One instance serves one event loop."""

    def __init__(self, children: int, *, queue_seconds: float) -> None:
        """Make the turns.

        Args:
            children: how many at once.
            queue_seconds: longest wait for a turn.
        """
        self._turns = asyncio.Semaphore(children)
        self._queue_seconds = queue_seconds

    @asynccontextmanager
    async def turn(self, into: Path) -> AsyncIterator[Path]:
        """Wait for a turn; then lend a private directory beside the results.

        Args:
            into: the directory of the results; the private one vanishes from it afterwards.

        Raises:
            DecoderBusy: no turn came in time.
        """
        try:
            async with asyncio.timeout(self._queue_seconds):
                await self._turns.acquire()
        except TimeoutError:
            raise DecoderBusy(f"no turn in {self._queue_seconds} s") from None
        try:
            room = Path(tempfile.mkdtemp(prefix=".decoding-", dir=into))
            try:
                yield room
            finally:
                shutil.rmtree(room, ignore_errors=True)
        finally:
            self._turns.release()
