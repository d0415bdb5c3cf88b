"""What was measured, as one table and one JSON."""

import json
import statistics
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from rich.console import Console
from rich.table import Table


@dataclass(frozen=True)
class Measure:
    """One row.

    Attributes:
        what: in a few words.
        value: measured.
        unit: of value and limit.
        count: how many single measurements it stands on.
        limit: what it must not exceed (or fall below, see `at_least`), if there is a goal.
        baseline: what the limit was made from, in words.
    """

    what: str
    value: float
    unit: str
    count: int
    limit: float | None = None
    at_least: bool = False
    baseline: str = ""

    @property
    def holds(self) -> bool | None:
        """Whether the goal was met; None without one."""
        if self.limit is None:
            return None
        return self.value >= self.limit if self.at_least else self.value <= self.limit


def spread(values: Sequence[float]) -> str:
    """Median, 10th and 90th percentile of at least two values, as words."""
    tenths = statistics.quantiles(values, n=10)
    return f"p10 {tenths[0]:.3f}, p50 {statistics.median(values):.3f}, p90 {tenths[-1]:.3f}"


def show(measures: Sequence[Measure], target: Path) -> None:
    """Print the table and write the JSON."""
    table = Table("what", "measured", "goal", "", "n", "beside")
    for each in measures:
        sign = "at least" if each.at_least else "at most"
        goal = "" if each.limit is None else f"{sign} {each.limit:.3g} {each.unit}"
        mark = {None: "", True: "ok", False: "MISSED"}[each.holds]
        value = f"{each.value:.3g} {each.unit}"
        table.add_row(each.what, value, goal, mark, str(each.count), each.baseline)
    Console().print(table)
    target.parent.mkdir(parents=True, exist_ok=True)
    rows = [{**asdict(each), "holds": each.holds} for each in measures]
    target.write_text(json.dumps(rows, indent=2) + "\n")
