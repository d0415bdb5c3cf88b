"""Control routes of webhooks: look at deliveries, send on command, wait."""

from __future__ import annotations

import asyncio
from urllib.parse import urlsplit

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from simulators.stripe.account.book import Book
from simulators.stripe.options import Endpoint
from simulators.stripe.webhooks.outbox import KIND, Outbox
from simulators.stripe.webhooks.parcel import Signature, Wrapping
from simulators.stripe.wire.words import words_of

_LONGEST_WAIT = 60.0
_MOST_COPIES = 100


class WebhookControl:
    """Handlers.

    Args:
        book: Holds events and deliveries.
        outbox: Delivers.
    """

    def __init__(self, book: Book, outbox: Outbox) -> None:
        self._book = book
        self._outbox = outbox

    async def get(self, _: Request) -> Response:
        """Every delivery with its attempts, oldest first."""
        endpoint = self._outbox.endpoint
        url = None if endpoint is None else endpoint.url
        return JSONResponse({"url": url, "deliveries": self._book.oldest_first(KIND)})

    async def post_endpoint(self, request: Request) -> Response:
        """Send events elsewhere from now on: ``{"url", "secret"}``; ``{}``: nowhere."""
        words = await words_of(request, "url", "secret")
        url = words.text("url")
        if url is None:
            self._outbox.endpoint = None
        else:
            self._outbox.endpoint = Endpoint(checked_url(url), words.need_text("secret"))
        return JSONResponse({"url": url})

    async def send(self, request: Request) -> Response:
        """Send an event on command, as often and as badly as told; tells the answers."""
        allowed = ("event", "times", "signature", "seconds", "account", "livemode")
        words = await words_of(request, *allowed)
        event = self._book.find("event", words.need_text("event"))
        if event is None:
            raise ValueError("there is no such event")
        wrapping = Wrapping(
            Signature(words.text("signature", tuple(Signature)) or Signature.RIGHT),
            words.seconds("seconds"),
            words.text("account"),
            words.truth("livemode"),
        )
        copies = min(words.whole("times") or 1, _MOST_COPIES)
        return JSONResponse({"answers": await self._outbox.send(event, wrapping, copies)})

    async def wait(self, request: Request) -> Response:
        """Wait until nothing is on its way, at most ``{"seconds": 30}`` real ones."""
        seconds = (await words_of(request, "seconds")).seconds("seconds", 30.0)
        try:
            async with asyncio.timeout(min(max(seconds, 0.0), _LONGEST_WAIT)):
                await self._outbox.settle()
        except TimeoutError:
            return JSONResponse({"is_quiet": False})
        return JSONResponse({"is_quiet": True})


def checked_url(url: str) -> str:
    """An address that events can be sent to.

    Raises:
        ValueError: It is none.
    """
    address = urlsplit(url)
    if address.scheme not in ("http", "https") or not address.hostname:
        raise ValueError(f"no http address: {url!r}")
    return url
