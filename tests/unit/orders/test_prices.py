import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rekindle.contracts.orders import Product
from rekindle.errors import UnknownCurrency, UnknownProduct
from rekindle.rules.prices import CURRENCIES, PRICE_VERSION, album_price, price_of, shares


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


@given(st.integers(1, 500), st.sampled_from(CURRENCIES))
@settings(deadline=None, max_examples=50)
def test_an_album_is_never_dearer_than_its_photos_one_by_one(count: int, currency: str) -> None:
    single = price_of(Product.HD_IMAGE, currency).amount
    assert album_price(1, currency).amount == single
    assert album_price(count, currency).amount <= count * single


@given(st.integers(1, 500), st.integers(1, 500), st.sampled_from(CURRENCIES))
@settings(deadline=None, max_examples=50)
def test_more_photos_cost_more_and_each_no_more_than_the_one_before(
    one: int, other: int, currency: str
) -> None:
    few, many = sorted((one, other))
    prices = {n: album_price(n, currency).amount for n in (few, few + 1, many, many + 1)}
    assert prices[few] < prices[few + 1]
    assert prices[few] <= prices[many]
    assert prices[few + 1] - prices[few] >= prices[many + 1] - prices[many] > 0


@given(st.integers(1, 500), st.sampled_from(CURRENCIES))
@settings(deadline=None, max_examples=50)
def test_the_shares_of_an_album_are_its_price_and_nearly_equal(count: int, currency: str) -> None:
    price = album_price(count, currency).amount
    parts = shares(price, count)
    assert (len(parts), sum(parts)) == (count, price)
    assert 0 < max(parts) - 1 <= min(parts)
    assert list(parts) == sorted(parts, reverse=True)


def test_the_prices_of_albums_are_what_we_say() -> None:
    found = [album_price(count, "usd").amount for count in (1, 2, 5, 20, 21, 100)]
    assert found == [499, 898, 2095, 6955, 7204, 26_875]
    assert album_price(3, "JPY").amount == 1950


@pytest.mark.parametrize(("amount", "count"), [(5, 0), (2, 3), (0, 0)])
def test_what_cannot_be_shared_is_refused(amount: int, count: int) -> None:
    with pytest.raises(ValueError, match="parts"):
        shares(amount, count)


def test_an_album_of_nothing_has_no_price() -> None:
    with pytest.raises(ValueError, match="no price"):
        album_price(0, "usd")
    with pytest.raises(UnknownCurrency):
        album_price(1, "xau")
