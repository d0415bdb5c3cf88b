"""Positions become ETAs: never negative, never better for those further back."""

import math
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rekindle.contracts.statuses import AttemptStatus, Stage
from rekindle.rules.waiting import (
    USUAL_BOOT_SECONDS,
    ClassPods,
    PodHold,
    Waiting,
    boot_left,
    boot_progress,
    queued_eta,
    rounded,
    running_eta,
    waiting,
)

SECONDS = st.floats(0, 1e5)
ANY = st.floats(-1e5, 1e5)
FREE_IN = st.lists(ANY, max_size=6).map(tuple)
PODS = st.builds(
    ClassPods, free_in=FREE_IN, booting=FREE_IN, boot_seconds=st.none() | st.floats(-10, 1e4)
)


def queued(pods: ClassPods, *, position: int = 1, ahead: float = 0.0, own: float = 10.0) -> Waiting:
    return waiting(
        AttemptStatus.QUEUED,
        Stage.QUEUED,
        progress=0.0,
        seconds=own,
        position=position,
        ahead_seconds=ahead,
        pods=pods,
    )


def no_later(one: float | None, other: float | None) -> bool:
    """Whether the first ETA is at most the second; unknown is latest. Sums are not exact."""
    first, second = (math.inf if each is None else each for each in (one, other))
    return first <= second or math.isclose(first, second, rel_tol=1e-9, abs_tol=1e-6)


@given(ANY, ANY, PODS)
def test_an_eta_is_never_negative_and_never_less_than_the_graph_itself(
    own: float, ahead: float, pods: ClassPods
) -> None:
    eta = queued_eta(own, ahead_seconds=ahead, pods=pods)
    assert eta is None or (eta >= 0 and eta >= own)


@given(SECONDS, SECONDS, SECONDS, PODS)
def test_more_work_ahead_never_lowers_an_eta(
    own: float, ahead: float, more: float, pods: ClassPods
) -> None:
    eta = queued_eta(own, ahead_seconds=ahead, pods=pods)
    assert no_later(eta, queued_eta(own, ahead_seconds=ahead + more, pods=pods))


@given(SECONDS, SECONDS, PODS, ANY)
def test_a_further_pod_never_raises_an_eta(
    own: float, ahead: float, pods: ClassPods, moment: float
) -> None:
    eta = queued_eta(own, ahead_seconds=ahead, pods=pods)
    ready = ClassPods((*pods.free_in, moment), pods.booting, pods.boot_seconds)
    booting = ClassPods(pods.free_in, (*pods.booting, moment), pods.boot_seconds)
    assert no_later(queued_eta(own, ahead_seconds=ahead, pods=ready), eta)
    assert no_later(queued_eta(own, ahead_seconds=ahead, pods=booting), eta)


@given(SECONDS, st.lists(SECONDS, min_size=1, max_size=6), st.integers(0, 5), SECONDS)
def test_a_pod_that_is_free_later_never_lowers_an_eta(
    ahead: float, free_in: list[float], which: int, later: float
) -> None:
    eta = queued_eta(1.0, ahead_seconds=ahead, pods=ClassPods(tuple(free_in)))
    free_in[which % len(free_in)] += later
    assert no_later(eta, queued_eta(1.0, ahead_seconds=ahead, pods=ClassPods(tuple(free_in))))


@given(SECONDS, st.floats(-1, 2), st.floats(-1, 2))
def test_a_running_attempt_only_comes_nearer(seconds: float, one: float, other: float) -> None:
    early, late = sorted((one, other))
    assert 0 <= running_eta(seconds, late) <= running_eta(seconds, early) <= seconds


@given(ANY, ANY, st.none() | st.floats(-10, 1e4))
def test_a_boot_only_goes_forward_and_is_never_said_to_be_over(
    one: float, other: float, usual: float | None
) -> None:
    early, late = sorted((one, other))
    assert boot_left(late, usual) <= boot_left(early, usual)
    share = [boot_progress(ClassPods((), (each,), usual)) for each in (early, late)]
    assert 0 <= share[0] <= share[1] <= 1
    assert boot_left(late, usual) > 0


@given(st.floats(-10, 1e6), st.floats(-10, 1e6))
def test_rounding_keeps_the_order_and_never_promises_too_much(one: float, other: float) -> None:
    early, late = sorted((one, other))
    assert rounded(early) <= rounded(late)
    assert late - 0.001 <= rounded(late) <= max(late, 0) * 1.5 + 1


