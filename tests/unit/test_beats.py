"""Heartbeats of work that tells how far it is more often than a server wants to know."""

from uuid import uuid4

import pytest
from temporalio.testing import ActivityEnvironment

from activities import beating
from activities.beating import Beats
from rekindle.contracts.renders import RunBeat
from rekindle.contracts.statuses import Stage

PROMPT = uuid4()


def details(fraction: float) -> RunBeat:
    return RunBeat(pod_id="p", prompt_id=PROMPT, stage=Stage.RENDERING, fraction=fraction)


def beaten(told: list[tuple[float, str]]) -> list[float]:
    """The fractions that went out of those that were told, each in a phase."""
    sent: list[float] = []
    environment = ActivityEnvironment()
    environment.on_heartbeat = lambda beat: sent.append(beat.fraction)
    beats = Beats()

    def work() -> None:
        for fraction, phase in told:
            beats.beat(details(fraction), phase)

    environment.run(work)
    return sent


def test_progress_within_a_phase_is_no_reason_to_beat_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(beating, "_BEAT_SECONDS", 3600.0)
    assert beaten([(0.0, "a"), (0.1, "a"), (0.2, "a")]) == [0.0]


def test_another_phase_is_beaten_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(beating, "_BEAT_SECONDS", 3600.0)
    assert beaten([(0.0, "a"), (0.1, "a"), (0.2, "b"), (0.3, "b")]) == [0.0, 0.2]


def test_a_phase_that_goes_on_is_beaten_again_after_a_while(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(beating, "_BEAT_SECONDS", 0.0)
    assert beaten([(0.0, "a"), (0.1, "a")]) == [0.0, 0.1]
