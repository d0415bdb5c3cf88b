"""Measures as one table for a person and one JSON for a program."""

import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from deploy.bench.goals import REQUIRED
from deploy.bench.machine import Machine
from deploy.bench.measures import Measure

_WIDTH = 190
"""Columns of a table that is written to a file; a terminal's own are taken where there is one."""
_COLUMNS = (
    *("what", "measured", "limit", "baseline, again", "spread", "ratio", "verdict"),
    *("n", "p50", "p95", "p99", "beside"),
)
_RIGHT = frozenset({"measured", "spread", "ratio", "n", "p50", "p95", "p99"})


def show(measures: Sequence[Measure], machine: Machine, console: Console | None = None) -> None:
    """Print the table.

    Args:
        measures: its rows, in order.
        machine: what it was measured on.
        console: where to; the standard output by default.
    """
    console = console or _console()
    table = Table(title=", ".join(f"{name} {value}" for name, value in machine.items()))
    for column in _COLUMNS:
        table.add_column(column, justify="right" if column in _RIGHT else "left", overflow="fold")
    for measure in measures:
        table.add_row(*_cells(measure))
    console.print(table)
    if absent := missing(measures):
        console.print(f"Not measured in this run: {', '.join(absent)}.")


def document(measures: Sequence[Measure], machine: Machine) -> dict[str, Any]:
    """Everything as a JSON object: `machine`, `rows`, and the names of rows that are `missing`."""
    return {
        "machine": machine,
        "rows": [_row(each) for each in measures],
        "missing": missing(measures),
    }


def write(measures: Sequence[Measure], machine: Machine, target: Path) -> None:
    """Write the JSON; its folder is made if missing."""
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(json.dumps(document(measures, machine), indent=2) + "\n")


def missing(measures: Sequence[Measure]) -> list[str]:
    """Names of the rows that a whole table has and this one lacks."""
    measured = {each.name for each in measures}
    return [name for name in REQUIRED if name not in measured]


def figure(value: float) -> str:
    """Three digits that matter, and no exponent."""
    if abs(value) >= 100:
        return f"{value:,.0f}"
    shown = f"{value:.3g}"
    return f"{value:.6f}".rstrip("0").rstrip(".") if "e" in shown else shown


def _console() -> Console:
    console = Console()
    return console if console.is_terminal else Console(width=_WIDTH)


def _cells(measure: Measure) -> list[str]:
    spreading = measure.distribution
    return [
        measure.what,
        f"{figure(measure.value)} {measure.unit}",
        _limit(measure),
        *_beside(measure),
        measure.verdict or "",
        str(measure.count),
        *(
            [figure(spreading.p50), figure(spreading.p95), figure(spreading.p99)]
            if spreading
            else [""] * 3
        ),
        measure.note,
    ]


def _limit(measure: Measure) -> str:
    if measure.limit is None:
        return ""
    sign = "at least" if measure.limit.at_least else "at most"
    return f"{sign} {figure(measure.limit.at)}"


def _beside(measure: Measure) -> tuple[str, str, str]:
    baseline, ratio = measure.baseline, measure.ratio
    if baseline is None:
        return "", "", ""
    both = f"{baseline.what}: {figure(baseline.before)}, {figure(baseline.again)} {baseline.unit}"
    return both.rstrip(), figure(baseline.spread), "" if ratio is None else figure(ratio)


def _row(measure: Measure) -> dict[str, Any]:
    row = asdict(measure)
    if measure.baseline is not None:
        row["baseline"] |= {"mean": measure.baseline.mean, "spread": measure.baseline.spread}
    return {**row, "ratio": measure.ratio, "verdict": measure.verdict}
