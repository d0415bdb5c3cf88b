"""How often a cloud is asked about pods."""

from itertools import islice

from hypothesis import given
from hypothesis import strategies as st

from activities.pods.pace import next_look, pauses

MINUTE = 60.0


def test_pauses_grow_to_a_limit_and_stay_there() -> None:
    assert list(islice(pauses(0.5, 10.0), 8)) == [0.5, 1, 2, 4, 8, 10, 10, 10]
    assert list(islice(pauses(5.0, 2.0), 2)) == [2, 2]


def test_a_pod_that_does_not_go_takes_a_fraction_of_the_calls_of_a_minute() -> None:
    passed, looks = 0.0, 0
    for pause in pauses(0.5, 10.0):
        looks += 1
        passed += pause
        if passed >= MINUTE:
            break
    assert looks <= 10  # three calls each, of the sixty that all pods together may take


@given(st.floats(0, 1e7), st.floats(0.5, 60))
def test_the_next_look_is_not_earlier_and_not_much_later(now: float, every: float) -> None:
    assert now <= next_look(now, every) <= now + every * 1.001


@given(st.lists(st.floats(0, 0.999), min_size=2, max_size=20), st.integers(0, 10_000))
def test_pods_that_came_at_different_moments_are_looked_at_in_the_same_ones(
    shares: list[float], which: int
) -> None:
    every = 10.0
    assert len({next_look((which + share) * every, every) for share in shares}) == 1
