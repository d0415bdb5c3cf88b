"""Time that can be moved: every wait of the simulator is a timer of this clock."""

from __future__ import annotations

import asyncio
import heapq
import time
from collections.abc import Callable
from dataclasses import dataclass, field


@dataclass(order=True)
class Timer:
    """Something that happens at a moment, unless it is cancelled before."""

    when: float
    order: int
    callback: Callable[[], object] = field(compare=False)
    is_cancelled: bool = field(default=False, compare=False)

    def cancel(self) -> None:
        """Make it not happen; nothing changes if it already has."""
        self.is_cancelled = True


class Clock:
    """Unix seconds that can be advanced, and timers that follow.

    A timer's callback sees the moment it was due, not the moment the loop got round to it, so
    chains of timers add up exactly on a busy machine too. Callbacks run in the event loop, in
    the order in which they are due, and must not wait.

    Args:
        is_frozen: Time moves only by ``advance``.
        base: What the time is, in Unix seconds.
    """

    def __init__(self, *, is_frozen: bool = False, base: Callable[[], float] = time.time) -> None:
        self._base = base
        self._offset = 0.0
        self._pinned: float | None = None
        self._frozen_at = base() if is_frozen else None
        self._timers: list[Timer] = []
        self._count = 0
        self._alarm: asyncio.TimerHandle | None = None
        self._alarm_at = 0.0

    def now(self) -> float:
        """The time in Unix seconds."""
        if self._pinned is not None:
            return self._pinned
        return (self._base() if self._frozen_at is None else self._frozen_at) + self._offset

    def call_later(self, seconds: float, callback: Callable[[], object]) -> Timer:
        """Have something done so many seconds from now."""
        self._count += 1
        timer = Timer(self.now() + max(0.0, seconds), self._count, callback)
        heapq.heappush(self._timers, timer)
        self._set_alarm()
        return timer

    async def sleep(self, seconds: float) -> None:
        """Wait for so many seconds of this clock."""
        due: asyncio.Future[None] = asyncio.get_running_loop().create_future()

        def wake() -> None:
            if not due.done():
                due.set_result(None)

        timer = self.call_later(seconds, wake)
        try:
            await due
        finally:
            timer.cancel()

    def advance(self, seconds: float) -> None:
        """Move time forward; what becomes due happens on the way, each thing at its moment."""
        target = self.now() + seconds
        self._run_until(target)
        self._offset += seconds
        self._set_alarm()

    def _run_until(self, target: float) -> None:
        try:
            while self._timers and self._timers[0].when <= target:
                timer = heapq.heappop(self._timers)
                if not timer.is_cancelled:
                    self._pinned = timer.when
                    timer.callback()
        finally:
            self._pinned = None

    def _set_alarm(self) -> None:
        """Wake up for the earliest timer."""
        if self._frozen_at is not None or self._pinned is not None or not self._timers:
            return
        when = self._timers[0].when
        if self._alarm is not None:
            if self._alarm_at <= when - self._offset:
                return
            self._alarm.cancel()
        self._alarm_at = when - self._offset
        loop = asyncio.get_running_loop()
        self._alarm = loop.call_later(max(0.0, when - self.now()), self._ring)

    def _ring(self) -> None:
        self._alarm = None
        self._run_until(self.now())
        self._set_alarm()
