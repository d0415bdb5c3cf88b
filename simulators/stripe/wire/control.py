"""Routes that Stripe does not have: faults, ledger, time, people. All below ``/simulator``."""

from __future__ import annotations

import json

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from simulators.stripe.account import sessions
from simulators.stripe.account.book import Book, Thing
from simulators.stripe.account.charges import CHARGE, INTENT
from simulators.stripe.account.faults import parse_faults
from simulators.stripe.account.injector import FaultInjector
from simulators.stripe.account.ledger import Ledger
from simulators.stripe.account.payments import NotPossible, Payer
from simulators.stripe.account.person import How, People
from simulators.stripe.page.routes import success_address
from simulators.stripe.wire.words import Words, words_of

_OUTCOMES = ("succeeded", "failed")
_OF_MONEY = ("session", "payment_intent", "charge")


class ControlRoutes:
    """Handlers over everything that can be scripted or looked at.

    Args:
        book: The account.
        people: Do what is asked.
        faults: The plan in force.
    """

    def __init__(self, book: Book, people: People, faults: FaultInjector) -> None:
        self._book = book
        self._people = people
        self._faults = faults
        self._ledger = Ledger(book)

    async def get_faults(self, _: Request) -> Response:
        """The plan in force, and how often each fault fired."""
        return JSONResponse(self._faults.as_json())

    async def post_faults(self, request: Request) -> Response:
        """Put a whole new plan in force."""
        self._faults.use(parse_faults(json.loads(await request.body() or b"{}")))
        return JSONResponse(self._faults.as_json())

    async def delete_faults(self, _: Request) -> Response:
        """Plan nothing."""
        self._faults.use(())
        return JSONResponse(self._faults.as_json())

    async def get_ledger(self, request: Request) -> Response:
        """Everything that happened, or what belongs to ``?reference=``."""
        return JSONResponse(self._ledger.as_json(request.query_params.get("reference")))

    async def get_clock(self, _: Request) -> Response:
        """The time."""
        return JSONResponse({"now": self._book.clock.now()})

    async def post_clock(self, request: Request) -> Response:
        """Move time forward by ``{"advance": seconds}``."""
        seconds = (await words_of(request, "advance")).seconds("advance")
        if seconds < 0:
            raise ValueError("time does not go back")
        self._book.clock.advance(seconds)
        self._book.note_time()
        return JSONResponse({"now": self._book.clock.now()})

    async def post_pay(self, request: Request) -> Response:
        """Press a button of a session's page."""
        allowed = ("session", "with", "email", "name", "amount", "currency", "reason")
        words = await words_of(request, *allowed)
        how = How(words.text("with", tuple(How)) or How.CARD)
        payer = Payer(
            words.text("email"), words.text("name"), words.whole("amount"), words.text("currency")
        )
        session_id = words.need_text("session")
        session = self._people.pay(session_id, how, payer, words.text("reason") or "")
        is_done = session["status"] == "complete"
        goes_on = success_address(session) if is_done else None
        return JSONResponse({"session": session, "redirect": goes_on})

    async def post_settle(self, request: Request) -> Response:
        """Have the bank of a payment answer now."""
        words = await words_of(request, "outcome", *_OF_MONEY)
        succeeds = (words.text("outcome", _OUTCOMES) or "succeeded") == "succeeded"
        intent_id = self._charge(words)["payment_intent"]
        return JSONResponse(self._people.settle(intent_id, succeeds=succeeds))

    async def post_refunds(self, request: Request) -> Response:
        """Refund by hand, as in the dashboard."""
        words = await words_of(request, "amount", *_OF_MONEY)
        charge = self._charge(words)
        return JSONResponse(self._people.refund(charge["id"], words.whole("amount")))

    async def post_refund(self, request: Request) -> Response:
        """Have a refund succeed, fail or be canceled."""
        words = await words_of(request, "status")
        refund_id = request.path_params["refund"]
        return JSONResponse(self._people.move_refund(refund_id, words.need_text("status")))

    async def post_disputes(self, request: Request) -> Response:
        """Complain to one's bank."""
        words = await words_of(request, "amount", "reason", "is_inquiry", *_OF_MONEY)
        dispute = self._people.dispute(
            self._charge(words)["id"],
            words.text("reason") or "fraudulent",
            words.whole("amount"),
            is_inquiry=words.truth("is_inquiry"),
        )
        return JSONResponse(dispute)

    async def post_dispute(self, request: Request) -> Response:
        """Have a dispute go on."""
        words = await words_of(request, "status")
        dispute_id = request.path_params["dispute"]
        return JSONResponse(self._people.move_dispute(dispute_id, words.need_text("status")))

    def _charge(self, words: Words) -> Thing:
        """The charge that is meant by its id, its intent's, or its session's.

        Raises:
            NotPossible: There is none.
        """
        charge_id, intent_id = words.text("charge"), words.text("payment_intent")
        session = self._book.find(sessions.KIND, words.text("session") or "")
        if session is not None:
            intent_id = session["payment_intent"]
        intent = self._book.find(INTENT, intent_id or "")
        if intent is not None:
            charge_id = intent["latest_charge"]
        charge = self._book.find(CHARGE, charge_id or "")
        if charge is None:
            raise NotPossible("name a session, payment_intent or charge that was paid")
        return charge
