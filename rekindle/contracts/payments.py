"""What the payment provider knows of an order, as plain facts; amounts in the smallest unit."""

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from uuid import UUID


class SessionStatus(StrEnum):
    """Where a checkout session stands."""

    OPEN = "open"
    COMPLETE = "complete"
    EXPIRED = "expired"


class RefundStatus(StrEnum):
    """Where a refund stands; the last two gave nothing back."""

    PENDING = "pending"
    REQUIRES_ACTION = "requires_action"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELED = "canceled"

    @property
    def gives_nothing(self) -> bool:
        """Whether no money went, or will go, back by it."""
        return self in (RefundStatus.FAILED, RefundStatus.CANCELED)


class DisputeStatus(StrEnum):
    """Where a dispute stands, in the three ways that matter to an order."""

    OPEN = "open"
    WON = "won"
    LOST = "lost"


@dataclass(frozen=True)
class CheckoutOrder:
    """What a checkout session is made for.

    Attributes:
        order_id: goes into the metadata of the session and of its payment.
        amount: in the currency's smallest unit.
        currency: ISO 4217, lower case.
        name: of the product, as the person reads it.
        email: the person's, to save typing; None asks for it.
        expires_at: 30 minutes to 24 hours ahead.
        key: the provider's idempotency key of this very call.
    """

    order_id: UUID
    amount: int
    currency: str
    name: str
    email: str | None
    success_url: str
    cancel_url: str
    expires_at: datetime
    key: str


@dataclass(frozen=True)
class CheckoutSession:
    """A checkout session as the provider has it.

    Attributes:
        url: the hosted page; None unless it is open.
        is_paid: whether money has arrived; a complete session may still wait for a bank.
        payment_id: of its payment, once there is one.
    """

    session_id: str
    order_id: UUID | None
    status: SessionStatus
    is_paid: bool
    amount: int
    currency: str
    url: str | None
    payment_id: str | None
    expires_at: datetime


@dataclass(frozen=True)
class Payment:
    """Money of one session. `captured` is what arrived, in the smallest unit.

    Attributes:
        has_failed: the bank said no, so this payment will bring nothing any more.
        created_at: of the last try to pay; a bank's money arrives days after it. For audits.
    """

    payment_id: str
    order_id: UUID | None
    captured: int
    currency: str
    has_failed: bool = False
    created_at: datetime | None = field(default=None, compare=False)


@dataclass(frozen=True)
class Refund:
    """Money on its way back, or back.

    Attributes:
        order_id: None unless we asked for it: one made by hand at the provider names no order.
        number: of the row in our ledger that asked for it, where the call carried it.
        created_at: for audits.
    """

    refund_id: str
    payment_id: str
    amount: int
    status: RefundStatus
    order_id: UUID | None = field(default=None, compare=False)
    number: int | None = field(default=None, compare=False, kw_only=True)
    created_at: datetime | None = field(default=None, compare=False)


@dataclass(frozen=True)
class Dispute:
    """A payment that its person contests. `created_at` is for audits."""

    dispute_id: str
    payment_id: str
    amount: int
    status: DisputeStatus
    created_at: datetime | None = field(default=None, compare=False)


@dataclass(frozen=True)
class PaymentFacts:
    """All that the provider knows of one order."""

    sessions: tuple[CheckoutSession, ...] = ()
    payments: tuple[Payment, ...] = ()
    refunds: tuple[Refund, ...] = ()
    disputes: tuple[Dispute, ...] = ()


@dataclass(frozen=True)
class PaymentEvent:
    """A verified event: it only wakes its order, and never is the truth itself.

    Attributes:
        order_id: None when it names no order of ours; `payment_id` may tell.
    """

    event_id: str
    kind: str
    created_at: datetime
    order_id: UUID | None
    payment_id: str | None
