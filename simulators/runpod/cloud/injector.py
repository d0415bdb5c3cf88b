"""Decides when a fault happens, and counts."""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Callable, Iterable
from fnmatch import fnmatchcase
from typing import Any

from simulators.runpod.cloud.faults import REQUEST_KINDS, Fault, FaultKind, Subject


class FaultInjector:
    """The plan in force. Each fault happens as often as its count says, then no more."""

    def __init__(self) -> None:
        self._faults: list[Fault] = []
        self._fired: list[int] = []
        self._totals: Counter[str] = Counter()
        self._about_requests = False

    def use(self, faults: Iterable[Fault]) -> None:
        """Put a whole new plan in force."""
        self._faults = list(faults)
        self._fired = [0] * len(self._faults)
        self._about_requests = any(fault.kind in REQUEST_KINDS for fault in self._faults)

    def as_json(self) -> dict[str, Any]:
        """What is left of the plan, how often each fault fired, and totals since the start."""
        pairs = zip(self._faults, self._fired, strict=True)
        return {
            "faults": [fault.as_json() | {"fired": fired} for fault, fired in pairs],
            "fired": dict(self._totals),
        }

    def of_subject(
        self, kind: FaultKind, subject: Subject, also: Callable[[Fault], bool] = lambda _: True
    ) -> Fault | None:
        """Have a fault of this kind happen to a pod, if one is planned for it.

        Args:
            kind: Of the fault.
            subject: The pod.
            also: A further condition on the fault.
        """
        return self._draw(lambda f: f.kind is kind and f.is_about(subject) and also(f))

    def of_request(self, method: str, path: str) -> Fault | None:
        """Have a fault happen to a request, if one is planned for its route."""
        if not self._about_requests:
            return None
        asked = f"{method} {path}"
        return self._draw(lambda f: f.kind in REQUEST_KINDS and fnmatchcase(asked, f.route or ""))

    def of_bill(self) -> Fault | None:
        """Have the bill lag, if that is planned."""
        return self._draw(lambda fault: fault.kind is FaultKind.BILLING_LAG)

    def _draw(self, fits: Callable[[Fault], bool]) -> Fault | None:
        for index, fault in enumerate(self._faults):
            if fault.count != 0 and fits(fault):
                left = None if fault.count is None else fault.count - 1
                self._faults[index] = dataclasses.replace(fault, count=left)
                self._fired[index] += 1
                self._totals[fault.kind] += 1
                return fault
        return None
