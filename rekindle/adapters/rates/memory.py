"""Counts in this process."""

import time
from collections.abc import Callable
from dataclasses import dataclass

from limits.aio.storage import Storage

MOST_KEYS = 200_000
"""About 60 MB. Beyond it the oldest windows are forgotten: nobody fills the memory with keys."""

_FEWEST_SWEPT = 1024


@dataclass
class _Window:
    count: int
    ends_at: float


class MemoryCounts(Storage):
    """A store of the library whose every call takes the same short time, however many keys.

    Windows that are over are dropped whenever the number of keys has doubled.
    """

    STORAGE_SCHEME = None

    def __init__(
        self, *, clock: Callable[[], float] = time.time, most_keys: int = MOST_KEYS
    ) -> None:
        """Nothing is counted yet.

        Args:
            clock: tells seconds, as `time.time` does.
            most_keys: that are kept.
        """
        super().__init__()
        self._clock = clock
        self._most_keys = most_keys
        self._windows: dict[str, _Window] = {}
        self._sweep_at = _FEWEST_SWEPT

    def __len__(self) -> int:
        """The number of keys that are kept."""
        return len(self._windows)

    @property
    def base_exceptions(self) -> type[Exception]:
        """What the library would wrap; nothing of the kind happens here."""
        return OSError

    async def incr(self, key: str, expiry: int, amount: int = 1) -> int:
        """Count so many uses more, in a window of so many seconds; its count."""
        window = self._current(key)
        if window is None:
            self._make_room()
            window = self._windows[key] = _Window(0, self._clock() + expiry)
        window.count += amount
        return window.count

    async def get(self, key: str) -> int:
        """The count of the present window."""
        window = self._current(key)
        return window.count if window else 0

    async def get_expiry(self, key: str) -> float:
        """When the present window ends; now, if there is none."""
        window = self._current(key)
        return window.ends_at if window else self._clock()

    async def check(self) -> bool:
        """It is always there."""
        return True

    async def reset(self) -> int | None:
        """Forget everything; the number of keys there were."""
        count = len(self._windows)
        self._windows.clear()
        return count

    async def clear(self, key: str) -> None:
        """Forget one key."""
        self._windows.pop(key, None)

    def _current(self, key: str) -> _Window | None:
        window = self._windows.get(key)
        if window is not None and window.ends_at <= self._clock():
            del self._windows[key]
            return None
        return window

    def _make_room(self) -> None:
        if len(self._windows) >= min(self._sweep_at, self._most_keys):
            now = self._clock()
            self._windows = {k: w for k, w in self._windows.items() if w.ends_at > now}
            # At least a tenth at once, so that full memory is not swept at every use.
            excess = len(self._windows) - self._most_keys * 9 // 10
            for key in list(self._windows)[: max(excess, 0)]:
                del self._windows[key]
            self._sweep_at = max(_FEWEST_SWEPT, 2 * len(self._windows))
