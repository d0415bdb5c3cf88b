"""Parameters of ``POST /v1/checkout/sessions``, read and checked."""

from __future__ import annotations

from urllib.parse import urlsplit

from simulators.stripe.account.money import CURRENCIES, LARGEST, MINIMUMS, written
from simulators.stripe.account.refusal import Refusal
from simulators.stripe.account.sessions import DELAYED_METHODS, LONGEST, SHORTEST, Item, NewSession
from simulators.stripe.wire.fields import Fields

_METHODS = DELAYED_METHODS | {"card", "link"}
_OFFERED = ("card", "link", "sepa_debit")
_MOST_ITEMS = 100
_SUBMIT_TYPES = ("auto", "book", "donate", "pay", "subscribe")


def read_new_session(fields: Fields, now: int) -> NewSession:
    """Read everything; ``fields`` knows afterwards what nobody wanted.

    Args:
        fields: The parameters.
        now: Unix seconds.

    Raises:
        Refusal: Something is missing, wrong, or not simulated.
    """
    mode = fields.need_text("mode", choices=("payment", "setup", "subscription"))
    if mode != "payment":
        raise Refusal("The simulator knows the mode payment alone.", param="mode")
    fields.text("ui_mode", choices=("hosted", "hosted_page"))
    fields.text("payment_method_collection", choices=("always", "if_required"))
    fields.text("customer_creation", choices=("always", "if_required"))
    _switched_off(fields)
    asked = NewSession(
        items=_items(fields),
        success_url=_url(fields, "success_url", fields.need_text("success_url")),
        cancel_url=_optional_url(fields, "cancel_url"),
        expires_at=_expires_at(fields, now),
        client_reference_id=fields.text("client_reference_id", most=200),
        customer=fields.text("customer"),
        customer_email=_email(fields),
        locale=fields.text("locale", most=10),
        submit_type=fields.text("submit_type", choices=_SUBMIT_TYPES),
        metadata=fields.metadata(),
        methods=_methods(fields),
        intent=_intent(fields.group("payment_intent_data")),
    )
    _check_amount(asked)
    return asked


def _items(fields: Fields) -> list[Item]:
    groups = fields.groups("line_items")
    if not groups:
        raise fields.missing("line_items")
    if len(groups) > _MOST_ITEMS:
        raise Refusal(f"At most {_MOST_ITEMS} line items.", param="line_items")
    items = [_item(group) for group in groups]
    if len({item.currency for item in items}) > 1:
        message = "All line items of a Checkout Session have the same currency."
        raise Refusal(message, param="line_items")
    return items


def _item(fields: Fields) -> Item:
    quantity = fields.need_whole("quantity")
    if quantity < 1:
        message = "Invalid quantity: must be greater than or equal to 1"
        raise Refusal(message, param=fields.name("quantity"))
    price = fields.text("price")
    if price is not None:
        message = f"No such price: '{price}'"
        raise Refusal(message, code="resource_missing", param=fields.name("price"))
    data = fields.group("price_data")
    currency = data.need_text("currency").lower()
    if currency not in CURRENCIES:
        message = f"Invalid currency: {currency[:10]}. "
        message += f"Stripe currently supports these currencies: {', '.join(sorted(CURRENCIES))}"
        raise Refusal(message, param=data.name("currency"))
    amount = data.need_whole("unit_amount")
    if amount < 0:
        message = "Invalid non-negative integer"
        code = "parameter_invalid_integer"
        raise Refusal(message, code=code, param=data.name("unit_amount"))
    data.text("tax_behavior", choices=("exclusive", "inclusive", "unspecified"))
    product = data.group("product_data")
    name = product.need_text("name", most=250)
    product.text("description")
    product.text("tax_code")
    for image in product.texts("images"):
        _url(product, "images", image)
    return Item(name, currency, amount, quantity, product.metadata())


def _check_amount(asked: NewSession) -> None:
    least = MINIMUMS.get(asked.currency, 0)
    if 0 < asked.amount < least:
        money = written(least, asked.currency)
        message = f"The Checkout Session's total amount due must add up to at least {money}"
        raise Refusal(message, code="amount_too_small")
    if asked.amount > LARGEST:
        money = written(LARGEST, asked.currency)
        message = f"The Checkout Session's total amount due must be no more than {money}"
        raise Refusal(message, code="amount_too_large")


def _expires_at(fields: Fields, now: int) -> int | None:
    moment = fields.whole("expires_at")
    if moment is None:
        return None
    if moment - now < SHORTEST:
        message = "The `expires_at` timestamp must be at least 30 minutes from Checkout Session "
        raise Refusal(message + "creation.", param="expires_at")
    if moment - now > LONGEST:
        message = "The `expires_at` timestamp must be less than 24 hours from Checkout Session "
        raise Refusal(message + "creation.", param="expires_at")
    return moment


def _methods(fields: Fields) -> list[str]:
    """What is offered: chosen by the caller, or by the account's settings."""
    named = fields.texts("payment_method_types", _METHODS)
    named += fields.texts("allowed_payment_method_types", _METHODS)
    kept_out = fields.texts("excluded_payment_method_types", _METHODS)
    return [method for method in named or _OFFERED if method not in kept_out]


def _intent(fields: Fields) -> dict[str, object]:
    fields.text("capture_method", choices=("automatic", "automatic_async"))
    words = {
        "description": fields.text("description", most=1_000),
        "receipt_email": fields.text("receipt_email", most=512),
        "statement_descriptor": fields.text("statement_descriptor", most=22),
        "statement_descriptor_suffix": fields.text("statement_descriptor_suffix", most=22),
    }
    return {**words, "metadata": fields.metadata()}


def _switched_off(fields: Fields) -> None:
    """Features that are accepted when they are off."""
    for word in ("automatic_tax", "invoice_creation", "phone_number_collection"):
        group = fields.group(word)
        if group.truth("enabled"):
            raise Refusal("The simulator does not know this.", param=group.name("enabled"))
    for word in ("allow_promotion_codes",):
        if fields.truth(word):
            raise Refusal("The simulator does not know this.", param=word)
    fields.text("billing_address_collection", choices=("auto", "required"))


def _email(fields: Fields) -> str | None:
    email = fields.text("customer_email", most=512)
    if email is not None and not (email.count("@") == 1 and " " not in email.strip("@")):
        message = f"Invalid email address: {email[:100]}"
        raise Refusal(message, code="email_invalid", param="customer_email")
    return email


def _optional_url(fields: Fields, word: str) -> str | None:
    text = fields.text(word)
    return None if text is None else _url(fields, word, text)


def _url(fields: Fields, word: str, text: str) -> str:
    try:
        address = urlsplit(text)
        is_good = address.scheme in ("http", "https") and bool(address.hostname)
    except ValueError:
        is_good = False
    if not is_good or any(character <= " " for character in text):
        message = "Not a valid URL"
        raise Refusal(message, code="url_invalid", param=fields.name(word))
    return text
