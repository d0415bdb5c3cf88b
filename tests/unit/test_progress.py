from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from rekindle.contracts.statuses import Stage
from rekindle.rules.progress import overall


@given(st.floats(-1, 2), st.floats(-1, 2))
def test_a_later_stage_is_never_behind_an_earlier_one(early: float, late: float) -> None:
    stages = list(Stage)
    for before, after in pairwise(stages):
        assert overall(before, early) <= overall(after, late)


def test_the_whole_ends_at_one() -> None:
    assert overall(Stage.FINALIZING, 1.0) == 1.0
    assert overall(Stage.QUEUED, 0.0) == 0.0
