"""What recent arrivals say of the next ones.

The expected rate is a weighted sum of the rates in the recent past, newer counting more: a person
who sent a request will probably send another within a minute or two, and people come in crowds.
"""

from collections.abc import Sequence
from dataclasses import dataclass

WINDOWS = (60.0, 180.0, 600.0, 1800.0, 3600.0)
"""Ends of the windows, in seconds before now, whose arrivals a forecast looks at."""


@dataclass(frozen=True)
class Habits:
    """A forecast of the arrival rate.

    The defaults were set in the laboratory (`docs/lab.md`), where what earlier days had at the same
    quarter-hour cost more than it saved, at weights of 0.05 and more.

    Attributes:
        weights: one per band between two neighbours of `WINDOWS`, newest first; what share of
            that band's rate is expected to go on.
    """

    weights: tuple[float, ...] = (0.2, 0.22, 0.22, 0.12, 0.03)

    def rate(self, counts: Sequence[float]) -> float:
        """Expected arrivals per second over the next minutes.

        Args:
            counts: arrivals within each of `WINDOWS` before now, so they ascend.
        """
        expected, begin, before = 0.0, 0.0, 0.0
        for weight, end, count in zip(self.weights, WINDOWS, counts, strict=True):
            expected += weight * (count - before) / (end - begin)
            begin, before = end, count
        return max(expected, 0.0)
