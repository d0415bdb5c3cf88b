"""Renders the payment page; it runs no script and loads nothing."""

from __future__ import annotations

import base64
import hashlib
from datetime import UTC, datetime
from html import escape
from importlib.resources import files
from string import Template
from urllib.parse import urlsplit

from starlette.responses import HTMLResponse

from simulators.stripe.account.book import Thing
from simulators.stripe.account.money import written
from simulators.stripe.account.payments import offers_bank

_ROW = Template("<tr><td>$name</td><td>$quantity</td><td>$price</td></tr>")
_BUTTON = Template('<button type="submit" name="how" value="$how">$label</button>')
_BACK = Template('<p><a href="$url">Back, without paying</a></p>')
_LINK = Template('<p><a href="$url">$label</a></p>')
_ERROR = Template('<p class="error" role="alert">$sentence</p>')
_CLOSED = {
    "complete": ("All done", "This payment has been made already."),
    "expired": ("Too late", "This payment page has expired. Nothing was paid."),
}


class Pages:
    """The page of an open session, and what is left of it afterwards."""

    def __init__(self) -> None:
        here = files("simulators.stripe.page")
        self._style = (here / "style.css").read_text("utf-8")
        self._checkout = Template((here / "checkout.html").read_text("utf-8"))
        self._closed = Template((here / "closed.html").read_text("utf-8"))
        digest = hashlib.sha256(self._style.encode()).digest()
        self._style_hash = base64.b64encode(digest).decode("ascii")

    def checkout(self, session: Thing, items: list[Thing], error: str | None) -> HTMLResponse:
        """The page of an open session.

        Args:
            session: What is to be paid.
            items: Its lines.
            error: Why the last try was no payment; the status is then 402.
        """
        total = written(session["amount_total"], session["currency"])
        is_free = session["payment_status"] == "no_payment_required"
        moment = datetime.fromtimestamp(session["expires_at"], UTC)
        page = self._checkout.substitute(
            style=self._style,
            total=escape(total),
            error="" if error is None else _ERROR.substitute(sentence=escape(error)),
            rows="\n".join(_row(item) for item in items),
            action=escape(urlsplit(session["url"]).path),
            email=escape(session["customer_email"] or ""),
            readonly="readonly" if session["customer_email"] else "",
            pay_label="Continue" if is_free else "Pay with a test card",
            others="\n".join(_buttons(session)),
            back=_back(session),
            expires=f"{moment:%d %B %Y, %H:%M} UTC",
        )
        return self._respond(page, 200 if error is None else 402, session["success_url"])

    def closed(self, session: Thing, goes_on: str) -> HTMLResponse:
        """A session that is complete or expired: 410, or 200 with a way on.

        Args:
            session: The session.
            goes_on: Where a person who has paid goes.
        """
        title, sentence = _CLOSED[session["status"]]
        is_paid = session["status"] == "complete"
        link = _LINK.substitute(url=escape(goes_on), label="Continue") if is_paid else ""
        if not is_paid:
            link = _back(session)
        page = self._closed.substitute(style=self._style, title=title, sentence=sentence, link=link)
        return self._respond(page, 200 if is_paid else 410)

    def unknown(self) -> HTMLResponse:
        """There is no such session."""
        page = self._closed.substitute(
            style=self._style,
            title="Nothing here",
            sentence="There is no such payment page.",
            link="",
        )
        return self._respond(page, 404)

    def _respond(self, page: str, status: int, success_url: str | None = None) -> HTMLResponse:
        # Browsers apply form-action to the redirect after a form as well.
        targets = "'none'" if success_url is None else f"'self' {_origin(success_url)}"
        policy = (
            f"default-src 'none'; style-src 'sha256-{self._style_hash}'; base-uri 'none'; "
            f"form-action {targets}; frame-ancestors 'none'"
        )
        headers = {
            "Content-Security-Policy": policy,
            "Cache-Control": "no-store",
            "Referrer-Policy": "no-referrer",
            "X-Content-Type-Options": "nosniff",
        }
        return HTMLResponse(page, status, headers)


def _origin(url: str) -> str:
    address = urlsplit(url)
    return f"{address.scheme}://{address.netloc}"


def _row(item: Thing) -> str:
    price = written(item["amount_total"], item["currency"])
    return _ROW.substitute(
        name=escape(item["description"]), quantity=item["quantity"], price=escape(price)
    )


def _buttons(session: Thing) -> list[str]:
    if session["payment_status"] == "no_payment_required":
        return []
    chosen = [("declined", "Try a card that is declined")]
    if offers_bank(session):
        chosen.append(("bank", "Pay by bank, the money arrives later"))
        chosen.append(("bank_fails", "Pay by bank, the money never arrives"))
    return [_BUTTON.substitute(how=how, label=label) for how, label in chosen]


def _back(session: Thing) -> str:
    url = session["cancel_url"]
    return "" if url is None else _BACK.substitute(url=escape(url))
