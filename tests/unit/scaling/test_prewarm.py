"""Cron pre-warm."""

from datetime import UTC, datetime, timedelta

import pytest

from rekindle.rules.scaling import Prewarm, parse_prewarm
from rekindle.rules.scaling.cron import prewarmed

MONDAY = datetime(2026, 1, 5, 8, 0, tzinfo=UTC)
SUNDAY = MONDAY - timedelta(days=1)


@pytest.mark.parametrize(
    ("expression", "moment", "matches"),
    [
        ("* * * * *", MONDAY, True),
        ("0 8 * * *", MONDAY, True),
        ("1 8 * * *", MONDAY, False),
        ("*/15 * * * *", MONDAY + timedelta(minutes=45), True),
        ("*/15 * * * *", MONDAY + timedelta(minutes=46), False),
        ("5/20 * * * *", MONDAY + timedelta(minutes=25), True),
        ("0-10/5 * * * *", MONDAY + timedelta(minutes=10), True),
        ("0-10/5 * * * *", MONDAY + timedelta(minutes=15), False),
        ("* 8-18 * * 1-5", MONDAY, True),
        ("* 8-18 * * 1-5", SUNDAY, False),
        ("* * * * 0", SUNDAY, True),
        ("* * * * 7", SUNDAY, True),
        ("* * * * 5-7", SUNDAY, True),
        ("* * * 2,3 *", MONDAY, False),
        ("* * 5 1 *", MONDAY, True),
    ],
)
def test_a_cron_expression_matches_its_minutes(
    expression: str, moment: datetime, matches: bool
) -> None:
    assert Prewarm.parse(expression, 1).matches(moment) is matches


def test_a_day_of_the_month_or_a_weekday_is_enough_when_both_are_given() -> None:
    entry = Prewarm.parse("* * 20 * 1", 1)
    assert entry.matches(MONDAY)
    assert entry.matches(MONDAY.replace(day=20))
    assert not entry.matches(MONDAY.replace(day=21))


NOT_CRON = (
    *("* * * *=1", "60 * * * *=1", "* * * * *", "* * * * *=x", "5-3 * * * *=1"),
    *("*/0 * * * *=1", "a * * * *=1", "* * 0 * *=1", "* * * * *=-1"),
)


@pytest.mark.parametrize("text", NOT_CRON)
def test_what_is_no_cron_entry_is_refused(text: str) -> None:
    with pytest.raises(ValueError):
        parse_prewarm(text)


def test_entries_are_separated_by_semicolons_and_the_highest_counts() -> None:
    entries = parse_prewarm("* 8-18 * * 1-5=2; 0-30 8 * * *=5;")
    assert prewarmed(entries, MONDAY, 0) == 5
    assert prewarmed(entries, MONDAY + timedelta(hours=1), 0) == 2
    assert prewarmed(entries, SUNDAY + timedelta(hours=12), 0) == 0
    assert prewarmed((), MONDAY, 600) == 0


def test_pods_are_wanted_one_boot_before_the_minute() -> None:
    entries = parse_prewarm("0 8 * * *=3")
    assert prewarmed(entries, MONDAY - timedelta(seconds=100), 120) == 3
    assert prewarmed(entries, MONDAY - timedelta(seconds=130), 120) == 0
    assert prewarmed(entries, MONDAY + timedelta(seconds=59), 120) == 3
    assert prewarmed(entries, MONDAY + timedelta(seconds=61), 120) == 0
