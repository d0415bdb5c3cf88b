"""The simulator as one ASGI application."""

from __future__ import annotations

import time
from collections.abc import Callable

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route
from starlette.types import Receive, Scope, Send

from simulators.common.clock import Clock
from simulators.common.journal import Journal
from simulators.common.resource import resource
from simulators.stripe.account.appointments import Appointments
from simulators.stripe.account.book import Book, Thing
from simulators.stripe.account.injector import FaultInjector
from simulators.stripe.account.person import People
from simulators.stripe.account.refusal import Refusal
from simulators.stripe.options import API_VERSION, Options
from simulators.stripe.page.routes import PageRoutes
from simulators.stripe.webhooks.outbox import Outbox
from simulators.stripe.wire import disputes, events, payments
from simulators.stripe.wire.account import get_account
from simulators.stripe.wire.call import Call
from simulators.stripe.wire.control import ControlRoutes
from simulators.stripe.wire.control_webhooks import WebhookControl
from simulators.stripe.wire.door import Door
from simulators.stripe.wire.gate import Gate
from simulators.stripe.wire.refunds import RefundRoutes
from simulators.stripe.wire.sessions import SessionRoutes


class Simulator:
    """Stripe in one object; an ASGI application with a lifespan.

    It opens with the lifespan or with its first request, in the event loop that serves it, and
    is closed by the lifespan or by ``aclose``.

    Args:
        options: Its settings; the data folder is made when missing.
        clock: The account's time, which may be moved.
        wall: Unix seconds of the receiver's world, which signatures carry.
    """

    def __init__(self, options: Options, clock: Clock, wall: Callable[[], float]) -> None:
        options.data.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.clock = clock
        self._is_open = False
        self._journal = Journal(options.data, clock.now)
        self._book = Book(clock, self._journal, options.account, API_VERSION)
        self._faults = FaultInjector()
        self._people = People(self._book, self._faults, options.bank_seconds)
        self._appointments = Appointments(self._book)
        self._outbox = Outbox(self._book, self._faults, options, wall)
        self._book.companions = self._outbox.deliveries_of
        self._book.listen(self._appointments.notice)
        self._book.listen(self._outbox.notice)
        self._gate = Gate(self._book, Door(options), self._faults)
        self._starlette = Starlette(
            routes=[*self._api(options), *self._page(), *self._control()],
            exception_handlers={ValueError: _as_refusal, HTTPException: _as_nothing},
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve a request or the lifespan."""
        if scope["type"] == "lifespan":
            await self._live(receive, send)
            return
        self.open()
        await self._starlette(scope, receive, send)

    def open(self) -> None:
        """Go on with what an earlier process left; must be called in the event loop."""
        if not self._is_open:
            self._is_open = True
            self._appointments.resume()
            self._outbox.resume()

    async def aclose(self) -> None:
        """Break off deliveries and close the journal."""
        await self._outbox.close()
        self._journal.close()

    async def _live(self, receive: Receive, send: Send) -> None:
        await receive()
        self.open()
        await send({"type": "lifespan.startup.complete"})
        await receive()
        await self.aclose()
        await send({"type": "lifespan.shutdown.complete"})

    def _api(self, options: Options) -> list[BaseRoute]:
        checkout, refunds = SessionRoutes(options.url), RefundRoutes(self._faults)
        session = "/v1/checkout/sessions/{session}"
        operations = [
            ("GET", "/v1/checkout/sessions", checkout.list),
            ("POST", "/v1/checkout/sessions", checkout.create),
            ("GET", session, checkout.get),
            ("GET", f"{session}/line_items", checkout.line_items),
            ("POST", f"{session}/expire", checkout.expire),
            ("GET", "/v1/payment_intents", payments.list_intents),
            ("GET", "/v1/payment_intents/{intent}", payments.get_intent),
            ("GET", "/v1/charges", payments.list_charges),
            ("GET", "/v1/charges/{charge}", payments.get_charge),
            ("GET", "/v1/refunds", refunds.list),
            ("POST", "/v1/refunds", refunds.create),
            ("GET", "/v1/refunds/{refund}", refunds.get),
            ("GET", "/v1/disputes", disputes.list_disputes),
            ("GET", "/v1/disputes/{dispute}", disputes.get_dispute),
            ("GET", "/v1/events", events.list_events),
            ("GET", "/v1/events/{event}", events.get_event),
            ("GET", "/v1/account", get_account),
            ("GET", "/v1/accounts/{account}", get_account),
        ]
        routes: list[BaseRoute] = [
            Route(path, self._gate.endpoint(handler), methods=[method])
            for method, path, handler in operations
        ]
        nowhere = self._gate.endpoint(_unknown_url)
        methods = ["GET", "POST", "DELETE", "PUT", "PATCH"]
        return [*routes, Route("/v1/{rest:path}", nowhere, methods=methods)]

    def _page(self) -> list[BaseRoute]:
        page = PageRoutes(self._book, self._people)
        return [resource("/c/pay/{session}", GET=page.show, POST=page.answer)]

    def _control(self) -> list[BaseRoute]:
        control = ControlRoutes(self._book, self._people, self._faults)
        webhooks = WebhookControl(self._book, self._outbox)
        return [
            resource(
                "/simulator/faults",
                GET=control.get_faults,
                POST=control.post_faults,
                DELETE=control.delete_faults,
            ),
            resource("/simulator/ledger", GET=control.get_ledger),
            resource("/simulator/clock", GET=control.get_clock, POST=control.post_clock),
            resource("/simulator/pay", POST=control.post_pay),
            resource("/simulator/settle", POST=control.post_settle),
            resource("/simulator/refunds", POST=control.post_refunds),
            resource("/simulator/refunds/{refund}", POST=control.post_refund),
            resource("/simulator/disputes", POST=control.post_disputes),
            resource("/simulator/disputes/{dispute}", POST=control.post_dispute),
            resource("/simulator/webhooks", GET=webhooks.get),
            resource("/simulator/webhooks/endpoint", POST=webhooks.post_endpoint),
            resource("/simulator/webhooks/send", POST=webhooks.send),
            resource("/simulator/webhooks/wait", POST=webhooks.wait),
        ]


def create_app(
    options: Options, clock: Clock | None = None, wall: Callable[[], float] = time.time
) -> Simulator:
    """The simulator over its data folder; the same folder makes the same account again.

    Args:
        options: Its settings.
        clock: The time; by default the machine's, or one that stands still if so set.
        wall: What signatures of webhooks carry, whatever the clock says: the receiver compares
            it with a clock of its own, which nobody moved.

    Raises:
        OSError: The data folder cannot be written.
        ValueError: The journal in it is damaged.
    """
    return Simulator(options, clock or Clock(is_frozen=options.is_frozen), wall)


def _unknown_url(call: Call) -> Thing:
    message = f"Unrecognized request URL (/v1/{call.path['rest'][:100]})."
    raise Refusal(message, status=404)


def _as_refusal(_: Request, error: Exception) -> Response:
    """A control route was told something it does not understand, or that cannot be done now."""
    return JSONResponse({"error": str(error)}, 400)


def _as_nothing(_: Request, error: Exception) -> Response:
    """Outside of the API there is nothing, or not by this method."""
    assert isinstance(error, HTTPException)  # noqa: S101  it is registered for this class alone
    return JSONResponse({"error": error.detail}, error.status_code, error.headers)
