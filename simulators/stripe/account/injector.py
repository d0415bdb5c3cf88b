"""Decides whether a planned fault happens now."""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Callable, Iterable
from fnmatch import fnmatchcase
from typing import Any

from simulators.stripe.account.faults import REQUEST_KINDS, Fault, FaultKind


class FaultInjector:
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

    def of_request(self, method: str, path: str) -> Fault | None:
        """Have a fault happen to a request, if one is planned for its route."""
        asked = f"{method} {path}"
        return self._draw(lambda f: f.kind in REQUEST_KINDS and fnmatchcase(asked, f.route or ""))

    def of_money(self, kinds: frozenset[FaultKind], reference: str | None) -> Fault | None:
        """Have a charge or a refund go wrong, if that is planned.

        Args:
            kinds: What could go wrong now.
            reference: The ``client_reference_id`` of the session.
        """
        return self._draw(lambda f: f.kind in kinds and f.reference in (None, reference))

    def of_event(
        self, kinds: frozenset[FaultKind], event_type: str, reference: str | None
    ) -> Fault | None:
        """Have something happen to an event, if that is planned.

        Args:
            kinds: What could happen now.
            event_type: Such as ``checkout.session.completed``.
            reference: The ``client_reference_id`` of the session it is about.
        """
        return self._draw(
            lambda f: (
                f.kind in kinds
                and fnmatchcase(event_type, f.event or "*")
                and f.reference in (None, reference)
            )
        )

    def _draw(self, fits: Callable[[Fault], bool]) -> Fault | None:
        for index, fault in enumerate(self._faults):
            if fault.count != 0 and fits(fault):
                left = None if fault.count is None else fault.count - 1
                self._faults[index] = dataclasses.replace(fault, count=left)
                self._fired[index] += 1
                self._totals[fault.kind] += 1
                return fault
        return None
