"""Orders of HD: their words, their workflow, and the keys that make a repeat the same thing."""

from enum import StrEnum
from uuid import UUID

HD_ORDER = "HdOrder"


def workflow_id(order_id: UUID) -> str:
    """The id of the order's `HdOrder`; also its idempotency key."""
    return f"order-{order_id}"


def session_key(order_id: UUID, number: int) -> str:
    """The provider's idempotency key of an order's checkout session.

    Args:
        number: of the session within its order, from 1; other parameters need another number.
    """
    return f"checkout:{order_id}:{number}"


def refund_key(order_id: UUID, number: int) -> str:
    """The provider's idempotency key of a row in the ledger of refunds.

    Args:
        number: of the row within its order, from 1.
    """
    return f"refund:{order_id}:{number}"


class Product(StrEnum):
    """What is sold: the HD result of one attempt."""

    HD_IMAGE = "hd_image"
    HD_ANIMATION = "hd_animation"


class OrderStatus(StrEnum):
    """Where an order stands."""

    CREATED = "created"
    AWAITING_PAYMENT = "awaiting_payment"
    PAID = "paid"
    RENDERING = "rendering"
    DELIVERED = "delivered"
    EXPIRED = "expired"
    REFUNDING = "refunding"
    REFUNDED = "refunded"
    DISPUTED = "disputed"


class HdState(StrEnum):
    """What has become of an order's HD object."""

    WAITING = "waiting"
    RENDERING = "rendering"
    READY = "ready"
    FAILED = "failed"
    """For good: no further try."""


class RefundReason(StrEnum):
    """Why money goes back."""

    HD_FAILED = "hd_failed"
    ORDER_CLOSED = "order_closed"
    DUPLICATE = "duplicate"
    WRONG_AMOUNT = "wrong_amount"
    OPERATOR = "operator"
