"""How times, money and shares are shown, and what `rekindle costs` and `fleet drain` accept."""

from decimal import Decimal

import pytest
from typer.testing import CliRunner

from deploy.cli.main import app
from deploy.cli.units import counted, dollars, duration, percent, print_table


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [
        (None, "-"),
        (0, "0.0 s"),
        (Decimal("59.94"), "59.9 s"),
        (61.2, "1 min 01 s"),
        (3_725, "1 h 02 min"),
        (100_000, "1 d 03 h"),
    ],
)
def test_times_have_units(seconds: float | Decimal | None, shown: str) -> None:
    assert duration(seconds) == shown


@pytest.mark.parametrize(
    ("usd", "shown"),
    [
        (None, "-"),
        ("0", "$0.00"),
        ("0.00034", "$0.0003"),
        ("1.5", "$1.50"),
        ("1234.567", "$1234.57"),
    ],
)
def test_small_money_has_more_digits(usd: str | None, shown: str) -> None:
    assert dollars(None if usd is None else Decimal(usd)) == shown


def test_shares_are_percentages() -> None:
    assert (percent(None), percent(Decimal("0.9349"))) == ("-", "93.5%")


def test_a_table_is_never_cut(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "20")
    long = "a-name-that-is-longer-than-the-terminal"
    print_table(("name", "money"), [(long, "$1.00")])
    assert f"{long}  $1.00" in capsys.readouterr().out


@pytest.mark.parametrize("since", ["7", "0d", "d", "7 d", "-1h", "1y", "99999w"])
def test_a_length_of_time_that_is_none_is_a_usage_error(since: str) -> None:
    assert CliRunner().invoke(app, ["costs", f"--since={since}"]).exit_code == 2


@pytest.mark.parametrize(
    "arguments", [[], ["--all", "--class", "image"], ["--number", "1"], ["--all", "--number", "1"]]
)
def test_what_to_drain_must_be_said_clearly(arguments: list[str]) -> None:
    assert CliRunner().invoke(app, ["fleet", "drain", *arguments]).exit_code == 2


@pytest.mark.parametrize(
    ("count", "shown"), [(0, "no orders"), (1, "1 order"), (2, "2 orders"), (11, "11 orders")]
)
def test_what_is_counted_is_one_or_many(count: int, shown: str) -> None:
    assert counted(count, "order") == shown
