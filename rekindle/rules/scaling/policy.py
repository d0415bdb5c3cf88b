"""The decision: backlog, forecast, floors and ceiling joined into numbers to start and to drain."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from math import ceil

from rekindle.rules.scaling.cron import prewarmed
from rekindle.rules.scaling.facts import (
    ClassPolicy,
    Decision,
    Demand,
    Measured,
    Money,
    PodFact,
    PodPhase,
    Reason,
)
from rekindle.rules.scaling.forecast import worthwhile
from rekindle.rules.scaling.habits import WINDOWS, Habits
from rekindle.rules.scaling.spending import budget, covered

KEPT_BOOTS = 7.0
"""Boots that a present pod is worth keeping for when a job would be late without it.

One boot is saved; the rest stands for the jobs that arrive during it. Set in the laboratory.
"""

EARNED_SECONDS = 100.0
"""A pod started on a forecast should earn its boot back within this time. Set there as well."""


@dataclass(frozen=True)
class _Wish:
    """How many pods: at least `least` (start up to it), at most `most` (drain down to it)."""

    least: int
    most: int
    reason: Reason


def decide(
    now: datetime,
    policy: ClassPolicy,
    demand: Demand,
    pods: Sequence[PodFact],
    *,
    measured: Measured,
    money: Money | None = None,
    habits: Habits | None = None,
) -> Decision:
    """What to start and what to drain in one GPU class.

    Deterministic; the order of `pods` and of the parts of `demand` is irrelevant. Asked again with
    the started pods booting and the drained ones draining, it wants nothing more.

    Args:
        now: aware; chooses pre-warm minutes, and the hour and day of money.
        policy: what the operator allows.
        demand: queued and running work, recent arrivals.
        pods: every open pod of the class.
        measured: what boots and jobs take.
        money: what was spent; only read for limits that are set.
        habits: how recent arrivals are weighed; the default of the laboratory otherwise.
    """
    money = money or Money()
    serving = sorted((p for p in pods if p.phase.counts), key=_keep_first)
    wish = _wish(now, policy, demand, serving, measured, habits or Habits())
    allowed, capped = _allowed(now, policy, demand, pods, serving, money, wish.least)
    if len(serving) > allowed:
        return _cut(serving, allowed, capped)
    if len(serving) < wish.least:
        return _grow(policy, pods, len(serving), wish, allowed, capped)
    return _shrink(policy, serving, wish)


def _keep_first(pod: PodFact) -> tuple[int, float, int]:
    """Working pods before starting ones before idle ones, the longest idle last."""
    if pod.phase is PodPhase.READY:
        return (0, 0.0, pod.number) if pod.idle_for is None else (2, pod.idle_for, pod.number)
    return (1, 0.0, pod.number)


def _wish(
    now: datetime,
    policy: ClassPolicy,
    demand: Demand,
    serving: Sequence[PodFact],
    measured: Measured,
    habits: Habits,
) -> _Wish:
    working = sum(1 for pod in serving if pod.phase is PodPhase.READY and not pod.is_idle)
    queued = demand.queued_jobs
    missing = _missing(policy, demand, serving, measured)
    wishes = {
        Reason.BACKLOG: len(serving) + missing if missing else min(len(serving), working + queued),
        Reason.MINIMUM: policy.min_pods,
        Reason.PREWARM: prewarmed(policy.prewarm, now, measured.boot_p90),
        Reason.SPARE: working + policy.warm_spares if working or queued else 0,
    }
    enter, stay = _forecast(policy, demand, measured, habits)
    wishes[Reason.FORECAST] = enter
    reason = max(wishes, key=lambda word: wishes[word])
    least = max(wishes.values())
    return _Wish(min(least, policy.max_pods), max(least, stay), reason)


def _missing(
    policy: ClassPolicy, demand: Demand, serving: Sequence[PodFact], measured: Measured
) -> int:
    """Pods to add so that every queued job begins soon after a pod started now could serve.

    A job that the present pods, booting ones included, begin before that needs no pod.
    """
    jobs = demand.queued_jobs
    if not jobs:
        return 0
    each = max(demand.queued_seconds / jobs, 1e-3)
    begin_by = measured.boot_p50 + policy.backlog_seconds
    ready = sum(1 for pod in serving if pod.phase is PodPhase.READY)
    free_in = sorted([0.0] * (ready - len(demand.running)) + list(demand.running))[:ready]
    free_in += [_ready_in(pod, measured) for pod in serving if pod.phase is not PodPhase.READY]
    begun = sum(int((begin_by - free) / each) + 1 for free in free_in if free <= begin_by)
    return max(ceil((jobs - begun) / (int(policy.backlog_seconds / each) + 1)), 0)


def _ready_in(pod: PodFact, measured: Measured) -> float:
    if pod.ready_in is not None:
        return max(pod.ready_in, 0.0)
    return max(measured.boot_p50 - pod.age_seconds, 0.0)


def _forecast(
    policy: ClassPolicy, demand: Demand, measured: Measured, habits: Habits
) -> tuple[int, int]:
    """Pods worth starting and pods worth keeping for what will probably arrive."""
    if not demand.recent or policy.late_seconds <= 0:
        return 0, 0
    known = {recent.window_seconds: recent.jobs for recent in demand.recent}
    rate = habits.rate([known.get(window, 0) for window in WINDOWS])
    boot = measured.boot_p50

    def pods(worth: float, price: float) -> int:
        return worthwhile(
            rate,
            work=measured.work_mean,
            patience=policy.target_wait_seconds,
            worth=worth,
            most=policy.max_pods,
            price=price,
        )

    stay = pods(policy.late_seconds + KEPT_BOOTS * boot, 1.0)
    enter = pods(policy.late_seconds, 1.0 + boot / EARNED_SECONDS)
    return min(enter, stay), stay


def _allowed(
    now: datetime,
    policy: ClassPolicy,
    demand: Demand,
    pods: Sequence[PodFact],
    serving: Sequence[PodFact],
    money: Money,
    least: int,
) -> tuple[int, Reason]:
    """How many pods may be open, and what says so: the narrower of the fleet's limits and ours."""
    new = max(least - len(serving), 0)
    rates = [_rate(pod, money) for pod in serving] + [money.candidate] * new
    # A draining pod ends soon; were it counted, one cut would bring about the next.
    away = sum(pod.usd_per_hour for pod in pods if pod.phase is PodPhase.UNREACHABLE)
    limits = (
        (policy, replace(money, elsewhere=money.elsewhere + away)),
        (_of_class(policy), replace(money.of_class(), elsewhere=away)),
    )
    found = [_covered(now, *limit, rates, demand.paid_jobs) for limit in limits]
    return min(found, key=lambda allowed: allowed[0])


