"""When ComfyUI is interrupted or ended, look by look."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rekindle.errors import ComfyUnavailable
from rekindle.ports.comfy import QueueState
from worker.agent.gate import PromptGate
from worker.agent.recycle import Judge, Limits, Sight, Verdict

LIMITS = Limits(growth_mb=100, hung_seconds=60, interrupt_seconds=10, rest_seconds=30)
IDLE = QueueState()
BUSY = QueueState(running=frozenset({"a"}))
WAITING = QueueState(pending=frozenset({"b"}))


def look(
    at: float, queue: QueueState | None, *, sign: float = 0.0, grown: int | None = None
) -> Sight:
    return Sight(at, queue, sign, grown)


def verdicts(*sights: Sight) -> list[Verdict]:
    judge = Judge(LIMITS, at=0.0)
    return [judge.verdict(sight) for sight in sights]


def test_a_prompt_without_a_sign_is_interrupted_once_then_the_process_ended() -> None:
    assert verdicts(
        look(1, BUSY), look(60, BUSY), look(62, BUSY), look(70, BUSY), look(73, BUSY)
    ) == [Verdict.KEEP, Verdict.KEEP, Verdict.INTERRUPT, Verdict.KEEP, Verdict.END_HUNG]


def test_a_sign_of_life_gives_it_time_again() -> None:
    assert verdicts(look(1, BUSY), look(100, BUSY, sign=90), look(151, BUSY, sign=90)) == [
        Verdict.KEEP,
        Verdict.KEEP,
        Verdict.INTERRUPT,
    ]


def test_the_next_prompt_begins_with_all_its_time() -> None:
    other = QueueState(running=frozenset({"z"}))
    assert verdicts(look(1, BUSY), look(62, BUSY), look(63, other), look(122, other)) == [
        Verdict.KEEP,
        Verdict.INTERRUPT,
        Verdict.KEEP,
        Verdict.KEEP,
    ]


def test_a_server_that_answers_nothing_at_all_is_ended() -> None:
    assert verdicts(look(1, IDLE), look(61, None), look(62, None)) == [
        Verdict.KEEP,
        Verdict.KEEP,
        Verdict.END_HUNG,
    ]


def test_a_server_that_only_shows_progress_is_kept() -> None:
    assert verdicts(look(1, BUSY), look(100, None, sign=99))[-1] is Verdict.KEEP


def test_growth_counts_only_after_a_rest() -> None:
    assert verdicts(
        look(1, BUSY, grown=500, sign=1),
        look(2, IDLE, grown=500),
        look(30, IDLE, grown=500),
        look(31, IDLE, grown=500),
    ) == [Verdict.KEEP, Verdict.KEEP, Verdict.KEEP, Verdict.END_GROWN]


@pytest.mark.parametrize("grown", [None, 0, 100])
def test_a_server_that_has_not_grown_is_kept(grown: int | None) -> None:
    assert verdicts(look(3600, IDLE, grown=grown)) == [Verdict.KEEP]


@given(
    st.lists(
        st.tuples(
            st.floats(0, 50),
            st.sampled_from([IDLE, BUSY, WAITING, None]),
            st.booleans(),
            st.integers(0, 1000),
        )
    )
)
def test_memory_never_ends_a_server_with_work(
    steps: list[tuple[float, QueueState | None, bool, int]],
) -> None:
    judge, at, sign, busy_at = Judge(LIMITS, at=0.0), 0.0, 0.0, 0.0
    for seconds, queue, signs, grown in steps:
        at += seconds
        sign = at if signs else sign
        busy_at = at if queue in (BUSY, WAITING) else busy_at
        verdict = judge.verdict(look(at, queue, sign=sign, grown=grown))
        if verdict is Verdict.END_GROWN:
            assert queue == IDLE
            assert at - busy_at >= LIMITS.rest_seconds
        if verdict in (Verdict.INTERRUPT, Verdict.END_HUNG):
            assert queue in (BUSY, None)


def test_the_gate_lets_nobody_in_while_it_is_closed_and_knows_who_is_inside() -> None:
    gate = PromptGate()
    with gate.closed() as is_empty:
        assert is_empty
        with pytest.raises(ComfyUnavailable), gate.passing():
            pass
    with gate.passing(), gate.closed() as is_empty:
        assert not is_empty
    with gate.passing():
        pass
