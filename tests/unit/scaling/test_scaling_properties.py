"""What holds for every decision, whatever the facts."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from rekindle.rules.scaling import (
    WINDOWS,
    ClassPolicy,
    Decision,
    Demand,
    Measured,
    Money,
    PodFact,
    PodPhase,
    Prewarm,
    Recent,
    Waiting,
    decide,
)
from rekindle.rules.scaling.forecast import worthwhile

NOW = datetime(2026, 1, 5, 8, 20, tzinfo=UTC)
unhurried = settings(  # a loaded machine fails no test
    deadline=None, suppress_health_check=[HealthCheck.too_slow], database=None
)
RATE = 0.5
MEASURED = Measured(boot_p50=120, boot_p90=150, work_mean=30)

seconds = st.floats(0, 2000)
usd = st.none() | st.floats(0, 6)
waiting = st.builds(
    lambda paid, jobs, each: Waiting(paid, jobs, jobs * each),
    st.booleans(),
    st.integers(1, 40),
    st.floats(1, 400),
)


@st.composite
def counts(draw: st.DrawFn) -> tuple[Recent, ...]:
    total, recent = 0, []
    for window in WINDOWS:
        total += draw(st.integers(0, 60))
        recent.append(Recent(window, total))
    return tuple(recent)


@st.composite
def situations(draw: st.DrawFn) -> tuple[ClassPolicy, Demand, list[PodFact], Money]:
    most = draw(st.integers(0, 8))
    policy = ClassPolicy(
        max_pods=most,
        min_pods=draw(st.integers(0, most)),
        warm_spares=draw(st.integers(0, 3)),
        prewarm=(Prewarm.parse("* 8 * * *", draw(st.integers(0, 4))),),
        idle_seconds=draw(st.floats(0, 400)),
        scale_in_stabilization_seconds=draw(st.sampled_from([0.0, 300.0])),
        late_seconds=draw(st.sampled_from([0.0, 300.0, 1200.0])),
        backlog_seconds=draw(st.floats(0, 200)),
        usd_per_hour=draw(usd),
        usd_per_day=draw(usd),
        class_usd_per_hour=draw(usd),
        class_usd_per_day=draw(usd),
        paid_reserve=draw(st.floats(0, 1)),
    )
    numbers = draw(st.sets(st.integers(0, 9), max_size=8))
    pods = [draw(pods_of(number)) for number in sorted(numbers)]
    working = sum(1 for pod in pods if pod.phase is PodPhase.READY and not pod.is_idle)
    running = draw(st.lists(seconds, min_size=working, max_size=working))
    queued = draw(st.lists(waiting, max_size=2))
    demand = Demand(tuple(queued), tuple(running), draw(st.just(()) | counts()))
    spent = st.floats(0, 6)
    money = Money(draw(spent), draw(spent), RATE, draw(spent), draw(spent), draw(spent))
    return policy, demand, pods, money


@st.composite
def pods_of(draw: st.DrawFn, number: int) -> PodFact:
    phase = draw(st.sampled_from(PodPhase))
    idle = draw(st.none() | seconds) if phase is PodPhase.READY else None
    ready_in = draw(st.none() | st.floats(0, 200)) if phase is PodPhase.BOOTING else None
    return PodFact(number, phase, RATE, draw(seconds), ready_in, idle)


def ask(
    policy: ClassPolicy, demand: Demand, pods: list[PodFact], money: Money, at: datetime = NOW
) -> Decision:
    return decide(at, policy, demand, pods, measured=MEASURED, money=money)


def without_limits(policy: ClassPolicy) -> ClassPolicy:
    return replace(
        policy,
        usd_per_hour=None,
        usd_per_day=None,
        class_usd_per_hour=None,
        class_usd_per_day=None,
    )


def applied(decision: Decision, pods: list[PodFact]) -> list[PodFact]:
    ending = {*decision.drain, *decision.finish}
    after = [
        replace(pod, phase=PodPhase.DRAINING, idle_for=None) if pod.number in ending else pod
        for pod in pods
    ]
    return after + [PodFact(number, PodPhase.BOOTING, RATE) for number in decision.start]


def serving(pods: list[PodFact]) -> int:
    return sum(1 for pod in pods if pod.phase.counts)


@unhurried
@given(situations())
def test_only_free_numbers_below_the_maximum_start(
    situation: tuple[ClassPolicy, Demand, list[PodFact], Money],
) -> None:
    policy, _, pods, _ = situation
    decision = ask(*situation)
    held = {pod.number for pod in pods}
    assert len(set(decision.start)) == len(decision.start)
    assert all(0 <= n < policy.max_pods and n not in held for n in decision.start)
    if decision.start:
        assert serving(applied(decision, pods)) <= policy.max_pods
    assert decision.wanted == serving(applied(decision, pods))
    assert decision.reasons


@unhurried
@given(situations())
def test_only_idle_pods_drain_and_working_ones_finish_only_above_a_limit(
    situation: tuple[ClassPolicy, Demand, list[PodFact], Money],
) -> None:
    policy, _, pods, _ = situation
    decision = ask(*situation)
    assert set(decision.drain) <= {pod.number for pod in pods if pod.is_idle}
    assert set(decision.finish) <= {p.number for p in pods if p.phase.counts and not p.is_idle}
    no_limit = policy == without_limits(policy)
    if no_limit and serving(pods) <= policy.max_pods:
        assert decision.finish == ()
        assert decision.wanted >= min(policy.min_pods, serving(pods))
    assert not (decision.start and (decision.drain or decision.finish))


@unhurried
@given(situations())
def test_a_decision_that_was_carried_out_is_not_made_again(
    situation: tuple[ClassPolicy, Demand, list[PodFact], Money],
) -> None:
    policy, demand, pods, money = situation
    decision = ask(policy, demand, pods, money)
    working = [p for p in pods if p.phase is PodPhase.READY and not p.is_idle]
    left = [
        seconds
        for pod, seconds in zip(working, demand.running, strict=True)
        if pod.number not in decision.finish
    ]
    again = ask(policy, replace(demand, running=tuple(left)), applied(decision, pods), money)
    assert (again.drain, again.finish) == ((), ())
    if not decision.finish:  # what a finishing pod would have taken next may need another one
        assert again.start == ()


@unhurried
@given(situations(), st.randoms(use_true_random=False))
def test_the_order_of_the_facts_is_irrelevant(
    situation: tuple[ClassPolicy, Demand, list[PodFact], Money], random: object
) -> None:
    policy, demand, pods, money = situation
    mixed = sorted(pods, key=lambda pod: hash((str(random), pod.number)))
    turned = Demand(demand.queued[::-1], demand.running[::-1], demand.recent[::-1])
    assert ask(policy, turned, mixed[::-1], money) == ask(policy, demand, pods, money)


@unhurried
@given(situations(), st.integers(1, 30), st.integers(0, 30))
def test_more_of_the_same_demand_never_wants_less(
    situation: tuple[ClassPolicy, Demand, list[PodFact], Money], times: int, more: int
) -> None:
    policy, demand, pods, money = situation
    policy = without_limits(policy)
    queued = tuple(Waiting(w.paid, w.jobs * times, w.seconds * times) for w in demand.queued)
    recent = tuple(Recent(r.window_seconds, r.jobs + more) for r in demand.recent)
    greater = Demand(queued, demand.running, recent)
    assert ask(policy, greater, pods, money).wanted >= ask(policy, demand, pods, money).wanted


@unhurried
@given(situations())
def test_a_start_never_leads_over_the_ceiling(
    situation: tuple[ClassPolicy, Demand, list[PodFact], Money],
) -> None:
    policy, demand, pods, money = situation
    decision = ask(*situation)
    if not decision.start:
        return
    open_rate = sum(p.usd_per_hour for p in pods if p.phase is not PodPhase.DRAINING)
    open_rate += RATE * len(decision.start)
    reserve = 0.0 if demand.paid_jobs else policy.paid_reserve
    hours_left = 40 / 60  # at 8:20
    in_all = open_rate + money.elsewhere
    for spent, limit in (
        (money.hour + in_all * hours_left, policy.usd_per_hour),
        (money.day + in_all, policy.usd_per_day),
        (money.class_hour + open_rate * hours_left, policy.class_usd_per_hour),
        (money.class_day + open_rate, policy.class_usd_per_day),
    ):
        assert limit is None or spent <= limit * (1 - reserve) + 1e-6


@settings(unhurried, max_examples=50)
@given(counts(), st.integers(0, 4), st.sampled_from([0.0, 60.0, 300.0]), st.sampled_from([0, 900]))
def test_constant_demand_settles_and_then_nothing_starts_or_drains(
    recent: tuple[Recent, ...], working: int, idle: float, late: int
) -> None:
    policy = ClassPolicy(max_pods=12, idle_seconds=idle, late_seconds=late)
    demand = Demand(running=(20.0,) * working, recent=recent)
    ages = dict.fromkeys(range(12), 5000.0)
    at, changes = NOW, []
    for _ in range(60):
        pods = [
            PodFact(n, PodPhase.READY, RATE, age, None, None if i < working else age)
            if age >= MEASURED.boot_p50
            else PodFact(n, PodPhase.BOOTING, RATE, age)
            for i, (n, age) in enumerate(sorted(ages.items()))
        ]
        decision = ask(policy, demand, pods, Money(), at)
        changes.append(len(decision.start) + len(decision.drain))
        ages = {n: age + 30 for n, age in ages.items() if n not in decision.drain}
        ages |= dict.fromkeys(decision.start, 0.0)
        at += timedelta(seconds=30)
    assert sum(1 for change in changes if change) <= 2
    assert not any(changes[30:])


@pytest.mark.parametrize("busy", [0.994, 2.9995, 8.99999])
def test_a_load_that_barely_leaves_room_is_no_reason_for_fewer_pods(busy: float) -> None:
    """Pods for all of it but the last spare nothing: those beyond are what is worth having."""

    def pods(load: float) -> int:
        return worthwhile(load / 30, work=30, patience=15, worth=2200, most=50)

    assert pods(busy * 0.9) <= pods(busy) <= pods(busy * 1.1)
    assert pods(busy) > busy + 1


@unhurried
@given(st.floats(0, 1), st.floats(0, 0.5), st.floats(0, 3000), st.floats(1, 2))
def test_a_higher_rate_is_never_worth_fewer_pods(
    rate: float, more: float, worth: float, price: float
) -> None:
    def pods(rate: float) -> int:
        return worthwhile(rate, work=30, patience=15, worth=worth, most=50, price=price)

    assert pods(rate) <= pods(rate + more)