@pytest.mark.parametrize(
    ("seconds", "told"),
    [
        (-3, 0),
        (0, 0),
        (0.2, 1),
        (10, 10),
        (40 * (1 - 0.95), 2),
        (10.1, 15),
        (59, 60),
        (61, 75),
        (300, 300),
        (301, 360),
    ],
)
def test_an_eta_is_told_in_steps(seconds: float, told: int) -> None:
    assert rounded(seconds) == told
    assert rounded(told) == told


def test_an_idle_pod_starts_at_once_and_a_busy_one_when_it_is_free() -> None:
    assert queued_eta(10, ahead_seconds=0, pods=ClassPods((0.0, 30.0))) == 10
    assert queued_eta(10, ahead_seconds=0, pods=ClassPods((20.0, 30.0))) == 30


def test_pods_share_the_work_ahead() -> None:
    assert queued_eta(10, ahead_seconds=60, pods=ClassPods((0.0,))) == 70
    assert queued_eta(10, ahead_seconds=60, pods=ClassPods((0.0, 0.0, 0.0))) == 30
    assert queued_eta(10, ahead_seconds=60, pods=ClassPods((0.0, 20.0))) == 50


def test_a_pod_on_its_way_helps_from_when_it_is_ready() -> None:
    pods = ClassPods((0.0,), (70.0,), 100.0)
    assert queued_eta(10, ahead_seconds=20, pods=pods) == 30
    assert queued_eta(10, ahead_seconds=90, pods=pods) == 70


def test_without_a_pod_nothing_is_promised() -> None:
    assert queued(ClassPods(), position=4) == Waiting(Stage.QUEUED, queue_position=4)


def test_provisioning_is_when_no_pod_is_ready_and_one_is_on_its_way() -> None:
    booting = ClassPods((), (25.0, 5.0), 100.0)
    assert queued(booting, position=3, ahead=20) == Waiting(
        Stage.PROVISIONING, queue_position=3, eta_seconds=105, boot_progress=0.25
    )
    ready = ClassPods((400.0,), (25.0,), 100.0)
    assert queued(ready) == Waiting(Stage.QUEUED, queue_position=1, eta_seconds=90)


def test_before_any_boot_is_measured_the_usual_one_counts() -> None:
    assert boot_left(20, None) == USUAL_BOOT_SECONDS - 20


def test_a_late_boot_is_still_said_to_need_a_little() -> None:
    shares = [boot_progress(ClassPods((), (each,), 100.0)) for each in (0, 50, 93, 300)]
    assert boot_left(3000, 100) == 10
    assert all(one < other for one, other in pairwise(shares))


def begun(stage: Stage, pods: ClassPods, pod: PodHold = PodHold.HELD) -> Waiting:
    return waiting(
        AttemptStatus.RUNNING,
        stage,
        progress=0.25,
        seconds=40.0,
        position=0,
        ahead_seconds=0.0,
        pods=pods,
        pod=pod,
    )


BOOTING = ClassPods((), (25.0,), 100.0)


@pytest.mark.parametrize("stage", [Stage.STAGING, Stage.RENDERING, Stage.FINALIZING])
def test_a_running_attempt_keeps_its_stage_and_has_no_position(stage: Stage) -> None:
    assert begun(stage, BOOTING) == Waiting(stage, eta_seconds=30)


def test_nobody_knows_how_long_it_stands_in_line_at_a_server_of_others() -> None:
    assert begun(Stage.QUEUED, ClassPods((0.0,))) == Waiting(Stage.QUEUED)


def test_nobody_knows_how_long_a_server_is_away() -> None:
    assert begun(Stage.RENDERING, ClassPods((0.0,)), PodHold.AWAY) == Waiting(Stage.RENDERING)


def test_who_has_lost_its_pod_is_the_next_to_get_another() -> None:
    assert begun(Stage.RENDERING, BOOTING, PodHold.GONE) == Waiting(
        Stage.PROVISIONING, eta_seconds=120, boot_progress=0.25
    )
    others = ClassPods((20.0, 50.0))
    assert begun(Stage.STAGING, others, PodHold.GONE) == Waiting(Stage.QUEUED, eta_seconds=60)
    assert begun(Stage.STAGING, ClassPods(), PodHold.GONE) == Waiting(Stage.QUEUED)


@pytest.mark.parametrize("pod", [PodHold.AWAY, PodHold.GONE])
def test_what_is_being_finished_needs_no_pod(pod: PodHold) -> None:
    finishing = Waiting(Stage.FINALIZING, eta_seconds=30)
    assert begun(Stage.FINALIZING, ClassPods(), pod) == finishing
