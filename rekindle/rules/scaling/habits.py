"""What past arrivals teach about the next ones: a small frozen model of one GPU class.

The expected rate is a weighted sum of the rates in the recent past, newer counting more (a person
who sent a request will probably send another within a minute or two), and of the rate that earlier
days had at this time of day.
"""

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

WINDOWS = (60.0, 180.0, 600.0, 1800.0, 3600.0)
"""Ends of the windows, in seconds before now, whose arrivals a forecast looks at."""

DAY = 86_400
SLOT_SECONDS = 900
SLOTS = 96
"""Quarter-hours of a day (UTC)."""


@dataclass(frozen=True)
class Habits:
    """A forecast of the arrival rate.

    Attributes:
        weights: one per band between two neighbours of `WINDOWS`, newest first; what share of
            that band's rate is expected to go on.
        slot_weight: the same for the usual rate at this time of day.
        slots: usual arrivals per second in each quarter-hour of the day; empty when not learned.
    """

    weights: tuple[float, ...] = (0.13, 0.17, 0.25, 0.15, 0.05)
    slot_weight: float = 0.0
    slots: tuple[float, ...] = ()

    def rate(self, now: datetime, counts: Sequence[float]) -> float:
        """Expected arrivals per second over the next minutes.

        Args:
            now: aware; its time of day in UTC chooses the slot.
            counts: arrivals within each of `WINDOWS` before now, so they ascend.
        """
        expected, begin, before = 0.0, 0.0, 0.0
        for weight, end, count in zip(self.weights, WINDOWS, counts, strict=False):
            expected += weight * (count - before) / (end - begin)
            begin, before = end, count
        if self.slots:
            second = int(now.timestamp()) % (SLOT_SECONDS * SLOTS)
            expected += self.slot_weight * self.slots[second // SLOT_SECONDS]
        return max(expected, 0.0)


def learn(arrivals: Sequence[float], *, until: float, base: Habits | None = None) -> Habits:
    """Learn the habits of a class from when its jobs arrived.

    Args:
        arrivals: ascending Unix times in seconds, of some whole days (UTC) before `until`.
        until: a midnight (UTC); Unix time in seconds. Later arrivals are not looked at.
        base: what is assumed for the weights.
    """
    base = base or Habits()
    if not arrivals:
        return base
    days = max(until // DAY - arrivals[0] // DAY, 1.0)
    slots = [0.0] * SLOTS
    for arrival in arrivals[: bisect_left(arrivals, until)]:
        slots[int(arrival) % DAY // SLOT_SECONDS] += 1 / (days * SLOT_SECONDS)
    return Habits(base.weights, base.slot_weight, tuple(slots))
