"""The arithmetic of a bench: percentiles, slopes, busy time. Pure functions of what was read."""

import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Self

Run = tuple[float, float]
"""When a prompt began and when it ended, seconds by its engine's clock."""


@dataclass(frozen=True)
class Distribution:
    """What many measurements of one thing say, in the unit of each of them."""

    count: int
    p50: float
    p95: float
    p99: float

    @classmethod
    def of(cls, values: Sequence[float]) -> Self:
        """Percentiles by linear interpolation between the nearest ranks.

        Args:
            values: in any order, at least one.
        """
        if len(values) == 1:
            return cls(1, values[0], values[0], values[0])
        cuts = statistics.quantiles(values, n=100, method="inclusive")
        return cls(len(values), cuts[49], cuts[94], cuts[98])


def slope(points: Sequence[tuple[float, float]]) -> float:
    """By how much y grows with every x, by least squares.

    Args:
        points: (x, y), with at least two different x.
    """
    xs, ys = zip(*points, strict=True)
    return statistics.linear_regression(xs, ys).slope


def busy_ratio(lanes: Sequence[Sequence[Run]]) -> float:
    """Share of the time between the first start and the last end in which a lane was running.

    Args:
        lanes: the runs of each server.
    """
    runs = [run for lane in lanes for run in lane]
    worked = sum(ended - began for began, ended in runs)
    first, last = min(began for began, _ in runs), max(ended for _, ended in runs)
    return worked / (len(lanes) * (last - first))


def gaps(lanes: Sequence[Sequence[Run]]) -> list[float]:
    """Seconds between the end of a run and the start of the next one on the same server."""
    return [
        following[0] - earlier[1] for lane in lanes for earlier, following in pairwise(sorted(lane))
    ]


def clipped(lanes: Sequence[Sequence[Run]], window: Run) -> list[list[Run]]:
    """What lies within a window: runs that reach over its edges are cut there.

    Args:
        lanes: the runs of each server.
        window: from when to when.
    """
    begin, end = window
    return [
        [
            (max(began, begin), min(ended, end))
            for began, ended in sorted(lane)
            if began < end and ended > begin
        ]
        for lane in lanes
    ]


def busy_within(lanes: Sequence[Sequence[Run]], window: Run) -> float:
    """Share of a window in which a lane was running; see `clipped`."""
    worked = sum(ended - began for lane in clipped(lanes, window) for began, ended in lane)
    return worked / (len(lanes) * (window[1] - window[0]))


def idle_within(lanes: Sequence[Sequence[Run]], window: Run) -> list[float]:
    """Seconds of every stretch of a window in which a lane was not running; see `clipped`."""
    stretches = []
    for lane in clipped(lanes, window):
        edges = [(window[0], window[0]), *lane, (window[1], window[1])]
        stretches += [later[0] - earlier[1] for earlier, later in pairwise(edges)]
    return [seconds for seconds in stretches if seconds > 0]
