"""Traces: reading, the twin, copies."""

from pathlib import Path

import numpy as np
import pytest

from deploy.lab.trace import DAY, FREE, PAID, Trace, beginning, read_csv
from deploy.lab.twin import copies, shuffled, twin


def test_a_file_of_lines_is_read_in_order_of_arrival(tmp_path: Path) -> None:
    file = tmp_path / "trace.csv"
    file.write_text("arrival_seconds,duration_seconds,priority\n90000,12.5\n10,3,2\n\n20,4,\n")
    trace = read_csv(file)
    assert trace == Trace((10, 20, 90000), (3, 4, 12.5), (PAID, FREE, FREE))
    assert trace.days == 2


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("1,2\nx,3\n", "line 2"),
        ("1\n", "line 1"),
        ("1,2,paid\n", "line 1"),
        ("arrival,duration\n", "no job"),
        ("1,0\n", "positive"),
        ("1,-3\n", "positive"),
        ("-5,3\n", "from 0"),
        ("1,nan\n", "positive"),
        ("inf,3\n", "from 0"),
    ],
)
def test_a_file_of_something_else_is_refused_with_its_reason(
    tmp_path: Path, text: str, sentence: str
) -> None:
    file = tmp_path / "trace.csv"
    file.write_text(text)
    with pytest.raises(ValueError, match=sentence):
        read_csv(file)


def test_the_twin_has_the_shape_of_the_service_it_stands_for() -> None:
    trace = twin(0)
    arrivals, durations = np.array(trace.arrivals), np.array(trace.durations)
    gaps = np.diff(arrivals)
    assert 22_000 < len(arrivals) < 28_000
    assert 110 < gaps.var() / gaps.mean() ** 2 < 190
    assert 0.38 < durations.sum() / (trace.days * DAY) < 0.48
    assert 20 <= np.median(durations) <= 26
    minutes = np.bincount((arrivals // 60).astype(int), minlength=19 * 1440)
    assert 0.62 < (minutes == 0).mean() < 0.70
    assert (durations.min(), durations.max() <= 567) == (3, True)


def test_the_same_seed_is_the_same_trace() -> None:
    assert twin(3, days=2) == twin(3, days=2)
    assert twin(3, days=2) != twin(4, days=2)


def test_the_flash_can_be_left_out() -> None:
    assert len(twin(0).arrivals) - len(twin(0, flash=0).arrivals) == 151


def test_the_crowd_can_be_three_times_as_large() -> None:
    assert len(twin(0, flash=3).arrivals) - len(twin(0).arrivals) == 2 * 151


def test_shuffled_days_are_the_same_days_in_another_order() -> None:
    trace = twin(2, days=9)
    mixed = shuffled(trace, 1)
    days = [np.bincount((np.array(t.arrivals) // DAY).astype(int)).tolist() for t in (trace, mixed)]
    assert days[0] != days[1]
    assert sorted(days[0]) == sorted(days[1])
    assert sorted(trace.durations) == sorted(mixed.durations)
    assert mixed == shuffled(trace, 1)


def test_the_beginning_of_a_trace_ends_where_it_is_told_to() -> None:
    trace = twin(1, days=2)
    first = beginning(trace, DAY)
    assert 0 < len(first.arrivals) < len(trace.arrivals)
    assert (first.days, first.arrivals[-1] < DAY) == (1, True)


def test_copies_carry_the_load_of_so_many_services() -> None:
    trace = twin(1, days=4)
    assert copies(trace, 1, 1) is trace
    tenfold = copies(trace, 10, 1)
    assert len(tenfold.arrivals) == 10 * len(trace.arrivals)
    assert tenfold.days == trace.days
    assert tenfold == copies(trace, 10, 1)
