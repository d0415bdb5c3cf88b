import pytest

from deploy.bench.figures import (
    Distribution,
    busy_ratio,
    busy_within,
    clipped,
    gaps,
    idle_within,
    slope,
)


def test_percentiles_lie_between_the_nearest_ranks() -> None:
    found = Distribution.of([float(number) for number in range(100, -1, -1)])
    assert (found.count, found.p50, found.p95, found.p99) == (101, 50.0, 95.0, 99.0)
    assert Distribution.of([1.0, 2.0]).p50 == 1.5


def test_a_single_value_is_all_its_percentiles() -> None:
    assert Distribution.of([7.0]) == Distribution(1, 7.0, 7.0, 7.0)


def test_the_slope_is_that_of_the_best_line() -> None:
    assert slope([(1, 10.0), (8, 24.0)]) == pytest.approx(2.0)
    # Two readings at one place count as their mean.
    assert slope([(1, 9.0), (1, 11.0), (8, 24.0)]) == pytest.approx(2.0)
    assert slope([(100, 5.0), (1000, 5.0)]) == pytest.approx(0.0)


def test_time_without_a_prompt_is_not_busy_on_any_server() -> None:
    assert busy_ratio([[(0.0, 2.0), (2.0, 4.0)]]) == pytest.approx(1.0)
    assert busy_ratio([[(0.0, 4.0)], [(1.0, 3.0)]]) == pytest.approx(6 / 8)


def test_gaps_are_between_prompts_of_the_same_server_in_their_order() -> None:
    lanes = [[(5.0, 6.0), (0.0, 2.0), (2.5, 4.0)], [(0.0, 1.0)]]
    assert gaps(lanes) == pytest.approx([0.5, 1.0])


def test_runs_that_reach_over_the_edges_of_a_window_are_cut_there() -> None:
    lanes = [[(5.0, 9.0), (0.0, 2.0), (2.5, 4.0)], [(6.0, 7.0)]]
    assert clipped(lanes, (1.0, 6.0)) == [[(1.0, 2.0), (2.5, 4.0), (5.0, 6.0)], []]


def test_a_lane_idles_before_its_first_run_and_after_its_last_one_too() -> None:
    lanes = [[(1.0, 3.0), (4.0, 6.0)], []]
    assert idle_within(lanes, (0.0, 8.0)) == pytest.approx([1.0, 1.0, 2.0, 8.0])
    assert busy_within(lanes, (0.0, 8.0)) == pytest.approx(4 / 16)


def test_runs_without_a_pause_leave_nothing_idle() -> None:
    assert idle_within([[(0.0, 2.0), (2.0, 5.0)]], (1.0, 4.0)) == []
