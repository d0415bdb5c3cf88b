"""How often something may happen, and who counts."""

from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True)
class Rate:
    """So many uses in each window.

    Attributes:
        quota: uses; at least 1.
        seconds: length of the window, which begins with its first use.
    """

    quota: int
    seconds: int

    def times(self, factor: int) -> "Rate":
        """As many windows, with so many times the uses."""
        return Rate(self.quota * factor, self.seconds)


class RateCounters(Protocol):
    """Counts uses. A count that cannot be kept is no failure: it is kept less exactly.

    Keys tell nothing about whom they are for: they may lie in a store outside of this process.
    """

    async def use(self, rate: Rate, key: str) -> int:
        """Count one more use; the number of uses in this window, this one included.

        Uses beyond the quota are counted as well, and do not make the window longer.
        """
        ...

    async def used(self, rate: Rate, key: str) -> int:
        """The number of uses in this window."""
        ...

    async def seconds_left(self, rate: Rate, key: str) -> float:
        """How long this window still lasts, seconds; 0 when there is none."""
        ...
