"""The same requests to a bare route and to ours, by turns, and how the two compare."""

import statistics
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

from deploy.bench.figures import Distribution
from deploy.bench.measures import Baseline, Limit, Measure

MEDIAN = "p50"
TAIL = "p99"
_WORDS = {MEDIAN: "median", TAIL: "p99"}


@dataclass(frozen=True)
class Round:
    """One turn of one side.

    Attributes:
        seconds: of each answer.
        cpu_seconds: that the side's process used meanwhile.
        refused: answers of another status.
        photos: that came in meanwhile.
    """

    seconds: Sequence[float]
    cpu_seconds: float
    refused: int = 0
    photos: int = 0

    def at(self, quantile: str) -> float:
        """Milliseconds at `MEDIAN` or `TAIL`."""
        found: float = getattr(Distribution.of([1000 * each for each in self.seconds]), quantile)
        return found


@dataclass(frozen=True)
class Rounds:
    """Both sides by turns; the bare side has the first turn and the last."""

    bare: Sequence[Round]
    ours: Sequence[Round]

    def ratio(self, quantile: str) -> float:
        """Ours over the bare turns before and after it; the median of all turns.

        Args:
            quantile: `MEDIAN` or `TAIL`.
        """
        bare = [each.at(quantile) for each in self.bare]
        return statistics.median(
            2 * each.at(quantile) / (bare[turn] + bare[turn + 1])
            for turn, each in enumerate(self.ours)
        )

    def row(self, name: str, what: str, quantile: str, *, beside: str = "bare app") -> Measure:
        """How many times the bare side's time ours is.

        Args:
            name: of the measure and its goal.
            what: was asked.
            quantile: `MEDIAN` or `TAIL`.
            beside: what the bare side is.
        """
        baseline, ratio = self._baseline(quantile, beside), self.ratio(quantile)
        return Measure(
            name,
            f"{what}: {_WORDS[quantile]}",
            ratio,
            "times",
            sum(len(each.seconds) for each in self.ours),
            Limit.fixed(name, doubt=ratio * baseline.spread / baseline.mean / 2),
            baseline,
            note=self._note(quantile),
        )

    def _baseline(self, quantile: str, beside: str) -> Baseline:
        found = [each.at(quantile) for each in self.bare]
        half = len(found) // 2
        before, again = (statistics.mean(part) for part in (found[:half], found[half:]))
        return Baseline(beside, before, again, unit="ms")

    def _note(self, quantile: str) -> str:
        times = ", ".join(f"{each.at(quantile):.1f}" for each in self.ours)
        photos = ", ".join(str(each.photos) for each in self.ours if each.photos)
        refused = sum(each.refused for each in (*self.bare, *self.ours))
        cpu = f"CPU {_cpu(self.ours):.2f} ms, bare {_cpu(self.bare):.2f}"
        told = [f"ours {times} ms", cpu]
        if photos:
            told.append(f"photos {photos}")
        if refused:
            told.append(f"{refused} refused")
        return "; ".join(told)


async def by_turns(
    count: int, bare: Callable[[], Awaitable[Round]], ours: Callable[[], Awaitable[Round]]
) -> Rounds:
    """Both sides by turns.

    Args:
        count: turns of ours; the bare side has one more.
        bare: has one turn.
        ours: the same.
    """
    plain, own = [], []
    for _ in range(count):
        plain.append(await bare())
        own.append(await ours())
    plain.append(await bare())
    return Rounds(plain, own)


def _cpu(rounds: Sequence[Round]) -> float:
    answers = sum(len(each.seconds) for each in rounds)
    return 1000 * sum(each.cpu_seconds for each in rounds) / answers
