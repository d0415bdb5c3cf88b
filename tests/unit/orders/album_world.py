"""An order over three photos, and everything that may happen to it: the album of `World`."""

from dataclasses import dataclass, field, replace
from datetime import timedelta

from rekindle.contracts.orders import HdState
from rekindle.rules.order_items import ItemState, hd_of
from rekindle.rules.orders import OrderState, Outcome
from rekindle.rules.prices import shares
from rekindle.rules.refunds import AskedRefund
from tests.unit.orders.test_order_properties import NOW, ORDER_ID, PRICE, World

ITEMS = tuple(ItemState(n, share) for n, share in enumerate(shares(PRICE, 3), start=1))
"""Their shares are 167, 166 and 166: two of them are equal."""


@dataclass
class AlbumWorld(World):
    """As `World`, but the HD of each photo ends by itself."""

    order: OrderState = field(
        default_factory=lambda: OrderState(
            ORDER_ID, PRICE, "usd", NOW + timedelta(hours=1), items=ITEMS
        )
    )

    @property
    def deliverable(self) -> int:
        """The shares of what can be had, or still may be."""
        return sum(each.share for each in self.order.items if each.hd is not HdState.FAILED)

    def _hd(self, state: HdState) -> None:
        """The first photo whose HD has not ended comes on."""
        unfinished = [
            each
            for each in self.order.items
            if each.hd in (HdState.WAITING, HdState.RENDERING) and each.hd is not state
        ]
        if not (self.must_render and unfinished):
            return
        items = tuple(
            replace(each, hd=state) if each is unfinished[0] else each for each in self.order.items
        )
        self.order = replace(self.order, items=items, hd=hd_of(items))
        self.must_render = self.order.hd in (HdState.WAITING, HdState.RENDERING)

    def _write(self, outcome: Outcome) -> None:
        before = {row.number: row.item for row in self.order.refunds}
        wanted = {len(before) + n: each for n, each in enumerate(outcome.refunds, start=1)}
        super()._write(outcome)
        rows: list[AskedRefund] = []
        for row in self.order.refunds:
            item = wanted[row.number].item if row.number in wanted else before[row.number]
            rows.append(replace(row, item=item))
        self.order = replace(self.order, refunds=tuple(rows))

    def refund(self, payment_id: str, amount: int, key: int | None = None) -> str | None:
        refund_id = super().refund(payment_id, amount, key)
        if refund_id is not None and key is not None:
            self.refunds[refund_id] = replace(self.refunds[refund_id], number=key)
        return refund_id

    def given_for(self, item: int) -> list[str]:
        """Refunds that gave the share of an item back, or will."""
        rows = {row.number for row in self.order.refunds if row.item == item}
        return [
            key
            for key, each in self.refunds.items()
            if each.number in rows and not each.status.gives_nothing
        ]
