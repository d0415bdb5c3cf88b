"""Web pages of the API itself: one style, no script, nothing loaded from anywhere."""

import base64
import hashlib
from html import escape

_STYLE = (
    ":root{color-scheme:light dark}"
    "body{margin:0;font:1.125rem/1.6 system-ui,sans-serif;background:#fff;color:#1b1b1b}"
    "main{max-width:34rem;margin:0 auto;padding:12vh 1.25rem}"
    "h1{font-size:1.75rem;line-height:1.25;margin:0 0 1rem;overflow-wrap:anywhere}"
    "a{color:#0b57d0;text-underline-offset:.2em;display:inline-block;padding:.5rem 0}"
    "button{font:inherit;padding:.5rem 1.25rem;border:1px solid;border-radius:.375rem;"
    "background:none;color:#0b57d0;cursor:pointer}"
    "a:focus-visible,button:focus-visible{outline:3px solid;outline-offset:3px}"
    "@media (prefers-color-scheme:dark){body{background:#161616;color:#f0f0f0}"
    "a,button{color:#8ab4f8}}"
)
_STYLE_SHA256 = base64.b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()


def policy(form_targets: str = "'none'") -> str:
    """Content-Security-Policy of a page: its own style, and nothing else.

    Args:
        form_targets: where its forms may lead. Browsers ask that of redirects after a form, too.
    """
    return (
        f"default-src 'none'; style-src 'sha256-{_STYLE_SHA256}'; "
        f"base-uri 'none'; form-action {form_targets}; frame-ancestors 'none'"
    )


def page(title: str, heading: str, content: str) -> str:
    """A whole page.

    Args:
        title: of this service, as text.
        heading: as text.
        content: as HTML: whoever makes it has escaped it.
    """
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        '<meta name="robots" content="noindex">'
        f"<title>{escape(heading)} - {escape(title)}</title><style>{_STYLE}</style></head>"
        f"<body><main><h1>{escape(heading)}</h1>{content}</main></body></html>\n"
    )
