"""A trace: when jobs arrived and how long each held a GPU."""

import csv
from bisect import bisect_left
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

DAY = 86_400.0
PAID, FREE = 2, 3


@dataclass(frozen=True)
class Trace:
    """Jobs in the order of their arrival.

    Attributes:
        arrivals: seconds since the midnight (UTC) on which the trace begins, ascending.
        durations: GPU seconds of each.
        priorities: of each, most urgent lowest; `PAID` and less is paid work.
    """

    arrivals: tuple[float, ...]
    durations: tuple[float, ...]
    priorities: tuple[int, ...]

    def __post_init__(self) -> None:
        """Check the order, which everything relies on.

        Raises:
            ValueError: not ascending, or a time that cannot be.
        """
        if not len(self.arrivals) == len(self.durations) == len(self.priorities):
            raise ValueError("a trace needs an arrival, a duration and a priority for each job")
        if any(later < earlier for earlier, later in pairwise(self.arrivals)):
            raise ValueError("the arrivals of a trace ascend")
        if any(not 0 < duration < float("inf") for duration in self.durations):
            raise ValueError("the durations of a trace are positive seconds")
        if self.arrivals and not 0 <= self.arrivals[0] <= self.arrivals[-1] < float("inf"):
            raise ValueError("the arrivals of a trace are seconds from 0 on")

    @property
    def days(self) -> float:
        """Whole days it reaches into."""
        return float(int(self.arrivals[-1] // DAY) + 1) if self.arrivals else 0.0


def beginning(trace: Trace, end: float) -> Trace:
    """The jobs that arrive before `end`, seconds."""
    count = bisect_left(trace.arrivals, end)
    return Trace(trace.arrivals[:count], trace.durations[:count], trace.priorities[:count])


def made_of(jobs: list[tuple[float, float, int]]) -> Trace:
    """A trace of (arrival, duration, priority) in any order."""
    jobs = sorted(jobs)
    return Trace(
        tuple(job[0] for job in jobs), tuple(job[1] for job in jobs), tuple(job[2] for job in jobs)
    )


def read_csv(path: Path) -> Trace:
    """Read lines `arrival_seconds,duration_seconds[,priority]`; a first line of words is skipped.

    Raises:
        OSError: it cannot be read.
        ValueError: a line is something else; it is named.
    """
    jobs = []
    with path.open(newline="", encoding="utf-8") as lines:
        for number, row in enumerate(csv.reader(lines), start=1):
            if not row or (number == 1 and not _is_number(row[0])):
                continue
            try:
                priority = int(row[2]) if len(row) > 2 and row[2].strip() else FREE
                jobs.append((float(row[0]), float(row[1]), priority))
            except (ValueError, IndexError):
                raise ValueError(f"line {number} is not arrival_seconds,duration_seconds") from None
    if not jobs:
        raise ValueError("there is no job in it")
    return made_of(jobs)


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True
