"""The two pages that a browser comes back to from a checkout: no script, no data, one link."""

import base64
import hashlib
from html import escape

_STYLE = (
    ":root{color-scheme:light dark}"
    "body{margin:0;font:1.125rem/1.6 system-ui,sans-serif;background:#fff;color:#1b1b1b}"
    "main{max-width:34rem;margin:0 auto;padding:12vh 1.25rem}"
    "h1{font-size:1.75rem;line-height:1.25;margin:0 0 1rem}"
    "a{color:#0b57d0;text-underline-offset:.2em;display:inline-block;padding:.5rem 0}"
    "a:focus-visible{outline:3px solid;outline-offset:3px}"
    "@media (prefers-color-scheme:dark){body{background:#161616;color:#f0f0f0}a{color:#8ab4f8}}"
)
_STYLE_SHA256 = base64.b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()

POLICY = (
    f"default-src 'none'; style-src 'sha256-{_STYLE_SHA256}'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
"""Content-Security-Policy of both pages: their own style, and nothing else."""


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
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        '<meta name="robots" content="noindex">'
        f"<title>{escape(heading)} - {escape(title)}</title><style>{_STYLE}</style></head>"
        f"<body><main><h1>{escape(heading)}</h1><p>{escape(first)}</p><p>{escape(second)}</p>"
        f'<p><a href="{escape(back)}">Back to {escape(title)}</a></p></main></body></html>\n'
    )
