"""Decides whether a planned fault happens now, and counts."""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Callable, Iterable
from typing import Any, Generic, TypeVar

from simulators.common.faults import PlannedFault

Fault = TypeVar("Fault", bound=PlannedFault)


class FaultPlan(Generic[Fault]):
    """The plan in force. Each fault happens as often as its count says, then no more."""

    def __init__(self) -> None:
        self._faults: list[Fault] = []
        self._fired: list[int] = []
        self._totals: Counter[str] = Counter()

    def use(self, faults: Iterable[Fault]) -> None:
        """Put a whole new plan in force."""
        self._faults = list(faults)
        self._fired = [0] * len(self._faults)

    def as_json(self) -> dict[str, Any]:
        """What is left of the plan, how often each fault fired, and totals since the start."""
        pairs = zip(self._faults, self._fired, strict=True)
        return {
            "faults": [fault.as_json() | {"fired": fired} for fault, fired in pairs],
            "fired": dict(self._totals),
        }

    def draw(self, fits: Callable[[Fault], bool]) -> Fault | None:
        """Have the first fault that fits happen, if there is one left."""
        for index, fault in enumerate(self._faults):
            if fault.count != 0 and fits(fault):
                left = None if fault.count is None else fault.count - 1
                self._faults[index] = dataclasses.replace(fault, count=left)
                self._fired[index] += 1
                self._totals[fault.kind] += 1
                return fault
        return None
