"""What a pod said, line by line, for ``GET /v2/pods/{id}/logs``."""

from __future__ import annotations

import asyncio
from collections import deque
from dataclasses import dataclass

MOST_LINES = 5_000
CONTAINER, SYSTEM = "container", "system"


@dataclass(frozen=True)
class LogLine:
    """One line; ``number`` orders lines of one moment."""

    number: int
    at: float
    source: str
    text: str


class PodLog:
    """The last lines of one pod, and who waits for the next."""

    def __init__(self) -> None:
        self._lines: deque[LogLine] = deque(maxlen=MOST_LINES)
        self._waiting: list[asyncio.Future[None]] = []
        self._count = 0
        self.is_closed = False

    @property
    def is_watched(self) -> bool:
        """Whether somebody waits for the next line."""
        return bool(self._waiting)

    def add(self, at: float, source: str, text: str) -> None:
        """Add a line."""
        self._count += 1
        self._lines.append(LogLine(self._count, at, source, text))
        self._wake()

    def close(self) -> None:
        """Nothing more will come: the pod is gone."""
        self.is_closed = True
        self._wake()

    def after(self, number: int) -> list[LogLine]:
        """The lines behind that number."""
        return [line for line in self._lines if line.number > number]

    async def more(self) -> None:
        """Wait for the next line, or for the end."""
        if not self.is_closed:
            waiting = asyncio.get_running_loop().create_future()
            self._waiting.append(waiting)
            await waiting

    def _wake(self) -> None:
        waiting, self._waiting = self._waiting, []
        for one in waiting:
            if not one.done():
                one.set_result(None)
