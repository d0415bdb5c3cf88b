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

_BUNDLE = ((1, 100), (5, 80), (20, 65))
"""Of an album: up to which photo each costs how many percent of one alone."""
_BEYOND = 50
"""Percent that every further one costs."""

TITLES: Mapping[Product, str] = MappingProxyType(
    {
        Product.HD_IMAGE: "Restored photo in high definition",
        Product.HD_ANIMATION: "Animated photo in high definition",
        Product.ALBUM: "Album of restored photos in high definition",
    }
)
"""What the person reads that they pay for."""

CURRENCIES = ("usd", "eur", "gbp", "jpy")
"""ISO 4217, in lower case as the payment provider writes them."""

WHOLE = frozenset({"jpy"})
"""Those without a smaller unit."""


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
    """The price of a product; of an album, with one photo in it.

    Args:
        product: one of `Product`.
        currency: one of `CURRENCIES`, in any case.

    Raises:
        UnknownProduct: nothing of that name is sold.
        UnknownCurrency: it has no price in that currency.
    """
    if product not in tuple(Product):
        raise UnknownProduct(f"There is no product {product!r}; there are {', '.join(Product)}.")
    single = Product.HD_IMAGE if product == Product.ALBUM else Product(product)
    amounts, wanted = _AMOUNTS[single], currency.lower()
    if wanted not in amounts:
        raise UnknownCurrency(f"There is no price in {currency!r}, only in {', '.join(amounts)}.")
    return Price(amounts[wanted], wanted, PRICE_VERSION)


def album_price(count: int, currency: str) -> Price:
    """The price of the HD pictures of so many photos, bought together.

    Each photo costs something, and none more than the one before it: so more photos are always
    dearer, and an album is never dearer than its photos one by one.

    Args:
        count: how many, at least 1.
        currency: one of `CURRENCIES`, in any case.

    Raises:
        UnknownCurrency: it has no price in that currency.
    """
    if count < 1:
        raise ValueError(f"an album of {count} photos has no price")
    single = price_of(Product.ALBUM, currency)
    amount, before = 0, 0
    for upto, percent in (*_BUNDLE, (count, _BEYOND)):
        amount += max(min(count, upto) - before, 0) * (single.amount * percent // 100)
        before = max(before, upto)
    return Price(amount, single.currency, single.version)


def shares(amount: int, count: int) -> tuple[int, ...]:
    """A price in so many parts, as equal as they can be, the larger ones first.

    Their sum is the price to the last cent; each is what goes back if its photo cannot be made.

    Args:
        amount: in the currency's smallest unit, at least `count`.
        count: how many parts, at least 1.
    """
    if not 1 <= count <= amount:
        raise ValueError(f"{amount} has no {count} parts")
    part, rest = divmod(amount, count)
    return tuple(part + (index < rest) for index in range(count))
