import pytest
from hypothesis import given
from hypothesis import strategies as st

from rekindle.errors import (
    ComfyUnavailable,
    DamagedPhoto,
    DatabaseUnavailable,
    GraphFailed,
    GraphRejected,
    ModelMissing,
    NoPod,
    ParameterOutOfRange,
    PodGone,
    PromptLost,
    RekindleError,
    StorageUnavailable,
    all_errors,
)
from rekindle.rules.retries import (
    MOST_LOSSES,
    MOST_MOVES,
    Step,
    Tally,
    after_error,
    pause_before_retry,
)


@pytest.mark.parametrize(
    "error", [DamagedPhoto(), ParameterOutOfRange(), GraphRejected(), ModelMissing()]
)
def test_what_cannot_get_better_fails_at_once(error: RekindleError) -> None:
    assert after_error(error, Tally(), max_retries=3) == (Step.FAIL, Tally())


def test_work_handed_to_a_pod_that_left_is_resubmitted_as_the_same_try() -> None:
    assert after_error(NoPod(), Tally(), max_retries=0) == (Step.RESUBMIT, Tally(moves=1))


@pytest.mark.parametrize("error", [PodGone(), PromptLost()])
def test_a_lost_try_is_repeated_even_when_failures_are_not(error: RekindleError) -> None:
    assert after_error(error, Tally(), max_retries=0) == (Step.NEW_TRY, Tally(losses=1))


@pytest.mark.parametrize("error", [StorageUnavailable(), DatabaseUnavailable()])
def test_a_part_that_is_away_is_waited_for_even_when_failures_are_not_retried(
    error: RekindleError,
) -> None:
    assert after_error(error, Tally(), max_retries=0) == (Step.WAIT, Tally(moves=1))


def test_zero_retries_fail_fast() -> None:
    assert after_error(GraphFailed(), Tally(), max_retries=0)[0] is Step.FAIL


def test_a_graph_failure_is_retried_as_often_as_allowed() -> None:
    tally = Tally()
    steps = []
    for _ in range(4):
        step, tally = after_error(GraphFailed(), tally, max_retries=3)
        steps.append(step)
    assert steps == [Step.NEW_TRY] * 3 + [Step.FAIL]


def test_an_unreachable_server_counts_as_a_failure_of_ours() -> None:
    assert after_error(ComfyUnavailable(), Tally(), max_retries=1)[0] is Step.NEW_TRY


@given(
    st.lists(st.sampled_from(sorted(all_errors())), min_size=1, max_size=400),
    st.integers(min_value=0, max_value=10),
)
def test_every_sequence_of_errors_ends(codes: list[str], max_retries: int) -> None:
    tally, spent = Tally(), 0
    for code in codes:
        step, tally = after_error(all_errors()[code](), tally, max_retries=max_retries)
        if step is Step.FAIL:
            break
        spent += 1
    assert spent <= max_retries + MOST_LOSSES + MOST_MOVES


@pytest.mark.parametrize(
    ("base", "pauses"), [(2.0, [2, 4, 8]), (3.0, [3, 9, 27]), (1.0, [1, 1, 1]), (0.0, [0, 0, 0])]
)
def test_each_retry_of_a_failing_graph_waits_longer_than_the_one_before(
    base: float, pauses: list[float]
) -> None:
    tally, waited = Tally(), []
    for _ in pauses:
        _, after = after_error(GraphFailed(), tally, max_retries=9)
        waited.append(pause_before_retry(tally, after, base=base))
        tally = after
    assert waited == pauses


@pytest.mark.parametrize("error", [PodGone(), PromptLost(), NoPod()])
def test_what_the_graph_is_not_to_blame_for_goes_on_at_once(error: RekindleError) -> None:
    before = Tally(failures=2)
    _, after = after_error(error, before, max_retries=9)
    assert pause_before_retry(before, after, base=2.0) == 0
