"""Applies the fault plan: every node, sampler step and request passes through here.

A plan can be exchanged while a prompt runs: a delay or stall that is taken away ends at once,
which lets a test hold a prompt and release it.
"""

from __future__ import annotations

import math
import os
import signal
import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import replace
from fnmatch import fnmatchcase
from pathlib import Path

from simulators.comfyui.engine.faults import EVERY_CLASS, Fault, FaultKind, FaultPlan

TICK_SECONDS = 0.1
_BEFORE_NODE = (
    FaultKind.SLOW,
    FaultKind.STALL,
    FaultKind.DEATH,
    FaultKind.NODE_ERROR,
    FaultKind.OUT_OF_MEMORY,
)
_KEPT_SHARE = 0.5


class OutOfMemory(RuntimeError):
    """The GPU has too little memory; ComfyUI appends its advice to the message."""

    wire_name = "torch.OutOfMemoryError"
    advice = (
        "This error means you ran out of memory on your GPU.\n\nTIPS: If the workflow worked "
        "before you might have accidentally set the batch_size to a large number."
    )


def die() -> None:
    """End this process at once, without any farewell."""
    os.kill(os.getpid(), signal.SIGKILL)


class FaultInjector:
    """Applies the current plan; safe to use from the executor and the HTTP side at once.

    Args:
        plan: In force until another one is used.
        kill: Ends the process.
    """

    def __init__(self, plan: FaultPlan, kill: Callable[[], None] = die) -> None:
        self._initial = plan
        self._plan = plan
        self._kill = kill
        self._changed = threading.Condition()
        self._exchanges = 0
        self._deaths: list[threading.Timer] = []

    @property
    def plan(self) -> FaultPlan:
        """The plan in force, with the counts that are left."""
        with self._changed:
            return self._plan

    def use(self, plan: FaultPlan | None) -> FaultPlan:
        """Put a plan in force, or with None the one the process was started with."""
        with self._changed:
            self._plan = self._initial if plan is None else plan
            self._exchanges += 1
            self._arm()
            self._changed.notify_all()
            return self._plan

    def before_node(
        self,
        class_name: str,
        tick: Callable[[int, int], None],
        check: Callable[[], None] = lambda: None,
    ) -> None:
        """Wait as long as the plan says, and then fail, stall or die if it says so.

        Args:
            tick: ``tick(done, all)`` hears of every tenth of a second of a delay, and may raise
                to break it off.
            check: May raise to break a stall off, which tells nobody anything.

        Raises:
            OutOfMemory: As planned.
            RuntimeError: The planned error of the node.
        """
        self._wait(lambda plan: plan.delay_of(class_name), tick)
        for kind in _BEFORE_NODE:
            fault = self._take((kind,), lambda one: _is_at(one, class_name))
            if fault is not None:
                self._apply(fault, tick, check)

    def after_node(self, class_name: str, written: Iterable[Path]) -> None:
        """Cut the files that a node wrote, if planned."""
        files = list(written)
        if not files:
            return
        fault = self._take((FaultKind.TRUNCATED,), lambda one: _is_at(one, class_name))
        if fault is None:
            return
        keep = _KEPT_SHARE if fault.keep is None else fault.keep
        for file in files:
            os.truncate(file, int(file.stat().st_size * keep))

    def before_step(self, check: Callable[[], None]) -> None:
        """Wait before a step counts as done; ``check`` may raise to break the wait off."""
        self._wait(lambda plan: plan.step_delay, lambda *_: check())

    def of_request(self, method: str, path: str) -> Fault | None:
        """Use up and return what goes wrong with a request, if anything."""
        if path.startswith("/simulator/"):
            return None  # whatever is planned can be taken back
        asked = f"{method} {path.removeprefix('/api')}"
        kinds = (FaultKind.SLOW, FaultKind.RESET, FaultKind.LOST_REPLY)
        return self._take(
            kinds, lambda one: one.route is not None and fnmatchcase(asked, one.route)
        )

    def _apply(
        self, fault: Fault, tick: Callable[[int, int], None], check: Callable[[], None]
    ) -> None:
        match fault.kind:
            case FaultKind.SLOW:
                self._wait_while_planned(fault.seconds or 0.0, tick)
            case FaultKind.STALL:
                self._wait_while_planned(math.inf, lambda *_: check())
            case FaultKind.DEATH:
                self._kill()
            case FaultKind.OUT_OF_MEMORY:
                raise OutOfMemory("Allocation on device ")
            case _:
                raise RuntimeError(fault.message or "a planned error")

    def _take(self, kinds: tuple[FaultKind, ...], fits: Callable[[Fault], bool]) -> Fault | None:
        """The first fault of these kinds that fits, with one less left of it."""
        with self._changed:
            for index, fault in enumerate(self._plan.faults):
                if fault.kind in kinds and fault.count > 0 and fits(fault):
                    faults = list(self._plan.faults)
                    faults[index] = replace(fault, count=fault.count - 1)
                    self._plan = replace(self._plan, faults=tuple(faults))
                    return fault
        return None

    def _arm(self) -> None:
        """Set the clocks of the deaths that come by time, and forget those of the last plan."""
        for timer in self._deaths:
            timer.cancel()
        timed = [f for f in self._plan.faults if f.seconds is not None and f.count > 0]
        self._deaths = [
            threading.Timer(fault.seconds or 0.0, self._kill)
            for fault in timed
            if fault.kind is FaultKind.DEATH
        ]
        for timer in self._deaths:
            timer.daemon = True
            timer.start()

    def _wait_while_planned(self, seconds: float, tick: Callable[[int, int], None]) -> None:
        """Wait, unless the plan is exchanged meanwhile."""
        with self._changed:
            exchanges = self._exchanges
        self._wait(lambda _: seconds if self._exchanges == exchanges else 0.0, tick)

    def _wait(self, asked: Callable[[FaultPlan], float], tick: Callable[[int, int], None]) -> None:
        begin = time.monotonic()
        while (seconds := asked(self.plan)) > 0:
            passed = time.monotonic() - begin
            ticks = 0 if math.isinf(seconds) else math.ceil(seconds / TICK_SECONDS)
            tick(min(int(passed / TICK_SECONDS), ticks), ticks)
            if passed >= seconds:
                return
            with self._changed:
                if asked(self._plan) == seconds:
                    self._changed.wait(min(TICK_SECONDS, seconds - passed))


def _is_at(fault: Fault, class_name: str) -> bool:
    return fault.node in (class_name, EVERY_CLASS)
