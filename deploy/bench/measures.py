"""One row: what was measured, beside its baseline of the same run and its limit."""

from dataclasses import dataclass
from enum import StrEnum

from deploy.bench.figures import Distribution
from deploy.bench.goals import GOALS


class Verdict(StrEnum):
    """Whether a limit was kept; `noisy` when this run cannot tell."""

    OK = "ok"
    OVER = "over"
    NOISY = "noisy"


@dataclass(frozen=True)
class Baseline:
    """The same thing done plainly, once before and once after what it is compared with.

    Attributes:
        what: in a word or two.
        before: measured.
        again: the same afterwards.
        unit: where it is not that of the row; such a baseline shows its spread, but no ratio.
    """

    what: str
    before: float
    again: float
    unit: str = ""

    @property
    def mean(self) -> float:
        """Of the two."""
        return (self.before + self.again) / 2

    @property
    def spread(self) -> float:
        """How far the two are apart: what differs by less than that is no result."""
        return abs(self.again - self.before)


@dataclass(frozen=True)
class Limit:
    """What a value must not exceed, or fall below.

    Attributes:
        at: in the unit of the row.
        at_least: a floor, not a ceiling.
        doubt: value and limit were made from baselines and may be off by so much; None for a
            figure that no baseline went into.
    """

    at: float
    at_least: bool = False
    doubt: float | None = None

    @classmethod
    def fixed(cls, name: str, *, doubt: float | None = None) -> "Limit":
        """The goal of that name, which does not depend on the run.

        Args:
            name: of a goal.
            doubt: see `Limit`.
        """
        goal = GOALS[name]
        return cls(goal.at, goal.at_least, doubt)


@dataclass(frozen=True)
class Measure:
    """One row.

    Attributes:
        name: stays the same from run to run; a goal has the name of its measure.
        what: in a few words.
        value: measured.
        unit: of the value, the limit, the baseline and the distribution.
        count: how many single measurements it stands on.
        limit: if there is a goal.
        baseline: of the same run, if there is something plainer to compare with.
        distribution: of the single measurements, where there are many.
        note: what else to know about it.
    """

    name: str
    what: str
    value: float
    unit: str
    count: int = 1
    limit: Limit | None = None
    baseline: Baseline | None = None
    distribution: Distribution | None = None
    note: str = ""

    @property
    def ratio(self) -> float | None:
        """Of the value to its baseline; None without one."""
        if self.baseline is None or self.baseline.unit or self.baseline.mean == 0:
            return None
        return self.value / self.baseline.mean

    @property
    def verdict(self) -> Verdict | None:
        """Whether the limit was kept; None without one."""
        return None if self.limit is None else judge(self.value, self.limit, self.baseline)


def judge(value: float, limit: Limit, baseline: Baseline | None) -> Verdict:
    """Whether a value keeps to its limit.

    What was made from baselines must keep to it by more than they leave in doubt, and there is no
    result where they differ by more than the value differs from them. A fixed limit that is kept
    is kept however noisy the machine; one missed by less than the baselines differ, and by a
    smaller share, may be noise.

    Args:
        value: measured.
        limit: in the same unit.
        baseline: of the same run; one in another unit says nothing here.
    """
    beyond = limit.at - value if limit.at_least else value - limit.at
    beside = None if baseline is None or baseline.unit else baseline
    spread = beside.spread if beside else 0.0
    if limit.doubt is None:
        share = spread / abs(beside.mean) if beside and beside.mean else 0.0
        unclear = 0 < beyond <= min(spread, share * limit.at)
    else:
        effect = abs(value - beside.mean) if beside else abs(value)
        unclear = abs(beyond) < limit.doubt or spread > effect
    if unclear:
        return Verdict.NOISY
    return Verdict.OVER if beyond > 0 else Verdict.OK
