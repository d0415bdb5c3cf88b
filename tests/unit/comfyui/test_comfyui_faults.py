"""Deliberate slowness and failure: plans, and how they take hold."""

import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from simulators.comfyui.engine.faults import BadPlan, FaultKind, FaultPlan
from simulators.comfyui.engine.injector import FaultInjector


def test_plan_survives_json() -> None:
    plan = FaultPlan.parse({"node_delay": {"ImageBlur": 2, "*": 0.5}, "step_delay": 0.1})
    assert FaultPlan.parse(plan.as_json()) == plan
    assert FaultPlan.parse({}) == FaultPlan()


@pytest.mark.parametrize(
    "fault",
    [
        {"kind": "slow", "node": "ImageBlur", "seconds": 2},
        {"kind": "slow", "route": "GET /history/*", "seconds": 0.25},
        {"kind": "stall", "node": "*"},
        {"kind": "node_error", "node": "KSampler"},
        {"kind": "node_error", "node": "KSampler", "message": "no luck"},
        {"kind": "out_of_memory", "node": "KSampler"},
        {"kind": "death", "node": "KSampler"},
        {"kind": "death", "seconds": 5.0},
        {"kind": "truncated", "node": "SaveImage"},
        {"kind": "truncated", "node": "SaveImage", "keep": 0.9},
        {"kind": "reset", "route": "POST /prompt"},
        {"kind": "lost_reply", "route": "POST /prompt"},
    ],
)
def test_every_fault_survives_json_and_happens_once_unless_told(fault: dict[str, Any]) -> None:
    plan = FaultPlan.parse({"faults": [fault, fault | {"count": 3}]})
    assert FaultPlan.parse(plan.as_json()) == plan
    assert [one.count for one in plan.faults] == [1, 3]


@pytest.mark.parametrize(
    "bad",
    [
        [],
        {"node_delays": {}},
        {"node_delay": 3},
        {"node_delay": {"A": "1"}},
        {"node_delay": {"A": True}},
        {"step_delay": -1},
        {"step_delay": 1e9},
        {"step_delay": float("nan")},
        {"faults": {}},
        {"faults": ["stall"]},
        {"faults": [{"kind": "odd"}]},
        {"faults": [{"kind": "stall"}]},
        {"faults": [{"kind": "stall", "node": ""}]},
        {"faults": [{"kind": "stall", "node": "A", "keep": 1}]},
        {"faults": [{"kind": "stall", "node": "A", "count": -1}]},
        {"faults": [{"kind": "stall", "node": "A", "count": True}]},
        {"faults": [{"kind": "slow", "node": "A", "route": "GET /", "seconds": 1}]},
        {"faults": [{"kind": "truncated", "node": "A", "keep": 2}]},
        {"faults": [{"kind": "reset", "route": "/prompt"}]},
    ],
)
def test_plan_that_makes_no_sense_is_refused(bad: Any) -> None:
    with pytest.raises(BadPlan):
        FaultPlan.parse(bad)


def test_named_class_goes_before_the_star() -> None:
    plan = FaultPlan({"ImageBlur": 2.0, "*": 0.5})
    assert plan.delay_of("ImageBlur") == 2.0
    assert plan.delay_of("SaveImage") == 0.5
    assert FaultPlan().delay_of("SaveImage") == 0.0


def test_without_delay_nothing_is_told() -> None:
    told: list[tuple[int, int]] = []
    FaultInjector(FaultPlan()).before_node("SaveImage", lambda *done: told.append(done))
    assert told == []


def test_wait_tells_how_far_it_is() -> None:
    told: list[tuple[int, int]] = []
    injector = FaultInjector(FaultPlan({"SaveImage": 0.01}))
    injector.before_node("SaveImage", lambda *done: told.append(done))
    assert told == [(0, 1), (0, 1)]


def test_held_node_goes_on_as_soon_as_the_plan_lets_it() -> None:
    injector = FaultInjector(FaultPlan({"SaveImage": 3600.0}))
    holding = threading.Event()
    thread = threading.Thread(
        target=injector.before_node, args=("SaveImage", lambda *_: holding.set())
    )
    thread.start()
    assert holding.wait(5)
    injector.use(FaultPlan())
    thread.join(5)
    assert not thread.is_alive()


