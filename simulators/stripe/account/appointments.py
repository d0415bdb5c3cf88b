"""What time does by itself: sessions expire, banks answer, refunds end."""

from __future__ import annotations

import contextlib

from simulators.stripe.account import payments, refunds, sessions
from simulators.stripe.account.book import Book, Change, Thing
from simulators.stripe.account.payments import APPOINTMENT, NotPossible


class Appointments:
    """Keeps a timer for everything that is due; nothing that is no longer due happens.

    Args:
        book: What is watched and changed.
    """

    def __init__(self, book: Book) -> None:
        self._book = book
        self._timed: set[str] = set()

    def resume(self) -> None:
        """Go on where an earlier process stopped; what was due meanwhile happens now."""
        for kind in (sessions.KIND, APPOINTMENT):
            for thing in self._book.oldest_first(kind):
                self.notice(thing)

    def notice(self, thing: Thing) -> None:
        """See to it that something new happens in time."""
        is_open_session = thing["object"] == sessions.KIND and thing["status"] == "open"
        if thing["id"] in self._timed or not (is_open_session or thing["object"] == APPOINTMENT):
            return
        self._timed.add(thing["id"])
        at = thing["expires_at"] if is_open_session else thing["at"]
        keep = self._expire if is_open_session else self._keep
        self._book.clock.call_later(at - self._book.clock.now(), lambda: keep(thing["id"]))

    def _expire(self, session_id: str) -> None:
        session = self._book.find(sessions.KIND, session_id)
        if session is not None and session["status"] == "open":
            change = Change(self._book)
            sessions.expire(change, session_id)
            change.commit()

    def _keep(self, thing_id: str) -> None:
        appointment = self._book.find(APPOINTMENT, thing_id)
        assert appointment is not None  # noqa: S101  appointments are never taken back
        change = Change(self._book)
        with contextlib.suppress(NotPossible):  # somebody was faster
            if thing_id.startswith("pi_"):
                payments.settle(change, thing_id, succeeds=appointment["outcome"] == "succeeded")
            else:
                self._end_refund(change, thing_id, appointment["outcome"])
            change.commit()

    def _end_refund(self, change: Change, refund_id: str, outcome: str) -> None:
        refund = change.find(refunds.KIND, refund_id)
        if refund is not None and refund["status"] == "pending":
            refunds.move(change, refund_id, outcome)
