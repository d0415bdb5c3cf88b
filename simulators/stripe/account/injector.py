"""Decides whether a planned fault happens now."""

from __future__ import annotations

from fnmatch import fnmatchcase

from simulators.common.fault_plan import FaultPlan
from simulators.stripe.account.faults import REQUEST_KINDS, Fault, FaultKind


class FaultInjector(FaultPlan[Fault]):
    """The plan for an account: what happens to requests, money and events."""

    def of_request(self, method: str, path: str) -> Fault | None:
        """Have a fault happen to a request, if one is planned for its route."""
        asked = f"{method} {path}"
        return self.draw(lambda f: f.kind in REQUEST_KINDS and fnmatchcase(asked, f.route or ""))

    def of_money(self, kinds: frozenset[FaultKind], reference: str | None) -> Fault | None:
        """Have a charge or a refund go wrong, if that is planned.

        Args:
            kinds: What could go wrong now.
            reference: The ``client_reference_id`` of the session.
        """
        return self.draw(lambda f: f.kind in kinds and f.reference in (None, reference))

    def of_event(
        self, kinds: frozenset[FaultKind], event_type: str, reference: str | None
    ) -> Fault | None:
        """Have something happen to an event, if that is planned.

        Args:
            kinds: What could happen now.
            event_type: Such as ``checkout.session.completed``.
            reference: The ``client_reference_id`` of the session it is about.
        """
        return self.draw(
            lambda f: (
                f.kind in kinds
                and fnmatchcase(event_type, f.event or "*")
                and f.reference in (None, reference)
            )
        )
