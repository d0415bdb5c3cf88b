"""Learning from past arrivals."""

from datetime import UTC, datetime

import pytest

from rekindle.rules.scaling import WINDOWS, Habits, learn
from rekindle.rules.scaling.forecast import late_share

MIDNIGHT = datetime(2026, 1, 5, tzinfo=UTC).timestamp()
DAY = 86_400


def at(hour: float) -> datetime:
    return datetime.fromtimestamp(MIDNIGHT + hour * 3600, UTC)


def test_without_arrivals_nothing_is_expected() -> None:
    assert Habits().rate(at(0), [0] * len(WINDOWS)) == 0


def test_a_steady_rate_is_expected_to_go_on_in_the_share_of_the_weights() -> None:
    steady = [0.1 * window for window in WINDOWS]
    assert Habits(weights=(0.2, 0.2, 0.2, 0.2, 0.2)).rate(at(0), steady) == pytest.approx(0.1)


def test_newer_arrivals_count_more() -> None:
    habits = Habits()
    assert habits.rate(at(0), [3, 3, 3, 3, 3]) > habits.rate(at(0), [0, 0, 0, 0, 3])


def test_the_usual_rate_of_a_quarter_hour_is_learned_from_whole_days() -> None:
    evening = [MIDNIGHT + day * DAY + 20 * 3600 + n for day in range(4) for n in range(90)]
    habits = learn(evening, until=MIDNIGHT + 4 * DAY, base=Habits(slot_weight=1.0))
    quiet = [0.0] * len(WINDOWS)
    assert habits.rate(at(20.1), quiet) == pytest.approx(0.1, rel=0.1)
    assert habits.rate(at(20.3), quiet) == 0
    assert habits.rate(at(12), quiet) == 0


def test_what_arrived_later_is_not_learned() -> None:
    arrivals = [MIDNIGHT + 10, MIDNIGHT + 2 * DAY + 50_000]
    known = learn(arrivals, until=MIDNIGHT + 2 * DAY)
    assert known == learn(arrivals[:1], until=MIDNIGHT + 2 * DAY)
    assert learn([], until=MIDNIGHT) == Habits()


def test_the_share_of_late_jobs_is_that_of_the_queue() -> None:
    assert late_share(1, 0.5, 0.0) == pytest.approx(0.5)  # M/M/1: the load
    assert late_share(2, 1.0, 0.0) == pytest.approx(1 / 3)  # Erlang C(2, 1)
    assert late_share(2, 1.0, 1.0) == pytest.approx(1 / 3 * 2.718281828**-1)
    assert late_share(0, 0.0, 1.0) == late_share(2, 2.0, 1.0) == 1.0
