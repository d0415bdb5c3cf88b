"""The spend ceiling."""

from datetime import UTC, datetime

import pytest

from rekindle.rules.scaling import (
    ClassPolicy,
    Decision,
    Demand,
    Measured,
    Money,
    PodFact,
    PodPhase,
    Reason,
    Waiting,
    decide,
)

HALF_PAST = datetime(2026, 1, 5, 8, 30, tzinfo=UTC)
POLICY = ClassPolicy(max_pods=8, usd_per_hour=2.0, paid_reserve=0.25)
FREE_WORK = Demand((Waiting(False, 8, 4800.0),))
PAID_WORK = Demand((Waiting(True, 2, 1200.0),))


def ask(
    demand: Demand,
    *pods: PodFact,
    hour: float = 0.0,
    day: float = 0.0,
    elsewhere: float = 0.0,
    own: tuple[float, float] = (0.0, 0.0),
    policy: ClassPolicy = POLICY,
    at: datetime = HALF_PAST,
) -> Decision:
    money = Money(hour, day, 1.0, elsewhere, *own)
    return decide(at, policy, demand, pods, measured=Measured(), money=money)


def busy(number: int) -> PodFact:
    return PodFact(number, PodPhase.READY, 1.0, 900)


def idle(number: int) -> PodFact:
    return PodFact(number, PodPhase.READY, 1.0, 900, idle_for=5)


def test_starts_are_counted_until_the_end_of_the_hour() -> None:
    # 1.50 of 2.00 for free work: three pods for the half hour that is left.
    decision = ask(FREE_WORK)
    assert decision.start == (0, 1, 2)
    assert decision.reasons == (Reason.BACKLOG, Reason.CEILING)


def test_what_open_pods_will_cost_is_counted_too() -> None:
    running = Demand(FREE_WORK.queued, (600.0,))
    assert len(ask(running, busy(0)).start) == 2
    assert len(ask(FREE_WORK, elsewhere=1.0).start) == 2
    assert len(ask(FREE_WORK, hour=0.5).start) == 2


def test_pods_that_are_being_rented_count_before_their_price_is_known() -> None:
    launching = [PodFact(number, PodPhase.LAUNCHING) for number in ask(FREE_WORK).start]
    again = ask(FREE_WORK, *launching)
    assert (again.start, again.drain, again.finish) == ((), (), ())


def test_at_the_ceiling_nothing_starts_and_idle_pods_drain() -> None:
    decision = ask(FREE_WORK, idle(0), hour=1.2)
    assert (decision.start, decision.drain) == ((), (0,))
    assert decision.reasons == (Reason.CEILING,)


def test_at_the_ceiling_a_working_pod_ends_what_it_holds_and_takes_nothing_more() -> None:
    decision = ask(Demand(FREE_WORK.queued, (60.0,)), busy(0), hour=1.2)
    assert (decision.drain, decision.finish) == ((), (0,))


def test_paid_work_may_use_the_reserve() -> None:
    assert ask(FREE_WORK, hour=1.5).start == ()
    decision = ask(PAID_WORK, hour=1.5)
    assert decision.start == (0,)
    assert Reason.PAID_RESERVE in decision.reasons


def test_the_reserve_starts_no_more_pods_than_paid_jobs_wait() -> None:
    one_paid = Demand((Waiting(True, 1, 600.0), *FREE_WORK.queued))
    assert ask(one_paid, hour=1.0).start == (0, 1)  # one for free work, one of the reserve


def test_with_the_whole_ceiling_spent_paid_work_waits_as_well() -> None:
    decision = ask(PAID_WORK, hour=2.0)
    assert (decision.start, decision.wanted) == ((), 0)
    assert Reason.CEILING in decision.reasons or Reason.PAID_RESERVE in decision.reasons


def test_a_pod_of_the_reserve_goes_on_while_paid_work_waits_and_then_ends() -> None:
    waiting = Demand(PAID_WORK.queued, (60.0,))
    assert ask(waiting, busy(0), hour=1.5).finish == ()
    assert ask(Demand(FREE_WORK.queued, (60.0,)), busy(0), hour=1.5).finish == (0,)


def test_the_ceiling_comes_before_the_minimum() -> None:
    policy = ClassPolicy(max_pods=8, min_pods=3, usd_per_hour=2.0, paid_reserve=0.0)
    assert ask(Demand(), hour=1.4, policy=policy).start == (0,)
    assert ask(Demand(), idle(0), hour=2.0, policy=policy).drain == (0,)


def test_a_new_hour_has_its_own_money() -> None:
    assert ask(FREE_WORK, hour=1.5).start == ()
    at = HALF_PAST.replace(hour=9, minute=0)
    assert ask(FREE_WORK, hour=0.0, at=at).start == (0,)


@pytest.mark.parametrize(
    ("spent", "pods"), [(0.0, 4), (2.5, 2), (4.2, 0)], ids=["morning", "later", "spent"]
)
def test_the_limit_of_the_day_counts_an_hour_ahead(spent: float, pods: int) -> None:
    policy = ClassPolicy(max_pods=4, usd_per_day=5.0, paid_reserve=0.0)
    assert len(ask(FREE_WORK, day=spent, policy=policy).start) == pods


def test_before_midnight_the_day_counts_only_to_its_end() -> None:
    policy = ClassPolicy(max_pods=4, usd_per_day=5.0, paid_reserve=0.0)
    at = HALF_PAST.replace(hour=23, minute=45)
    assert len(ask(FREE_WORK, day=4.2, policy=policy, at=at).start) == 3


def test_the_dearest_pods_are_no_reason_to_end_more_than_needed() -> None:
    running = Demand(running=(60.0, 60.0, 60.0, 60.0))
    decision = ask(running, busy(0), busy(1), busy(2), busy(3))
    assert decision.finish == (3,)


def test_a_class_has_limits_of_its_own_below_those_of_the_fleet() -> None:
    hourly = ClassPolicy(max_pods=8, usd_per_hour=9.0, class_usd_per_hour=2.0, paid_reserve=0.25)
    decision = ask(FREE_WORK, policy=hourly)
    assert decision.start == (0, 1, 2)  # 1.50 for free work, and half an hour is left
    assert decision.reasons == (Reason.BACKLOG, Reason.CEILING)
    assert ask(FREE_WORK, own=(1.5, 1.5), policy=hourly).start == ()
    assert ask(PAID_WORK, own=(1.5, 1.5), policy=hourly).start == (0,)
    daily = ClassPolicy(max_pods=8, class_usd_per_day=2.0, paid_reserve=0.0)
    assert ask(FREE_WORK, own=(0.0, 1.0), policy=daily).start == (0,)
    assert ask(FREE_WORK, idle(0), own=(0.0, 2.0), policy=daily).drain == (0,)


def test_what_other_classes_cost_counts_at_the_limit_of_the_fleet_alone() -> None:
    policy = ClassPolicy(max_pods=8, usd_per_hour=9.0, class_usd_per_hour=1.0, paid_reserve=0.0)
    assert ask(FREE_WORK, hour=5.0, elsewhere=4.0, policy=policy).start == (0, 1)
    assert ask(FREE_WORK, hour=9.0, policy=policy).start == ()
