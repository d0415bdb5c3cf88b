"""Every event is delivered at least once, in no promised order, unless a plan says otherwise."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Callable, Iterable

from simulators.stripe.account import sessions
from simulators.stripe.account.book import Book, Change, Thing
from simulators.stripe.account.faults import ATTEMPT_KINDS, ROUTING_KINDS, FaultKind
from simulators.stripe.account.injector import FaultInjector
from simulators.stripe.options import Endpoint, Options
from simulators.stripe.webhooks.parcel import Wrapping, wrap, wrapping_of
from simulators.stripe.webhooks.postman import Postman

KIND = "delivery"
_HOUR = 3600.0
GAPS = (300.0, 1800.0, 2 * _HOUR, 5 * _HOUR, 10 * _HOUR, 12 * _HOUR, 12 * _HOUR, 12 * _HOUR)
"""Seconds between attempts: growing, and over after less than three days."""


class Outbox:
    """Makes a delivery of every event, and sees it through.

    Args:
        book: Holds events and deliveries.
        faults: Say what goes wrong on the way.
        options: Hold the endpoint and the pace.
        wall: Unix seconds of the receiver's world, which signatures carry.
    """

    def __init__(
        self, book: Book, faults: FaultInjector, options: Options, wall: Callable[[], float]
    ) -> None:
        self.endpoint: Endpoint | None = options.webhook
        self._book = book
        self._faults = faults
        self._options = options
        self._wall = wall
        self._postman: Postman | None = None
        self._waiting: set[str] = set()
        self._held = {d["id"]: d["sequence"] for d in book.oldest_first(KIND) if d["is_held"]}
        self._running: set[asyncio.Task[None]] = set()
        self._sequence = itertools.count(len(book.oldest_first(KIND)))

    def deliveries_of(self, event: Thing) -> Iterable[Thing]:
        """What is kept together with a new event."""
        if self.endpoint is None:
            return []
        reference = self._reference(event["data"]["object"])
        fault = self._faults.of_event(ROUTING_KINDS, event["type"], reference)
        kind = None if fault is None else fault.kind
        delay = fault.seconds if fault and kind is FaultKind.WEBHOOK_DELAY else 0.0
        extra = (fault.times or 1) if fault and kind is FaultKind.WEBHOOK_DUPLICATE else 0
        delivery = {
            "object": KIND,
            "id": event["id"],
            "type": event["type"],
            "sequence": next(self._sequence),
            "state": "lost" if kind is FaultKind.WEBHOOK_LOSS else "pending",
            "is_held": kind is FaultKind.WEBHOOK_REORDER,
            "next_at": self._book.clock.now() + (delay or 0.0),
            "copies": 1 + extra,
            "attempts": [],
        }
        return [delivery]

    def notice(self, thing: Thing) -> None:
        """See to it that a delivery is attempted in time."""
        if thing["object"] != KIND or thing["state"] != "pending" or thing["id"] in self._waiting:
            return
        if thing["is_held"]:
            self._held[thing["id"]] = thing["sequence"]
            return
        self._waiting.add(thing["id"])
        wait = thing["next_at"] - self._book.clock.now()
        if wait > 0:
            self._book.clock.call_later(wait, lambda: self._start(thing["id"]))
        else:  # not by a timer: a clock that stands still would never ring
            self._start(thing["id"])

    def resume(self) -> None:
        """Go on with what an earlier process left; what was held back goes now."""
        self.release()
        for delivery in self._book.oldest_first(KIND):
            self.notice(delivery)

    def release(self, before: float = float("inf")) -> bool:
        """Send what was held back; returns whether there was something.

        Args:
            before: Only what happened before the event with this number.
        """
        held = [event_id for event_id, number in self._held.items() if number < before]
        change = Change(self._book)
        for event_id in held:
            del self._held[event_id]
            change.edit(KIND, event_id)["is_held"] = False
        change.commit()
        return bool(held)

    async def settle(self) -> None:
        """Wait until nothing is on its way, nor held back; what is due later stays."""
        while self._running or self.release():
            await asyncio.wait(set(self._running))

    async def send(self, event: Thing, wrapping: Wrapping, copies: int) -> list[Thing]:
        """Send an event on command, whatever became of its delivery.

        Raises:
            ValueError: There is no endpoint.
        """
        if self.endpoint is None:
            raise ValueError("there is no endpoint")
        body, headers = wrap(event, self.endpoint, self._wall(), wrapping)
        return await self._post(self.endpoint, body, headers, copies)

    async def close(self) -> None:
        """Break off what is on its way; the next process does it again."""
        for task in self._running:
            task.cancel()
        await asyncio.gather(*self._running, return_exceptions=True)
        if self._postman is not None:
            await self._postman.close()

    def _start(self, event_id: str) -> None:
        task = asyncio.get_running_loop().create_task(self._attempt(event_id))
        self._running.add(task)
        task.add_done_callback(self._running.discard)

    async def _attempt(self, event_id: str) -> None:
        event, delivery = self._book.find("event", event_id), self._book.find(KIND, event_id)
        assert event is not None  # noqa: S101  both are made together
        assert delivery is not None  # noqa: S101
        reference = self._reference(event["data"]["object"])
        fault = self._faults.of_event(ATTEMPT_KINDS, event["type"], reference)
        if self.endpoint is None:
            answers: list[Thing] = [{"status": None, "error": "NoEndpoint"}]
        else:
            body, headers = wrap(event, self.endpoint, self._wall(), wrapping_of(fault))
            answers = await self._post(self.endpoint, body, headers, delivery["copies"])
        is_forgotten = fault is not None and fault.kind is FaultKind.WEBHOOK_LOST_REPLY
        is_good = not is_forgotten and any(200 <= (a["status"] or 0) < 300 for a in answers)
        self._record(event_id, answers, None if fault is None else str(fault.kind), is_good)
        self.release(delivery["sequence"])

    def _record(
        self, event_id: str, answers: list[Thing], fault: str | None, is_good: bool
    ) -> None:
        change = Change(self._book)
        delivery = change.edit(KIND, event_id)
        attempts = delivery["attempts"]
        attempts.append({"at": self._book.clock.now(), "answers": answers, "fault": fault})
        delivery["copies"] = 1
        if is_good:
            delivery["state"] = "succeeded"
        elif len(attempts) > len(GAPS):
            delivery["state"] = "failed"
        else:
            gap = GAPS[len(attempts) - 1] * self._options.retry_scale
            delivery["next_at"] = self._book.clock.now() + gap
        self._waiting.discard(event_id)
        change.commit()

    async def _post(
        self, endpoint: Endpoint, body: bytes, headers: dict[str, str], copies: int
    ) -> list[Thing]:
        if self._postman is None:
            self._postman = Postman(self._options.webhook_seconds)
        return await self._postman.send(endpoint.url, body, headers, copies)

    def _reference(self, thing: Thing) -> str | None:
        """The ``client_reference_id`` of the session that an object belongs to."""
        if thing["object"] == sessions.KIND:
            own: str | None = thing["client_reference_id"]
            return own
        intent = thing["id"] if thing["object"] == "payment_intent" else thing["payment_intent"]
        session = sessions.of_intent(self._book, intent)
        return None if session is None else session["client_reference_id"]
