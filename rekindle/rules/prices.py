"""What things cost. The only place with a price; a client names a product, never an amount."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from rekindle.contracts.orders import Product
from rekindle.errors import UnknownCurrency, UnknownProduct

PRICE_VERSION = "2026-11-20"
"""Of the list below; an order keeps the one it was made with."""

_AMOUNTS: Mapping[Product, Mapping[str, int]] = MappingProxyType(
    {
        Product.HD_IMAGE: {"usd": 499, "eur": 499, "gbp": 449, "jpy": 750},
        Product.HD_ANIMATION: {"usd": 999, "eur": 999, "gbp": 899, "jpy": 1500},
    }
)

TITLES: Mapping[Product, str] = MappingProxyType(
    {
        Product.HD_IMAGE: "Restored photo in high definition",
        Product.HD_ANIMATION: "Animated photo in high definition",
    }
)
"""What the person reads that they pay for."""

CURRENCIES = ("usd", "eur", "gbp", "jpy")
"""ISO 4217, in lower case as the payment provider writes them."""


@dataclass(frozen=True)
class Price:
    """What one product costs.

    Attributes:
        amount: in the currency's smallest unit: cents, pence, or whole yen.
        currency: ISO 4217, lower case.
        version: of the price list.
    """

    amount: int
    currency: str
    version: str


def price_of(product: str, currency: str) -> Price:
    """The price of a product.

    Args:
        product: one of `Product`.
        currency: one of `CURRENCIES`, in any case.

    Raises:
        UnknownProduct: nothing of that name is sold.
        UnknownCurrency: it has no price in that currency.
    """
    if product not in tuple(Product):
        raise UnknownProduct(f"There is no product {product!r}; there are {', '.join(Product)}.")
    amounts, wanted = _AMOUNTS[Product(product)], currency.lower()
    if wanted not in amounts:
        raise UnknownCurrency(f"There is no price in {currency!r}, only in {', '.join(amounts)}.")
    return Price(amounts[wanted], wanted, PRICE_VERSION)
