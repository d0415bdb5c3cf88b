"""Orders of HD: their words, their workflow, and the keys that make a repeat the same thing."""

from datetime import datetime
from enum import StrEnum
from uuid import UUID, uuid5

from rekindle.contracts.payload import Payload
from rekindle.contracts.renders import RenderInput

HD_ORDER = "HdOrder"
CHECKOUT = "checkout"
"""Update: have an open checkout session, the same for whoever asks twice."""
WAKE = "wake"
"""Signal: something may have happened, so look at the payment provider anew."""
SUCCESS_PAGE = "/checkout/{order_id}/success"
"""Path of our page after a payment, under PUBLIC_URL. The query tells `session_id`, if anything."""
CANCEL_PAGE = "/checkout/{order_id}/cancel"
"""Path of our page after a checkout that was left."""


def workflow_id(order_id: UUID) -> str:
    """The id of the order's `HdOrder`; also its idempotency key."""
    return f"order-{order_id}"


def hd_attempt_id(order_id: UUID) -> UUID:
    """The attempt that makes an order's HD: one order, one attempt, whoever starts it."""
    return uuid5(order_id, "hd")


def hd_item_attempt_id(order_id: UUID, number: int) -> UUID:
    """The attempt that makes the HD of one photo of an order over several.

    Args:
        number: of the item within its order, from 1.
    """
    return uuid5(order_id, f"hd:{number}")


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


def refund_number(key: str) -> int | None:
    """The number of the row that a `refund_key` was made for; None for another text."""
    number = key.rpartition(":")[2]
    return int(number) if key.startswith("refund:") and number.isdecimal() else None


class Product(StrEnum):
    """What is sold: the HD result of one attempt, or those of several photos at once."""

    HD_IMAGE = "hd_image"
    HD_ANIMATION = "hd_animation"
    ALBUM = "album"
    """Its items are HD images, each with its share of the price."""


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

    @property
    def is_unpaid(self) -> bool:
        """Whether nobody has paid so far, and somebody may yet."""
        return self in (OrderStatus.CREATED, OrderStatus.AWAITING_PAYMENT)


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


class OrderRef(Payload):
    """Names an order; everything else is read from its row when it is needed."""

    order_id: UUID


class Checkout(Payload):
    """Where an order is paid.

    Attributes:
        url: the provider's page; None when there is nothing to be paid (any more).
        expires_at: the end of that page.
    """

    status: OrderStatus
    url: str | None = None
    expires_at: datetime | None = None


class OrderLook(Payload):
    """What a look at the payment provider came to.

    Attributes:
        must_render: HD is owed and nobody has begun to make it.
        is_settled: nothing is on its way: look again only when told to.
        look_after_seconds: look again after so long even if nobody says that something happened.
        needs_operator: a refund failed too often.
        items: how many photos an order over several has; 0 of an order of one.
        owed: numbers of the items that are owed and that nobody has begun to make.
        under_way: the same, of those that are being made.
    """

    status: OrderStatus
    hd: HdState
    must_render: bool
    is_settled: bool
    look_after_seconds: float
    needs_operator: bool = False
    items: int = 0
    owed: tuple[int, ...] = ()
    under_way: tuple[int, ...] = ()


class OrderItems(Payload):
    """Some items of an order over several photos.

    Attributes:
        numbers: within their order, from 1.
    """

    order_id: UUID
    numbers: tuple[int, ...]


class ItemRenders(Payload):
    """What is to be rendered of these items; those that cannot be made are left out."""

    renders: tuple[RenderInput, ...]