def test_wait_ends_when_its_listener_raises() -> None:
    def refuse(*_: int) -> None:
        raise InterruptedError

    with pytest.raises(InterruptedError):
        FaultInjector(FaultPlan({"*": 3600.0})).before_node("SaveImage", refuse)


def test_step_waits_without_telling_ticks() -> None:
    checks: list[None] = []
    FaultInjector(FaultPlan(step_delay=0.01)).before_step(lambda: checks.append(None))
    assert len(checks) == 2


def test_no_plan_brings_the_first_one_back() -> None:
    first = FaultPlan({"*": 1.0})
    injector = FaultInjector(first)
    injector.use(FaultPlan())
    assert injector.plan == FaultPlan()
    assert injector.use(None) is first


def faulty(*faults: dict[str, Any], kill: Callable[[], None] = pytest.fail) -> FaultInjector:
    injector = FaultInjector(FaultPlan(), kill)
    injector.use(FaultPlan.parse({"faults": list(faults)}))
    return injector


def silent(*_: int) -> None:
    pass


def test_fault_happens_as_often_as_it_counts_and_only_at_its_node() -> None:
    injector = faulty({"kind": "node_error", "node": "A", "message": "no luck", "count": 2})
    injector.before_node("B", silent)
    for left in (1, 0):
        with pytest.raises(RuntimeError, match="no luck"):
            injector.before_node("A", silent)
        assert injector.plan.faults[0].count == left
    injector.before_node("A", silent)


def test_slow_fault_happens_once_a_node() -> None:
    injector = faulty({"kind": "slow", "node": "*", "seconds": 0.01, "count": 2})
    told: list[tuple[int, int]] = []
    for times in (2, 4, 4):
        injector.before_node("A", lambda *done: told.append(done))
        assert len(told) == times


def test_stall_tells_nothing_and_ends_with_its_plan() -> None:
    injector = faulty({"kind": "stall", "node": "A"})
    told: list[tuple[int, int]] = []
    stalled = threading.Event()
    thread = threading.Thread(
        target=injector.before_node, args=("A", lambda *done: told.append(done), stalled.set)
    )
    thread.start()
    assert stalled.wait(5)
    injector.use(FaultPlan())
    thread.join(5)
    assert not thread.is_alive()
    assert told == []


def test_stall_can_be_interrupted() -> None:
    def refuse() -> None:
        raise InterruptedError

    with pytest.raises(InterruptedError):
        faulty({"kind": "stall", "node": "A"}).before_node("A", silent, refuse)


def test_death_comes_at_its_node() -> None:
    killed: list[None] = []
    injector = faulty({"kind": "death", "node": "A"}, kill=lambda: killed.append(None))
    injector.before_node("B", silent)
    assert killed == []
    injector.before_node("A", silent)
    assert killed == [None]


def test_death_comes_after_its_time_unless_the_plan_is_taken_back() -> None:
    killed = threading.Event()
    injector = faulty({"kind": "death", "seconds": 3600})
    injector.use(FaultPlan())
    injector = faulty({"kind": "death", "seconds": 0.001}, kill=killed.set)
    assert killed.wait(5)


def test_written_file_is_cut_to_the_share_that_is_kept(tmp_path: Path) -> None:
    file = tmp_path / "a.png"
    injector = faulty({"kind": "truncated", "node": "SaveImage", "keep": 0.25})
    injector.after_node("SaveImage", [])
    for size in (25, 100):
        file.write_bytes(bytes(100))
        injector.after_node("SaveImage", [file])
        assert file.stat().st_size == size


def test_request_faults_go_by_method_and_path_and_spare_the_plan_itself() -> None:
    injector = faulty({"kind": "reset", "route": "* /*", "count": 2})
    assert injector.of_request("POST", "/simulator/faults") is None
    assert injector.of_request("GET", "/queue") is not None
    injector = faulty({"kind": "lost_reply", "route": "POST /prompt"})
    assert injector.of_request("GET", "/prompt") is None
    taken = injector.of_request("POST", "/api/prompt")
    assert taken is not None
    assert taken.kind is FaultKind.LOST_REPLY
    assert injector.of_request("POST", "/prompt") is None
