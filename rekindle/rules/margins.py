"""What an order brought, and what its GPU time cost."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from uuid import UUID

from rekindle.rules.prices import WHOLE


@dataclass(frozen=True)
class OrderMargin:
    """One paid order.

    Attributes:
        price: in the currency's smallest unit.
        given_back: of it, by refunds that were made or are to be made.
        gpu_usd: for the tries of its HD, of the attempt that was sold, and of what that was made
            from; at the rate of their pods, so nothing on fixed servers. Of several orders of one
            attempt each bears it whole.
    """

    order_id: UUID
    product: str
    status: str
    paid_at: datetime
    price: int
    given_back: int
    currency: str
    gpu_usd: Decimal

    @property
    def kept(self) -> Decimal:
        """What stays of the price, in whole units of its currency; fees are not known here."""
        return major(self.price - self.given_back, self.currency)

    @property
    def margin_usd(self) -> Decimal | None:
        """What is left after the GPUs; None in other currencies: no rate of exchange is known."""
        return self.kept - self.gpu_usd if self.currency == "usd" else None


def major(amount: int, currency: str) -> Decimal:
    """An amount in whole units: dollars, pounds, yen.

    Args:
        amount: in the smallest unit.
        currency: ISO 4217, one that we sell in.
    """
    return Decimal(amount) if currency in WHOLE else Decimal(amount) / 100


def kept_by_currency(margins: Iterable[OrderMargin]) -> dict[str, Decimal]:
    """What stays of all prices, by currency."""
    kept: dict[str, Decimal] = {}
    for each in margins:
        kept[each.currency] = kept.get(each.currency, Decimal(0)) + each.kept
    return dict(sorted(kept.items()))
