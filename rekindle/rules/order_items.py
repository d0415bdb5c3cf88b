"""The items of an order over several photos: what they come to together."""

from collections.abc import Sequence
from dataclasses import dataclass

from rekindle.contracts.orders import HdState


@dataclass(frozen=True)
class ItemState:
    """One photo of an order.

    Attributes:
        number: within its order, from 1.
        share: its part of the price, in the currency's smallest unit; the parts of all items are
            the price. It goes back when the HD object fails for good.
        hd: what became of its HD object.
    """

    number: int
    share: int
    hd: HdState = HdState.WAITING


def hd_of(items: Sequence[ItemState]) -> HdState:
    """What became of the HD objects of an order as a whole; it never goes back.

    `READY` when all have ended and some can be had; `FAILED` when none can.
    """
    states = {each.hd for each in items}
    if states <= {HdState.FAILED}:
        return HdState.FAILED
    if states <= {HdState.FAILED, HdState.READY}:
        return HdState.READY
    return HdState.WAITING if states == {HdState.WAITING} else HdState.RENDERING
