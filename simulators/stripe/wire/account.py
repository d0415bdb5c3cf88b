"""The account itself."""

from __future__ import annotations

from simulators.stripe.account.book import Thing
from simulators.stripe.account.refusal import Refusal
from simulators.stripe.wire.call import Call


def get_account(call: Call) -> Thing:
    """Whose key this is.

    Raises:
        Refusal: The path names another account.
    """
    account = call.book.account
    asked = call.path.get("account", account)
    if asked != account:
        message = f"The provided key does not have access to account '{asked[:40]}'."
        raise Refusal(message, status=403, code="account_invalid")
    return {
        "id": account,
        "object": "account",
        "business_profile": {"name": "Simulated account", "url": None},
        "business_type": "company",
        "capabilities": {"card_payments": "active", "transfers": "active"},
        "charges_enabled": True,
        "country": "DE",
        "default_currency": "eur",
        "details_submitted": True,
        "email": None,
        "metadata": {},
        "payouts_enabled": True,
        "settings": {"dashboard": {"display_name": "Simulated account", "timezone": "Etc/UTC"}},
        "type": "standard",
    }
