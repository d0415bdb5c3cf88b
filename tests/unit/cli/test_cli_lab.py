"""`rekindle lab`."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from deploy.cli.main import app


@pytest.fixture
def trace(tmp_path: Path) -> Path:
    file = tmp_path / "trace.csv"
    jobs = (f"{minute * 60},{10 + minute % 40}" for minute in range(0, 2 * 1440, 7))
    file.write_text("\n".join(jobs))
    return file


def lab(*arguments: object) -> Result:
    return CliRunner().invoke(app, ["lab", *map(str, arguments)])


def test_it_compares_the_policy_with_its_rivals_and_draws_the_curve(
    trace: Path, tmp_path: Path
) -> None:
    picture = tmp_path / "curve.svg"
    asked = ("--trace", trace, "--train-days", 1, "--shuffle-days", "--fit")
    result = lab(*asked, "--json", "--plot", picture)
    assert result.exit_code == 0, result.output
    answer = json.loads(result.stdout)
    assert answer["trace"] == {"name": "trace.csv, days shuffled", "jobs": 412}
    assert answer["scored_days"] == [1, 2]
    assert answer["optimum_hours"] > 0
    assert [line["name"].split(",")[0] for line in answer["rekindle"]] == ["Rekindle"] * 5
    assert {"one to one, idle 120 s", "KEDA-like, backlog 5"} <= {
        line["name"] for line in answer["others"]
    }
    assert all(line["most_pods"] <= 100 for line in answer["rekindle"] + answer["others"])
    assert answer["rekindle"][3]["name"] == f"Rekindle, {answer['late_seconds']:g} s"
    assert picture.read_text().startswith("<svg")


def test_the_table_names_everybody() -> None:
    result = lab("--days", 2, "--train-days", 1, "--seed", 4, "--late-seconds", 700)
    assert result.exit_code == 0, result.output
    for name in ("Rekindle, 700 s", "one to one, idle 60 s", "queue delay 4 s, idle 60 s"):
        assert name in result.stdout


@pytest.mark.parametrize(
    ("content", "code", "exit_code"),
    [(None, "file_unusable", 2), ("a,b\nc,d\n", "file_unusable", 2), ("5,5\n", "failed", 1)],
    ids=["missing", "no trace", "nothing to score"],
)
def test_a_trace_that_cannot_be_used_is_told_with_its_code(
    tmp_path: Path, content: str | None, code: str, exit_code: int
) -> None:
    file = tmp_path / "trace.csv"
    if content is not None:
        file.write_text(content)
    result = lab("--trace", file, "--json")
    assert result.exit_code == exit_code
    assert json.loads(result.stdout)["code"] == code


def test_a_trace_and_the_twin_together_are_refused(trace: Path) -> None:
    assert lab("--trace", trace, "--twin").exit_code == 1


def test_a_knob_that_is_named_is_not_fitted_as_well(trace: Path) -> None:
    assert lab("--trace", trace, "--fit", "--late-seconds", 5).exit_code == 1
