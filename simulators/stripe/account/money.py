"""Currencies and amounts, as docs.stripe.com/currencies lists them."""

from __future__ import annotations

ZERO_DECIMAL = frozenset(
    "bif clp djf gnf jpy kmf krw mga pyg rwf vnd vuv xaf xof xpf".split()  # noqa: SIM905
)
THREE_DECIMAL = frozenset({"bhd", "jod", "kwd", "omr", "tnd"})
CURRENCIES = (
    frozenset(
        "usd aed ars aud bam bdt bgn brl cad chf cny cop crc czk dkk dop dzd egp eur fjd gbp gel "  # noqa: SIM905
        "ghs gtq hkd hnl huf idr ils inr isk jmd kes kzt lkr mad mdl mkd mop mur mwk mxn myr mzn "
        "nad ngn nio nok npr nzd pab pen php pkr pln qar ron rsd rub sar sek sgd thb try ttd twd "
        "tzs uah ugx uyu uzs yer zar zmw".split()
    )
    | ZERO_DECIMAL
    | THREE_DECIMAL
)
MINIMUMS = {
    **dict.fromkeys(("usd", "aud", "brl", "cad", "chf", "eur", "inr", "jpy", "nzd", "sgd"), 50),
    **{"gbp": 30, "aed": 200, "bgn": 100, "pln": 200, "ron": 200, "myr": 200},
    **{"dkk": 250, "nok": 300, "sek": 300, "hkd": 400, "mxn": 1000, "thb": 1000},
    **{"czk": 1500, "huf": 17500},
}
"""Smallest charge by currency, in its smallest unit; other currencies have none here."""
LARGEST = 99_999_999
"""Eight digits, in the smallest unit of any currency."""


def decimals(currency: str) -> int:
    """Digits after the point of a currency's amounts."""
    if currency in ZERO_DECIMAL:
        return 0
    return 3 if currency in THREE_DECIMAL else 2


def written(amount: int, currency: str) -> str:
    """An amount for people, such as ``4.90 EUR`` or ``500 JPY``.

    Args:
        amount: In the currency's smallest unit.
        currency: Three small letters.
    """
    digits = decimals(currency)
    return f"{amount / 10**digits:,.{digits}f} {currency.upper()}"
