"""Decisions of the policy in situations that a person can judge."""

from datetime import UTC, datetime

import pytest

from rekindle.rules.scaling import (
    WINDOWS,
    ClassPolicy,
    Decision,
    Demand,
    Measured,
    PodFact,
    PodPhase,
    Reason,
    Recent,
    Waiting,
    decide,
    parse_prewarm,
)

NOW = datetime(2026, 1, 5, 8, 20, tzinfo=UTC)
MEASURED = Measured(boot_p50=120, boot_p90=180, work_mean=30)
POLICY = ClassPolicy(max_pods=6, backlog_seconds=30)


def jobs(count: int, each: float = 30.0) -> tuple[Waiting, ...]:
    return (Waiting(False, count, count * each),)


def idle(number: int, seconds: float) -> PodFact:
    return PodFact(number, PodPhase.READY, 0.5, 9000, idle_for=seconds)


def busy(number: int) -> PodFact:
    return PodFact(number, PodPhase.READY, 0.5, 9000)


def booting(number: int, ready_in: float) -> PodFact:
    return PodFact(number, PodPhase.BOOTING, 0.5, 120 - ready_in, ready_in)


def ask(
    demand: Demand, *pods: PodFact, policy: ClassPolicy = POLICY, at: datetime = NOW
) -> Decision:
    return decide(at, policy, demand, pods, measured=MEASURED)


def arrived(*counts: int) -> tuple[Recent, ...]:
    return tuple(Recent(window, jobs) for window, jobs in zip(WINDOWS, counts, strict=True))


def test_nothing_is_started_for_nothing() -> None:
    assert ask(Demand()) == Decision(0)


def test_the_first_job_starts_the_first_pod() -> None:
    decision = ask(Demand(jobs(1)))
    assert (decision.start, decision.wanted) == ((0,), 1)
    assert decision.reasons == (Reason.BACKLOG,)


def test_the_same_job_starts_no_second_pod_while_the_first_boots() -> None:
    assert ask(Demand(jobs(1)), booting(0, 90)).start == ()


def test_no_pod_is_started_for_what_is_done_before_it_could_serve() -> None:
    demand = Demand(jobs(4), running=(20.0,))
    assert ask(demand, busy(0)).start == ()  # the last begins in 110 s, a boot takes 120


def test_a_pod_is_started_for_work_that_lasts_longer_than_its_boot() -> None:
    demand = Demand(jobs(10), running=(20.0,))
    decision = ask(demand, busy(0))
    assert decision.start
    assert decision.reasons == (Reason.BACKLOG,)


def test_a_long_job_alone_needs_one_pod_however_long_it_is() -> None:
    assert ask(Demand(jobs(1, 5000))).start == (0,)
    assert ask(Demand(jobs(1, 5000)), idle(0, 10)).start == ()


def test_every_long_job_gets_a_pod() -> None:
    assert ask(Demand(jobs(4, 600))).start == (0, 1, 2, 3)


def test_a_backlog_never_starts_more_than_the_maximum() -> None:
    decision = ask(Demand(jobs(500)), booting(1, 50))
    assert decision.start == (0, 2, 3, 4, 5)


def test_numbers_of_pods_that_drain_are_not_free() -> None:
    draining = PodFact(0, PodPhase.DRAINING, 0.5, 900)
    assert ask(Demand(jobs(1)), draining).start == (1,)
    unreachable = PodFact(0, PodPhase.UNREACHABLE, 0.5, 900)
    assert ask(Demand(jobs(1)), unreachable).start == (1,)


@pytest.mark.parametrize(("seconds", "drained"), [(119, ()), (121, (0,))])
def test_an_idle_pod_stays_for_the_idle_time(seconds: float, drained: tuple[int, ...]) -> None:
    policy = ClassPolicy(max_pods=6, idle_seconds=120)
    assert ask(Demand(), idle(0, seconds), policy=policy).drain == drained


def test_the_longest_idle_pod_goes_first_and_the_minimum_stays() -> None:
    policy = ClassPolicy(max_pods=6, min_pods=1)
    decision = ask(Demand(), idle(0, 500), idle(1, 300), policy=policy)
    assert (decision.drain, decision.wanted) == ((0,), 1)
    assert decision.reasons == (Reason.IDLE,)


def test_nothing_is_drained_soon_after_a_pod_came() -> None:
    policy = ClassPolicy(max_pods=6, scale_in_stabilization_seconds=300)
    young = PodFact(1, PodPhase.READY, 0.5, 200)
    assert ask(Demand(running=(10,)), idle(0, 500), young, policy=policy).drain == ()
    assert ask(Demand(running=(10,)), idle(0, 500), busy(1), policy=policy).drain == (0,)


def test_the_minimum_is_started_without_demand() -> None:
    decision = ask(Demand(), policy=ClassPolicy(max_pods=6, min_pods=2))
    assert decision == Decision(2, (0, 1), reasons=(Reason.MINIMUM,))


def test_spares_stand_beside_the_working_pods_only_while_there_is_work() -> None:
    policy = ClassPolicy(max_pods=6, warm_spares=2)
    decision = ask(Demand(running=(10.0,)), busy(0), policy=policy)
    assert (decision.start, decision.reasons) == ((1, 2), (Reason.SPARE,))
    assert ask(Demand(), idle(0, 500), idle(1, 500), policy=policy).drain == (0, 1)


def test_pods_are_started_one_boot_before_they_are_wanted() -> None:
    policy = ClassPolicy(max_pods=6, prewarm=parse_prewarm("30-59 8 * * 1-5=2"))
    assert ask(Demand(), policy=policy, at=NOW.replace(minute=26)).start == ()
    decision = ask(Demand(), policy=policy, at=NOW.replace(minute=27))
    assert (decision.start, decision.reasons) == ((0, 1), (Reason.PREWARM,))
    assert ask(Demand(), idle(0, 900), idle(1, 900), policy=policy, at=NOW).drain == (0, 1)


def test_arrivals_in_the_last_minutes_keep_an_idle_pod_and_their_end_lets_it_go() -> None:
    lively = Demand(recent=arrived(1, 3, 8, 12, 14))
    assert ask(lively, idle(0, 500)).drain == ()
    quiet = Demand(recent=arrived(0, 0, 0, 0, 1))
    assert ask(quiet, idle(0, 500)).drain == (0,)


def test_lively_arrivals_start_pods_before_anybody_waits() -> None:
    decision = ask(Demand(recent=arrived(12, 30, 90, 200, 300)), idle(0, 5))
    assert decision.start
    assert decision.reasons == (Reason.FORECAST,)


def test_without_a_worth_of_lateness_only_work_that_waits_starts_pods() -> None:
    policy = ClassPolicy(max_pods=6, late_seconds=0)
    assert ask(Demand(recent=arrived(12, 30, 90, 200, 300)), policy=policy).start == ()


def test_a_lowered_maximum_drains_the_idle_and_lets_the_working_finish() -> None:
    policy = ClassPolicy(max_pods=1)
    decision = ask(Demand(running=(5, 5)), busy(0), busy(1), idle(2, 1), policy=policy)
    assert (decision.wanted, decision.drain, decision.finish) == (1, (2,), (1,))
    assert decision.reasons == (Reason.MAXIMUM,)
