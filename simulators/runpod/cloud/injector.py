"""Decides when a fault happens, and counts."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from fnmatch import fnmatchcase

from simulators.common.fault_plan import FaultPlan
from simulators.runpod.cloud.faults import REQUEST_KINDS, Fault, FaultKind, Subject


class FaultInjector(FaultPlan[Fault]):
    """The plan for a cloud: what happens to pods, requests and bills."""

    _about_requests = False

    def use(self, faults: Iterable[Fault]) -> None:
        """Put a whole new plan in force."""
        super().use(faults)
        self._about_requests = any(fault.kind in REQUEST_KINDS for fault in self._faults)

    def of_subject(
        self, kind: FaultKind, subject: Subject, also: Callable[[Fault], bool] = lambda _: True
    ) -> Fault | None:
        """Have a fault of this kind happen to a pod, if one is planned for it.

        Args:
            kind: Of the fault.
            subject: The pod.
            also: A further condition on the fault.
        """
        return self.draw(lambda f: f.kind is kind and f.is_about(subject) and also(f))

    def of_request(self, method: str, path: str) -> Fault | None:
        """Have a fault happen to a request, if one is planned for its route."""
        if not self._about_requests:
            return None
        asked = f"{method} {path}"
        return self.draw(lambda f: f.kind in REQUEST_KINDS and fnmatchcase(asked, f.route or ""))

    def of_bill(self) -> Fault | None:
        """Have the bill lag, if that is planned."""
        return self.draw(lambda fault: fault.kind is FaultKind.BILLING_LAG)
