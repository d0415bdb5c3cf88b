"""Routes of the payment page."""

from __future__ import annotations

from urllib.parse import parse_qs

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from simulators.stripe.account import sessions
from simulators.stripe.account.book import Book, Thing
from simulators.stripe.account.payments import NotPossible, Payer
from simulators.stripe.account.person import How, People
from simulators.stripe.page.pages import Pages

_MOST_BYTES = 10_000
_DECLINED = "The card was declined. Nothing was paid; you can try again."
_PLACEHOLDER = "{CHECKOUT_SESSION_ID}"


class PageRoutes:
    """What a browser asks for.

    Args:
        book: The account.
        people: Do what the buttons say.
    """

    def __init__(self, book: Book, people: People) -> None:
        self._book = book
        self._people = people
        self._pages = Pages()

    async def show(self, request: Request) -> Response:
        """The page, or what is left of it."""
        session = self._book.find(sessions.KIND, request.path_params["session"])
        return self._pages.unknown() if session is None else self._page(session)

    async def answer(self, request: Request) -> Response:
        """A button was pressed: on to the success page, or the same page with a reason."""
        session = self._book.find(sessions.KIND, request.path_params["session"])
        if session is None:
            return self._pages.unknown()
        body = await request.body()
        form = parse_qs(body[:_MOST_BYTES].decode("utf-8", "replace"))
        email = next(iter(form.get("email", [])), None)
        try:
            how = How(next(iter(form.get("how", [])), How.CARD))
            paid = self._people.pay(session["id"], how, Payer(email=email))
        except NotPossible:  # another tab was faster, or it is too late
            return self._page(self._book.find(sessions.KIND, session["id"]) or session)
        except ValueError:
            return self._page(session, "There is no such button.")
        if paid["status"] == "open":
            return self._page(paid, _DECLINED)
        return RedirectResponse(success_address(paid), 303)

    def _page(self, session: Thing, error: str | None = None) -> Response:
        if session["status"] != "open":
            return self._pages.closed(session, success_address(session))
        items = self._book.find(sessions.LINE_ITEMS, session["id"])
        return self._pages.checkout(session, items["data"] if items else [], error)


def success_address(session: Thing) -> str:
    """Where a person who has paid goes."""
    url: str = session["success_url"]
    return url.replace(_PLACEHOLDER, session["id"])
