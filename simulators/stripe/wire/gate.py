"""The way of every ``/v1`` request: planned faults, key, idempotency, handler, log."""

from __future__ import annotations

import math
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response

from simulators.stripe.account.book import Book, Change
from simulators.stripe.account.faults import Fault, FaultKind
from simulators.stripe.account.ids import new_id
from simulators.stripe.account.injector import FaultInjector
from simulators.stripe.account.ledger import REQUEST
from simulators.stripe.account.refusal import Refusal
from simulators.stripe.wire.call import Call, Handler, fingerprint
from simulators.stripe.wire.door import Door
from simulators.stripe.wire.expand import expanded
from simulators.stripe.wire.fields import Fields
from simulators.stripe.wire.forms import Node, decode
from simulators.stripe.wire.idempotency import IdempotencyKeys
from simulators.stripe.wire.replies import Answer, BrokenOff, response

_MOST_BYTES = 1_000_000
_FORM = "application/x-www-form-urlencoded"


@dataclass(frozen=True)
class _Asked:
    """A request that was let in."""

    id: str
    method: str
    path: str
    ids: dict[str, str]
    values: dict[str, Node]
    key: str | None

    @property
    def sha256(self) -> str:
        return fingerprint(self.method, self.path, self.values)


class Gate:
    """Turns handlers into endpoints.

    Args:
        book: The account.
        door: Checks who asks.
        faults: The plan in force.
    """

    def __init__(self, book: Book, door: Door, faults: FaultInjector) -> None:
        self._book = book
        self._door = door
        self._faults = faults
        self._keys = IdempotencyKeys(book)

    def endpoint(self, handler: Handler) -> Callable[[Request], Awaitable[Response]]:
        """An endpoint for Starlette."""

        async def serve(request: Request) -> Response:
            fault = self._faults.of_request(request.method, request.url.path)
            if fault is not None and fault.kind is FaultKind.RESET:
                return BrokenOff()
            request_id, version = new_id("req_"), ""
            try:
                version = self._door.check(request.headers)
                asked = await _read(request, request_id)
                answer = await self._answer(asked, handler, fault)
            except Refusal as refusal:
                answer = Answer.of_refusal(refusal)
            except ClientDisconnect:  # before the request had arrived
                return BrokenOff()
            if fault is not None and fault.kind is FaultKind.LOST_REPLY:
                return BrokenOff()
            return response(request, answer, request_id, version)

        return serve

    async def _answer(self, asked: _Asked, handler: Handler, fault: Fault | None) -> Answer:
        try:
            if fault is not None and fault.kind is FaultKind.RATE_LIMITED:
                raise _too_many(fault)
            error = _planned_error(fault)
            if error is not None and not error.is_saved and not _is_late(fault):
                raise error
            with self._keys.using(asked.key):
                if fault is not None and fault.kind is FaultKind.SLOW:
                    await self._book.clock.sleep(fault.seconds or 0.0)
                kept = self._keys.saved(asked.key, asked.sha256, asked.path)
                if kept is not None:
                    self._log(Change(self._book), asked, kept).commit()
                    return kept
                return self._carry_out(asked, handler, error, is_late=_is_late(fault))
        except Refusal as refusal:
            answer = Answer.of_refusal(refusal)
            self._log(Change(self._book), asked, answer).commit()
            return answer

    def _carry_out(
        self, asked: _Asked, handler: Handler, error: Refusal | None, *, is_late: bool
    ) -> Answer:
        """Do it, save the answer, and commit both in one go.

        Args:
            asked: The request.
            handler: Does it.
            error: What is planned to be answered.
            is_late: The planned error comes after it was done.

        Raises:
            Refusal: Validation has failed; nothing is saved.
        """
        change = Change(self._book, asked.id, asked.key)
        try:
            if error is not None and not is_late:
                raise error
            answer = self._handle(asked, handler, change)
        except Refusal as refusal:
            if not refusal.is_saved:
                raise
            change = Change(self._book, asked.id, asked.key)
            answer = Answer.of_refusal(refusal)
        sent = answer if error is None else Answer.of_refusal(error, "done, then failed")
        kept = sent if error is None or error.is_saved else answer
        if asked.key is not None:
            saved = self._keys.to_save(asked.key, asked.sha256, asked.path, asked.id, kept)
            change.put(saved)
        self._log(change, asked, sent).commit()
        return sent

    def _handle(self, asked: _Asked, handler: Handler, change: Change) -> Answer:
        fields = Fields(asked.values)
        paths = fields.texts("expand")
        thing = handler(Call(asked.ids, fields, change))
        fields.done()
        return Answer.of_thing(expanded(thing, paths, change))

    def _log(self, change: Change, asked: _Asked, answer: Answer) -> Change:
        """Note a POST for auditors."""
        if asked.method == "POST":
            change.put(
                {
                    "object": REQUEST,
                    "id": asked.id,
                    "at": self._book.clock.now(),
                    "method": asked.method,
                    "path": asked.path,
                    "idempotency_key": asked.key,
                    "parameters_sha256": asked.sha256,
                    "status": answer.status,
                    "outcome": answer.outcome,
                }
            )
        return change


async def _read(request: Request, request_id: str) -> _Asked:
    """Take a request apart.

    Raises:
        Refusal: It is too large, or no form.
    """
    text = request.url.query
    if request.method == "POST":
        body = bytearray()
        async for chunk in request.stream():
            body += chunk
            if len(body) > _MOST_BYTES:
                raise Refusal("Request entity too large.", status=413)
        kind = request.headers.get("content-type", _FORM).partition(";")[0].strip().lower()
        if body and kind != _FORM:
            raise Refusal(f"Invalid request (check that your POST content type is {_FORM}).")
        try:
            text = body.decode("ascii")
        except UnicodeDecodeError:
            raise Refusal("Invalid request: the form cannot be read.") from None
    is_post = request.method == "POST"
    return _Asked(
        request_id,
        request.method,
        request.url.path,
        dict(request.path_params),
        decode(text),
        request.headers.get("idempotency-key") if is_post else None,
    )


def _is_late(fault: Fault | None) -> bool:
    return fault is not None and fault.kind is FaultKind.ERROR_AFTER


def _planned_error(fault: Fault | None) -> Refusal | None:
    """The error that a plan wants instead of an answer; by default a late one is saved."""
    if fault is None or fault.kind not in (FaultKind.SERVER_ERROR, FaultKind.ERROR_AFTER):
        return None
    return Refusal(
        "An unknown error occurred",
        status=fault.status_code or 500,
        kind="api_error",
        is_saved=_is_late(fault) if fault.saved is None else fault.saved,
    )


def _too_many(fault: Fault) -> Refusal:
    wait = math.ceil(fault.seconds or 0)
    return Refusal(
        "Request rate limit exceeded. You can retry with exponential backoff.",
        status=429,
        code="rate_limit",
        headers={"Retry-After": str(wait), "Stripe-Should-Retry": "true"},
    )
