"""One order: read at the provider, written down, and what follows from that carried out."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import structlog

from activities.orders.facts import Known, OrderReader
from rekindle.contracts.orders import refund_key
from rekindle.contracts.payments import CheckoutSession, PaymentFacts, SessionStatus
from rekindle.errors import PaymentsRefused, PaymentsUnavailable, RekindleError
from rekindle.models import OrderRefund
from rekindle.ports.payments import Payments
from rekindle.rules.orders import Outcome, reconcile
from rekindle.store import orders, outcomes, payment_events, refunds
from rekindle.store.database import Database

_LOG = structlog.get_logger(__name__)
_MOST_LOOKS = 12
"""Each follows something that was done or that somebody else changed; three are usual."""


@dataclass(frozen=True)
class Seen:
    """An order after a look, when nothing more was to be done at once."""

    known: Known
    outcome: Outcome
    facts: PaymentFacts

    @property
    def page(self) -> CheckoutSession | None:
        """The checkout session that may be paid."""
        open_ones = (s for s in self.facts.sessions if s.status is SessionStatus.OPEN)
        return next((s for s in open_ones if s.session_id not in self.outcome.expire), None)


class Reconciler:
    """Looks at orders. Any number of looks at once come to the same: versions and keys decide."""

    def __init__(
        self,
        *,
        database: Database,
        payments: Payments,
        reader: OrderReader,
        now: Callable[[], datetime],
    ) -> None:
        """Work through these."""
        self._database = database
        self._payments = payments
        self._reader = reader
        self._now = now

    async def look(self, order_id: UUID) -> Seen:
        """Look until nothing is left to be done at once. Idempotent.

        Raises:
            OrderNotFound: there is no such order.
            PaymentsUnavailable: the provider did not answer, or the order kept changing; what was
                written stays right, and the next look goes on.
            PaymentsRefused: the provider refused a request of ours.
        """
        for _ in range(_MOST_LOOKS):
            known = await self._reader.ours(order_id)
            facts = await self._reader.theirs(known)
            outcome = reconcile(known.state, facts, self._now())
            rows = await self._record(known, facts, outcome)
            if rows is None:
                continue
            if not (rows or outcome.expire):
                return Seen(known, outcome, facts)
            await self._carry_out(known, outcome, rows)
        raise PaymentsUnavailable("the order keeps changing")

    async def _record(
        self, known: Known, facts: PaymentFacts, outcome: Outcome
    ) -> Sequence[OrderRefund] | None:
        """Write what it came to; None when the order changed since it was read."""
        order = known.order
        async with self._database.transaction() as session:
            rows = await outcomes.record(session, order, outcome, object_key=known.object_key or "")
            if rows is None:
                return None
            for found in facts.sessions:
                if found.order_id == order.id and found.session_id not in order.session_ids:
                    await orders.note_session(session, order.id, found.session_id)
            for event_id in known.event_ids:
                await payment_events.handled(session, event_id)
            return rows

    async def _carry_out(self, known: Known, outcome: Outcome, rows: Sequence[OrderRefund]) -> None:
        """Make every call that is due, whatever becomes of the others."""
        failures: list[RekindleError] = []
        for row in rows:
            try:
                await self._refund(row)
            except (PaymentsUnavailable, PaymentsRefused) as error:
                failures.append(error)
        for session_id in outcome.expire:
            try:
                await self._payments.expire_session(session_id, key=self._expiry_key(session_id))
            except (PaymentsUnavailable, PaymentsRefused) as error:
                failures.append(error)
        for failure in failures:
            _LOG.warning("order_call_failed", order=str(known.order.id), why=str(failure))
            raise failure

    def _expiry_key(self, session_id: str) -> str:
        """A new one each minute: expiring twice is harmless, a kept error would not be."""
        return f"expire:{session_id}:{int(self._now().timestamp()) // 60}"

    async def _refund(self, row: OrderRefund) -> None:
        """Ask for a refund. The row is there, and just before it was not found at the provider."""
        try:
            made = await self._payments.refund(
                row.payment_id,
                amount=row.amount,
                order_id=row.order_id,
                key=refund_key(row.order_id, row.number),
            )
        except PaymentsUnavailable as error:
            if not error.is_kept:
                raise
            await self._replace(row)  # its key would get that answer for a day
            return
        async with self._database.transaction() as session:
            await refunds.answer(session, row.order_id, row.number, made.refund_id)

    async def _replace(self, row: OrderRefund) -> None:
        """Give a row up whose key is of no use, unless its refund turns out to have been made."""
        known = await self._reader.ours(row.order_id)
        facts = await self._reader.theirs(known)
        if row.number not in reconcile(known.state, facts, self._now()).repeat:
            return
        async with self._database.transaction() as session:
            now = await orders.lock(session, row.order_id)
            if now is not None and now.version == known.order.version:
                await refunds.void(session, row.order_id, [row.number])
                await orders.change(session, row.order_id)
