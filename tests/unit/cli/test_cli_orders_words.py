"""Words that the commands of orders repeat, so that `--help` imports nothing slow."""

import pytest

from deploy.cli.orders.audit import _MEANINGS
from deploy.cli.orders.describing import money
from rekindle.rules.audit import DifferenceKind
from rekindle.rules.prices import CURRENCIES


def test_every_difference_has_its_meaning() -> None:
    assert set(_MEANINGS) == set(DifferenceKind)


@pytest.mark.parametrize(
    ("amount", "currency", "text"),
    [
        (499, "usd", "4.99 USD"),
        (5, "gbp", "0.05 GBP"),
        (-100, "eur", "-1.00 EUR"),
        (750, "jpy", "750 JPY"),
        (750, "", "750"),
    ],
)
def test_money_is_written_as_people_read_it(amount: int, currency: str, text: str) -> None:
    assert money(amount, currency) == text


def test_what_is_sold_in_other_currencies_has_hundredths() -> None:
    assert [money(100, each) for each in CURRENCIES] == [
        "1.00 USD",
        "1.00 EUR",
        "1.00 GBP",
        "100 JPY",
    ]
