"""The zero-wait optimum, by hand."""

import pytest

from deploy.lab.optimum import zero_wait_optimum
from deploy.lab.trace import FREE, Trace, made_of

BOOT = 120.0


def optimum(*jobs: tuple[float, float]) -> float:
    trace = made_of([(arrival, duration, FREE) for arrival, duration in jobs])
    return zero_wait_optimum(trace, BOOT, begin=0, end=1e9)


def test_a_short_gap_is_waited_through_and_a_long_one_costs_a_boot() -> None:
    assert optimum((0, 10), (60, 10)) == pytest.approx(20 + 50)
    assert optimum((0, 10), (1000, 10)) == pytest.approx(20 + BOOT)


def test_each_level_of_concurrency_has_gaps_of_its_own() -> None:
    # Level 1 works 0-100 and 110-210; level 2 works 50-60 and 150-160.
    jobs = ((0, 100), (50, 10), (110, 100), (150, 10))
    assert optimum(*jobs) == pytest.approx(220 + 10 + 90)


def test_a_job_that_begins_when_another_ends_needs_no_second_pod() -> None:
    assert optimum((0, 10), (10, 10)) == pytest.approx(20)


def test_only_jobs_of_the_scored_time_count() -> None:
    trace = made_of([(0, 10, FREE), (500, 10, FREE), (900, 10, FREE)])
    assert zero_wait_optimum(trace, BOOT, begin=400, end=900) == pytest.approx(10)
    assert zero_wait_optimum(trace, BOOT, begin=2000, end=3000) == 0
    assert zero_wait_optimum(Trace((), (), ()), BOOT, begin=0, end=1) == 0
