"""The two pages that a browser comes back to from a checkout: no script, no data, one link."""

from html import escape

from api.pages import page, policy

POLICY = policy()
"""Content-Security-Policy of both pages."""


def success_page(title: str, back: str) -> str:
    """What is shown after a payment.

    Nothing in it depends on the order: whether it was paid is told to its owner alone, and the
    payment provider tells us, not the browser.

    Args:
        title: of this service.
        back: address of where the person came from.
    """
    return _page(
        title,
        "Thank you",
        "As soon as the payment is confirmed, your result is made in full quality. That usually "
        "takes a few minutes, and longer with a bank transfer. You find it with your photo, and "
        "may close this page.",
        "If it can not be made, your money goes back by itself.",
        back,
    )


def cancel_page(title: str, back: str) -> str:
    """What is shown after a checkout that was left.

    Args:
        title: of this service.
        back: address of where the person came from.
    """
    return _page(
        title,
        "Nothing was paid",
        "You left the checkout. Your photo and its preview are still there.",
        "You can buy the full quality at any time.",
        back,
    )


def _page(title: str, heading: str, first: str, second: str, back: str) -> str:
    return page(
        title,
        heading,
        f"<p>{escape(first)}</p><p>{escape(second)}</p>"
        f'<p><a href="{escape(back)}">Back to {escape(title)}</a></p>',
    )