def _of_class(policy: ClassPolicy) -> ClassPolicy:
    """With the limits of the class alone in the place of the fleet's."""
    return replace(
        policy, usd_per_hour=policy.class_usd_per_hour, usd_per_day=policy.class_usd_per_day
    )


def _covered(
    now: datetime, policy: ClassPolicy, money: Money, rates: Sequence[float], paid_jobs: int
) -> tuple[int, Reason]:
    """How many pods of these rates one pair of limits allows, and what says so."""
    most = policy.max_pods
    if policy.usd_per_hour is None and policy.usd_per_day is None:
        return most, Reason.MAXIMUM
    free = covered(rates, money.elsewhere, budget(policy, money, now, paid=False))
    if free >= len(rates):
        return most, Reason.MAXIMUM
    with_reserve = covered(rates, money.elsewhere, budget(policy, money, now, paid=True))
    for_paid = min(with_reserve, free + paid_jobs)
    if for_paid > free:
        return min(for_paid, most), Reason.PAID_RESERVE
    return min(free, most), Reason.CEILING


def _rate(pod: PodFact, money: Money) -> float:
    """What a pod costs an hour; one that is only being rented, as much as the next one would."""
    return pod.usd_per_hour or (money.candidate if pod.phase is PodPhase.LAUNCHING else 0.0)


def _cut(serving: Sequence[PodFact], allowed: int, reason: Reason) -> Decision:
    """More pods than are allowed: the idle ones go, working ones take nothing more."""
    surplus = serving[allowed:]
    return Decision(
        wanted=allowed,
        drain=tuple(sorted(pod.number for pod in surplus if pod.is_idle)),
        finish=tuple(sorted(pod.number for pod in surplus if not pod.is_idle)),
        reasons=(reason,),
    )


def _grow(
    policy: ClassPolicy,
    pods: Sequence[PodFact],
    present: int,
    wish: _Wish,
    allowed: int,
    capped: Reason,
) -> Decision:
    held = {pod.number for pod in pods}
    free = [number for number in range(policy.max_pods) if number not in held]
    start = tuple(free[: max(min(wish.least, allowed) - present, 0)])
    reasons = (wish.reason,) if wish.least <= allowed else (wish.reason, capped)
    return Decision(wanted=present + len(start), start=start, reasons=reasons)


def _shrink(policy: ClassPolicy, serving: Sequence[PodFact], wish: _Wish) -> Decision:
    surplus = serving[wish.most :]
    settled = all(
        pod.phase is PodPhase.READY and pod.age_seconds >= policy.scale_in_stabilization_seconds
        for pod in serving
    )
    drain = tuple(
        sorted(
            pod.number
            for pod in surplus
            if settled and pod.idle_for is not None and pod.idle_for >= policy.idle_seconds
        )
    )
    reasons = (Reason.IDLE,) if drain else (Reason.STEADY,)
    return Decision(wanted=len(serving) - len(drain), drain=drain, reasons=reasons)
