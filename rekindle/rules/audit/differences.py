"""What an audit of money may find."""

from dataclasses import dataclass
from enum import StrEnum
from uuid import UUID


class DifferenceKind(StrEnum):
    """What is wrong; the words are stable."""

    MONEY_WITHOUT_ORDER = "money_without_order"
    """Money is kept of which no order of ours knows."""
    ORDER_WITHOUT_MONEY = "order_without_money"
    """An order counts as paid, and its payment is not there."""
    UNLOCKED_WITHOUT_PAYMENT = "unlocked_without_payment"
    """HD may be read although no money is kept for it, or while it is contested."""
    DELIVERED_BUT_LOCKED = "delivered_but_locked"
    """HD was paid and delivered, and may not be read."""
    WRONG_SUM = "wrong_sum"
    """What is kept is neither the price of HD that can be had, nor zero without."""
    WRONG_AMOUNT = "wrong_amount"
    """A payment, or an open page, of another amount or currency than the order's."""
    TWO_PAYMENTS = "two_payments"
    """More than one payment is kept for one order."""
    REFUND_UNANSWERED = "refund_unanswered"
    """A refund stands in our ledger, and its call was not made or not answered."""
    REFUND_FAILED = "refund_failed"
    """A refund of our ledger failed, and no other has taken its place."""
    REFUND_MISSING = "refund_missing"
    """Our ledger names a refund that the provider does not have."""
    REFUND_TWICE = "refund_twice"
    """We made two refunds for one row of our ledger."""
    REFUND_UNKNOWN = "refund_unknown"
    """A refund that our ledger does not have, such as one made by hand at the provider."""
    HD_MISSING = "hd_missing"
    """HD may be read, and the object is gone."""
    SESSION_OPEN = "session_open"
    """A page can still be paid although its order awaits no payment."""
    DISPUTE_OPEN = "dispute_open"
    """A payment is contested; nothing of it moves until that is over."""

    @property
    def is_information(self) -> bool:
        """Whether nothing is wrong: an operator may want to know it."""
        return self in (DifferenceKind.REFUND_UNKNOWN, DifferenceKind.DISPUTE_OPEN)


@dataclass(frozen=True)
class Difference:
    """One thing that is not as it must be.

    Attributes:
        order_id: None when no order of ours is concerned.
        about: the provider's id of what it is about, a row's number, or a key.
        amount: the money at stake, in the smallest unit; what is kept too much, or too little.
    """

    kind: DifferenceKind
    order_id: UUID | None
    about: str
    amount: int = 0
    currency: str = ""
