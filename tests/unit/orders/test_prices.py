import pytest

from rekindle.contracts.orders import Product
from rekindle.errors import UnknownCurrency, UnknownProduct
from rekindle.rules.prices import CURRENCIES, PRICE_VERSION, price_of


@pytest.mark.parametrize("currency", CURRENCIES)
@pytest.mark.parametrize("product", list(Product))
def test_everything_sold_has_a_whole_positive_price_in_every_currency(
    product: Product, currency: str
) -> None:
    price = price_of(product, currency)
    assert isinstance(price.amount, int)
    assert price.amount > 0
    assert (price.currency, price.version) == (currency, PRICE_VERSION)


def test_yen_have_no_smaller_unit() -> None:
    """A price in sen would be a hundred times as dear."""
    assert price_of("hd_image", "jpy").amount < 2 * price_of("hd_image", "usd").amount


def test_a_currency_may_be_written_in_capitals() -> None:
    assert price_of("hd_animation", "EUR") == price_of("hd_animation", "eur")


@pytest.mark.parametrize("product", ["", "HD_IMAGE", "hd_photo"])
def test_what_is_not_sold_has_no_price(product: str) -> None:
    with pytest.raises(UnknownProduct):
        price_of(product, "usd")


@pytest.mark.parametrize("currency", ["", "us", "xau"])
def test_there_is_no_price_in_another_currency(currency: str) -> None:
    with pytest.raises(UnknownCurrency):
        price_of("hd_image", currency)
