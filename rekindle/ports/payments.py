"""Payments by hosted checkout: what is asked of the payment provider."""

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol
from uuid import UUID

from rekindle.contracts.payments import (
    CheckoutOrder,
    CheckoutSession,
    Dispute,
    DisputeStatus,
    Payment,
    PaymentEvent,
    PaymentFacts,
    Refund,
    RefundStatus,
    SessionStatus,
)

__all__ = [
    "CheckoutOrder",
    "CheckoutSession",
    "Dispute",
    "DisputeStatus",
    "Payment",
    "PaymentEvent",
    "PaymentFacts",
    "Payments",
    "Refund",
    "RefundStatus",
    "SessionStatus",
]


class Payments(Protocol):
    """The provider. No call is retried inside.

    Every method raises `PaymentsUnavailable` (the outcome is unknown: repeat with the same key, or
    look) and `PaymentsRefused` (our key or request: no repeat can help).
    """

    async def open_session(self, order: CheckoutOrder) -> CheckoutSession:
        """Make a checkout session. Idempotent by the order's key, for less than 24 hours."""
        ...

    async def expire_session(self, session_id: str, *, key: str) -> CheckoutSession:
        """Close an open session; one that was paid meanwhile comes back complete."""
        ...

    async def facts(
        self, order_id: UUID, *, session_ids: Sequence[str], payment_ids: Sequence[str]
    ) -> PaymentFacts:
        """Everything about an order, read anew: its sessions, payments, refunds and disputes.

        Args:
            session_ids: those that are known of.
            payment_ids: the same; payments of the sessions are found by themselves.
        """
        ...

    async def refund(self, payment_id: str, *, amount: int, order_id: UUID, key: str) -> Refund:
        """Give money back. Idempotent by the key; look at `facts` first when it may be old."""
        ...

    async def events(self, *, since: datetime) -> Sequence[PaymentEvent]:
        """Events since then, oldest first: for those whose webhook never came."""
        ...

    async def money(self, *, since: datetime) -> PaymentFacts:
        """Everything of the account that was made since then, whether it is of our orders or not.

        The facts of an order are whole when the order itself is not older than that: all that is
        the provider's comes after it. What changes meanwhile may or may not be in them.
        """
        ...

    def verify(self, body: bytes, signature: str) -> PaymentEvent:
        """The event in a webhook's raw body.

        Raises:
            WebhookForged: signature, age, account or mode are not right.
        """
        ...
