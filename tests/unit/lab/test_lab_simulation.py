"""The event simulation, on traces that can be followed by hand."""

from dataclasses import dataclass, field
from itertools import pairwise

import pytest

from deploy.lab.rivals import Keda, QueueDelay, fixed, one_to_one, request_count
from deploy.lab.simulation import Run, simulate
from deploy.lab.trace import DAY, FREE, PAID, Trace, made_of
from deploy.lab.world import NOTHING, Controller, Orders, State, View, World

WORLD = World(boot=120.0, max_pods=5)


def of(*jobs: tuple[float, float], priority: int = FREE) -> Trace:
    return made_of([(arrival, duration, priority) for arrival, duration in jobs])


def waits(trace: Trace, run: Run) -> list[float]:
    return [start - arrival for start, arrival in zip(run.starts, trace.arrivals, strict=True)]


def paid(run: Run) -> float:
    return sum(until - since for since, until in run.rented)


def test_the_first_job_waits_for_a_boot_and_the_next_finds_the_pod_warm() -> None:
    trace = of((1000, 30), (1200, 30))
    run = simulate(trace, one_to_one(60), WORLD)
    assert waits(trace, run) == [120, 0]
    assert run.rented == [(1000, 1200 + 30 + 60)]


def test_a_pod_that_was_idle_for_long_enough_is_gone() -> None:
    trace = of((1000, 30), (1300, 30))
    run = simulate(trace, one_to_one(60), WORLD)
    assert waits(trace, run) == [120, 120]
    assert paid(run) == 2 * (120 + 30 + 60)


def test_never_more_pods_than_the_world_allows() -> None:
    trace = of(*((1000.0, 30.0) for _ in range(20)))
    run = simulate(trace, one_to_one(60), WORLD)
    assert run.most == WORLD.max_pods
    assert sorted(waits(trace, run)) == [120.0 + 30 * turn for turn in range(4) for _ in range(5)]


def test_paid_work_goes_first() -> None:
    trace = made_of([(0, 30, FREE), (1, 30, FREE), (2, 30, PAID)])
    run = simulate(trace, fixed(1), WORLD)
    assert run.starts == [150, 180, 120]


def test_failed_boots_are_paid_and_tried_again() -> None:
    trace = of((1000, 30))
    run = simulate(trace, one_to_one(60), World(boot=120, boot_failures=0.5, seed=3))
    assert run.failures == 1
    assert waits(trace, run) == [240]
    assert paid(run) == 120 + 120 + 30 + 60


def test_the_job_of_a_lost_pod_is_run_again() -> None:
    trace = of((1000, 3000), (1001, 3000))
    run = simulate(trace, one_to_one(60), World(boot=120, lost_per_day=40, seed=1))
    assert run.failures > 0
    assert all(1120 <= start < DAY for start in run.starts)
    assert max(run.starts) > 1120


def test_boots_of_any_length_stay_within_their_bounds() -> None:
    trace = of(*((1000.0 * n, 10.0) for n in range(1, 40)))
    run = simulate(trace, one_to_one(1), World(boot=30, boot_most=300, seed=5))
    assert all(30 <= wait <= 300 for wait in waits(trace, run))
    assert len(set(waits(trace, run))) > 20


def test_a_job_that_is_never_served_waited_for_ever() -> None:
    trace = of((1000, 30))
    run = simulate(trace, fixed(0), WORLD)
    assert waits(trace, run) == [float("inf")]


@dataclass
class DrainsTheWorking:
    name: str = "drains the working"
    every: float | None = 30.0
    idle_seconds: float | None = None
    asked: list[float] = field(default_factory=list)

    def look(self, view: View) -> Orders:
        self.asked.append(view.now)
        if not view.pods and view.waiting:
            return Orders(start=1)
        working = [p.number for p in view.pods.values() if p.state is State.BUSY]
        return Orders(drain=tuple(working)) if working else NOTHING


def test_a_working_pod_that_is_drained_ends_its_job_first() -> None:
    policy = DrainsTheWorking()
    run = simulate(of((1000, 100)), policy, WORLD)
    assert run.rented == [(1000, 1220)]


def test_a_policy_with_ticks_is_asked_on_them_and_when_no_pod_is_free() -> None:
    policy = DrainsTheWorking()
    simulate(of((1000, 100)), policy, WORLD)
    assert 1000 in policy.asked
    assert policy.asked[:3] == [0, 30, 60]
    assert all(at == 1000 or at % 30 == 0 for at in policy.asked)


BURST = of(*((1000.0 + n, 30.0) for n in range(12)))


@pytest.mark.parametrize(
    ("rival", "most"),
    [(one_to_one(60), 12), (request_count(4, 5), 3), (fixed(2), 2), (Keda(5), 3)],
    ids=["one-to-one", "request-count", "fixed", "keda"],
)
def test_rivals_answer_a_burst_as_their_names_say(rival: Controller, most: int) -> None:
    run = simulate(BURST, rival, World(boot=120, max_pods=50))
    assert run.most == most
    assert max(run.starts) < float("inf")


def test_the_queue_delay_rival_adds_one_pod_at_a_time() -> None:
    run = simulate(BURST, QueueDelay(4, 60), World(boot=120, max_pods=50))
    since = sorted(begin for begin, _ in run.rented)
    assert len(since) > 1
    assert all(later - earlier >= 120 for earlier, later in pairwise(since))
