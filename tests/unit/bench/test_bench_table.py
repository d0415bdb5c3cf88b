import json
from io import StringIO
from pathlib import Path

from rich.console import Console

from deploy.bench.goals import COUNTED, FANOUT, GOALS, REQUIRED
from deploy.bench.machine import Machine, this_machine
from deploy.bench.measures import Measure
from deploy.bench.table import figure, missing, show, write

Rows = dict[str, Measure]


def shown(measures: Rows, machine: Machine) -> str:
    text = StringIO()
    show(list(measures.values()), machine, Console(file=text, width=240))
    return text.getvalue()


def test_every_part_together_measures_every_goal_and_count(measures: Rows) -> None:
    assert missing(list(measures.values())) == []
    assert set(measures) >= {*GOALS, *COUNTED, FANOUT}


def test_every_goal_is_judged_by_its_own_figure(measures: Rows) -> None:
    for goal in GOALS.values():
        row = measures[goal.name]
        assert row.limit is not None
        assert row.verdict is not None
        assert row.limit.at_least == goal.at_least
        if not goal.beyond_baseline:
            assert (row.limit.at, row.unit) == (goal.at, goal.unit)


def test_the_table_has_a_line_for_every_row(measures: Rows, machine: Machine) -> None:
    lines = shown(measures, machine).splitlines()
    for row in measures.values():
        line = next(line for line in lines if f" {row.what} " in line)
        cells = [cell.strip() for cell in line.split("│")[1:-1]]
        assert cells[1] == f"{figure(row.value)} {row.unit}".strip()
        assert cells[6] == (row.verdict or "")
        assert cells[7] == str(row.count)
        if row.baseline is not None:
            assert figure(row.baseline.before) in cells[3]
            assert figure(row.baseline.again) in cells[3]
            assert cells[4] == figure(row.baseline.spread)
        if row.distribution is not None:
            assert cells[8:11] == [
                figure(value)
                for value in (row.distribution.p50, row.distribution.p95, row.distribution.p99)
            ]
    assert "Not measured" not in shown(measures, machine)


def test_a_single_part_says_what_it_left_out(measures: Rows, machine: Machine) -> None:
    part = {name: measures[name] for name in COUNTED}
    told = shown(part, machine)
    assert "Not measured in this run" in told
    assert all(name in told for name in REQUIRED if name not in COUNTED)


def test_the_json_carries_every_row_whole(measures: Rows, machine: Machine, tmp_path: Path) -> None:
    target = tmp_path / "out" / "bench.json"
    write(list(measures.values()), machine, target)
    read = json.loads(target.read_text())
    assert read["machine"] == machine
    assert read["missing"] == []
    rows = {row["name"]: row for row in read["rows"]}
    assert list(rows) == list(measures)
    gap = rows["gap"]
    assert gap["limit"] == {"at": 60, "at_least": False, "doubt": None}
    assert set(gap["baseline"]) >= {"what", "before", "again", "mean", "spread"}
    assert set(gap["distribution"]) == {"count", "p50", "p95", "p99"}
    assert gap["verdict"] == "ok"
    assert set(gap) == {
        *("name", "what", "value", "unit", "count", "limit", "baseline", "distribution", "note"),
        *("ratio", "verdict"),
    }


def test_the_facts_of_the_machine_do_not_name_it() -> None:
    facts = this_machine()
    assert set(facts) == {"cores", "python", "system", "load"}
    assert facts["cores"] >= 1


def test_figures_are_short_and_have_no_exponent() -> None:
    shown = [figure(value) for value in (1234.5, 99.95, 0.0, 0.000268, 0.00001, 23)]
    assert shown == ["1,234", "100", "0", "0.000268", "0.00001", "23"]
