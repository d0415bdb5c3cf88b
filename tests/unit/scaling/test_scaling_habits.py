"""What recent arrivals say of the next ones."""

import pytest

from rekindle.rules.scaling import WINDOWS, Habits
from rekindle.rules.scaling.forecast import late_share


def test_without_arrivals_nothing_is_expected() -> None:
    assert Habits().rate([0] * len(WINDOWS)) == 0


def test_a_steady_rate_is_expected_to_go_on_in_the_share_of_the_weights() -> None:
    steady = [0.1 * window for window in WINDOWS]
    assert Habits(weights=(0.2, 0.2, 0.2, 0.2, 0.2)).rate(steady) == pytest.approx(0.1)


def test_newer_arrivals_count_more() -> None:
    habits = Habits()
    assert habits.rate([3, 3, 3, 3, 3]) > habits.rate([0, 0, 0, 0, 3])


def test_a_rate_that_fell_is_not_expected_to_be_negative() -> None:
    assert Habits(weights=(-1.0, 0, 0, 0, 0)).rate([9, 9, 9, 9, 9]) == 0


def test_the_share_of_late_jobs_is_that_of_the_queue() -> None:
    assert late_share(1, 0.5, 0.0) == pytest.approx(0.5)  # M/M/1: the load
    assert late_share(2, 1.0, 0.0) == pytest.approx(1 / 3)  # Erlang C(2, 1)
    assert late_share(2, 1.0, 1.0) == pytest.approx(1 / 3 * 2.718281828**-1)
    assert late_share(0, 0.0, 1.0) == late_share(2, 2.0, 1.0) == 1.0
