"""When a pod was given a second job although another one idled."""

from deploy.bench.holds import Hold, taken_too_early

FIRST = Hold("a", 0.0, (1.0, 4.0))
SECOND = Hold("a", 3.0, (4.0, 7.0))


def test_a_second_job_beside_an_idle_pod_is_too_early() -> None:
    idle = Hold("b", 0.0, (1.0, 2.0))
    assert taken_too_early([FIRST, idle, SECOND], slack=0.5) == [SECOND]


def test_a_second_job_while_every_pod_holds_one_is_in_time() -> None:
    busy = Hold("b", 0.0, (1.0, 3.5))
    assert taken_too_early([FIRST, busy, SECOND], slack=0.5) == []


def test_a_pod_that_is_staging_does_not_idle() -> None:
    staging = Hold("b", 2.9, (4.0, 7.0))
    assert taken_too_early([FIRST, staging, SECOND], slack=0.5) == []


def test_a_pod_that_has_only_just_ended_does_not_idle_yet() -> None:
    ended = Hold("b", 0.0, (1.0, 2.8))
    assert taken_too_early([FIRST, ended, SECOND], slack=0.5) == []


def test_a_single_job_may_be_taken_while_others_idle() -> None:
    idle = Hold("b", 0.0, (1.0, 2.0))
    later = Hold("a", 5.0, (6.0, 9.0))
    assert taken_too_early([FIRST, idle, later], slack=0.5) == []
