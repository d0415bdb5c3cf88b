"""The account's books for auditors: what really happened, told by nobody but this process."""

from __future__ import annotations

from collections import defaultdict
from typing import Any

from simulators.stripe.account import disputes, refunds, sessions
from simulators.stripe.account.book import Book, Thing
from simulators.stripe.account.charges import CHARGE, INTENT

REQUEST = "request"


class Ledger:
    """Reads the book and adds up.

    Args:
        book: The account.
    """

    def __init__(self, book: Book) -> None:
        self._book = book

    def as_json(self, reference: str | None = None) -> dict[str, Any]:
        """Sessions, payments with their sums, refunds, disputes, and every POST of the API.

        Args:
            reference: Only what belongs to sessions with this ``client_reference_id``; requests
                are not filtered.
        """
        opened = self._book.oldest_first(sessions.KIND)
        chosen = [s for s in opened if reference in (None, s["client_reference_id"])]
        intents = {s["payment_intent"] for s in chosen} - {None}
        groups = {kind: self._by_intent(kind) for kind in (CHARGE, refunds.KIND, disputes.KIND)}
        payments = [self._payment(s, groups) for s in chosen if s["payment_intent"] is not None]
        return {
            "now": self._book.clock.now(),
            "sessions": [_session(s) for s in chosen],
            "payments": payments,
            "refunds": self._of(refunds.KIND, intents),
            "disputes": self._of(disputes.KIND, intents),
            "totals": _totals(payments),
            "requests": self._book.oldest_first(REQUEST),
            "keys_with_two_meanings": self._ambiguous_keys(),
        }

    def _of(self, kind: str, intents: set[str]) -> list[Thing]:
        return [t for t in self._book.oldest_first(kind) if t["payment_intent"] in intents]

    def _by_intent(self, kind: str) -> dict[str, list[Thing]]:
        groups: dict[str, list[Thing]] = defaultdict(list)
        for thing in self._book.oldest_first(kind):
            groups[thing["payment_intent"]].append(thing)
        return groups

    def _payment(self, session: Thing, groups: dict[str, dict[str, list[Thing]]]) -> Thing:
        intent = self._book.find(INTENT, session["payment_intent"])
        assert intent is not None  # noqa: S101  intents are never removed
        charges, returned, disputed = (group[intent["id"]] for group in groups.values())
        by_status: dict[str, int] = defaultdict(int)
        for refund in returned:
            by_status[refund["status"]] += refund["amount"]
        withdrawn = sum(d["amount"] for d in disputed if _takes_money(d))
        captured = sum(charge["amount"] for charge in charges if charge["status"] == "succeeded")
        return {
            "payment_intent": intent["id"],
            "session": session["id"],
            "client_reference_id": session["client_reference_id"],
            "metadata": intent["metadata"],
            "currency": intent["currency"],
            "status": intent["status"],
            "created": intent["created"],
            "charges": [
                {word: charge[word] for word in ("id", "amount", "status", "created")}
                for charge in charges
            ],
            "captured": captured,
            "refunded": by_status["succeeded"],
            "refunds_pending": by_status["pending"],
            "refunds_failed": by_status["failed"] + by_status["canceled"],
            "withdrawn_by_disputes": withdrawn,
            "net": captured - by_status["succeeded"] - withdrawn,
        }

    def _ambiguous_keys(self) -> list[str]:
        """Keys that were ever sent with two sets of parameters."""
        hashes: dict[str, set[str]] = defaultdict(set)
        for request in self._book.oldest_first(REQUEST):
            if request["idempotency_key"] is not None:
                hashes[request["idempotency_key"]].add(request["parameters_sha256"])
        return sorted(key for key, seen in hashes.items() if len(seen) > 1)


def _session(session: Thing) -> Thing:
    words = (
        *("id", "client_reference_id", "metadata", "amount_total", "currency", "status"),
        *("payment_status", "payment_intent", "created", "expires_at"),
    )
    return {word: session[word] for word in words}


def _takes_money(dispute: Thing) -> bool:
    return not dispute["is_charge_refundable"] and dispute["status"] != "won"


def _totals(payments: list[Thing]) -> dict[str, dict[str, int]]:
    """Sums by currency."""
    sums: dict[str, dict[str, int]] = {}
    words = ("captured", "refunded", "refunds_pending", "withdrawn_by_disputes", "net")
    for payment in payments:
        row = sums.setdefault(payment["currency"], dict.fromkeys(words, 0))
        for word in words:
            row[word] += payment[word]
    return sums
