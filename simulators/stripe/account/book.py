"""Everything the account holds, and the one way to change it: a change, written down whole.

An object is kept as the JSON that Stripe would send, ids unexpanded. What Stripe would not send
(saved replies, deliveries, appointments, the log of requests) is kept beside it in the same way,
under an ``object`` of its own. A change becomes one line of the journal, so a crash leaves all
of it or nothing.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterable
from typing import Any

from simulators.common.clock import Clock
from simulators.common.journal import Journal
from simulators.stripe.account.ids import new_id

Thing = dict[str, Any]
"""One object as JSON; ``object`` says what it is, ``id`` which."""

Companions = Callable[[Thing], Iterable[Thing]]


class Book:
    """The account's objects by kind and id.

    Args:
        clock: The time; it is moved forward to that of the journal's last line.
        journal: Where changes are written.
        account: The account's id.
        version: The API version that events are written in.
    """

    def __init__(self, clock: Clock, journal: Journal, account: str, version: str) -> None:
        self.clock = clock
        self.account = account
        self.version = version
        self.companions: Companions = lambda _: ()
        """What is to be kept together with a new event: its delivery."""
        self._journal = journal
        self._shelves: dict[str, dict[str, Thing]] = {}
        self._listeners: list[Callable[[Thing], None]] = []
        for line in journal.earlier():
            if line["at"] > clock.now():
                clock.advance(line["at"] - clock.now())
            self._apply(line["things"])

    def find(self, kind: str, thing_id: str) -> Thing | None:
        """An object, or None; whoever wants to change it uses a ``Change``."""
        return self._shelves.get(kind, {}).get(thing_id)

    def oldest_first(self, kind: str) -> list[Thing]:
        """Every object of a kind in the order in which they were made."""
        return list(self._shelves.get(kind, {}).values())

    def newest_first(self, kind: str) -> list[Thing]:
        """Every object of a kind, as lists are ordered."""
        return self.oldest_first(kind)[::-1]

    def listen(self, listener: Callable[[Thing], None]) -> None:
        """Have something told of every object that is new or changed, after it was written."""
        self._listeners.append(listener)

    def commit(self, things: list[Thing]) -> None:
        """Write objects down together, then tell the listeners."""
        if not things:
            return
        self._journal.write("change", things=things)
        self._apply(things)
        for thing in things:
            for listener in self._listeners:
                listener(thing)

    def note_time(self) -> None:
        """Write down how late it is, so that time does not go back after a crash."""
        self._journal.write("clock", things=[])

    def _apply(self, things: list[Thing]) -> None:
        for thing in things:
            self._shelves.setdefault(thing["object"], {})[thing["id"]] = thing


class Change:
    """What one request, or one deed of a person, changes. Nothing happens before ``commit``.

    Args:
        book: What is changed.
        request_id: Of the request that asks for it; None for deeds of people and of time.
        key: The request's idempotency key.
    """

    def __init__(self, book: Book, request_id: str | None = None, key: str | None = None) -> None:
        self._book = book
        self._request = {"id": request_id, "idempotency_key": key}
        self._staged: dict[tuple[str, str], Thing] = {}

    @property
    def now(self) -> int:
        """The time in whole Unix seconds."""
        return int(self._book.clock.now())

    @property
    def book(self) -> Book:
        """What is changed."""
        return self._book

    def find(self, kind: str, thing_id: str | None) -> Thing | None:
        """An object as it will be; only to look at."""
        if thing_id is None:
            return None
        return self._staged.get((kind, thing_id)) or self._book.find(kind, thing_id)

    def edit(self, kind: str, thing_id: str) -> Thing:
        """An object to change; the changes are kept when this change is committed.

        Raises:
            KeyError: There is none.
        """
        if (kind, thing_id) not in self._staged:
            found = self._book.find(kind, thing_id)
            if found is None:
                raise KeyError(thing_id)
            self._staged[kind, thing_id] = copy.deepcopy(found)
        return self._staged[kind, thing_id]

    def put(self, thing: Thing) -> Thing:
        """Add an object; returns it."""
        self._staged[thing["object"], thing["id"]] = thing
        return thing

    def tell(self, event_type: str, thing: Thing, **before: object) -> None:
        """Make an event of what an object is now.

        Args:
            event_type: Such as ``charge.refunded``.
            thing: The object, in the state that the event shows.
            before: ``previous_attributes`` of an update.
        """
        data: Thing = {"object": copy.deepcopy(thing)}
        if before:
            data["previous_attributes"] = before
        event = self.put(
            {
                "id": new_id("evt_"),
                "object": "event",
                "api_version": self._book.version,
                "created": self.now,
                "data": data,
                "livemode": False,
                "pending_webhooks": 0,
                "request": dict(self._request),
                "type": event_type,
            }
        )
        for companion in self._book.companions(event):
            self.put(companion)

    def commit(self) -> None:
        """Write it all down."""
        self._book.commit(list(self._staged.values()))
        self._staged = {}
