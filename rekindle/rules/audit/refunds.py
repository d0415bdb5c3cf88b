"""Lays our ledger of refunds beside the provider's."""

from collections.abc import Iterator, Sequence, Set

from rekindle.contracts.payments import DisputeStatus, Payment, PaymentFacts, Refund
from rekindle.rules.refunds import AskedRefund, Ledger


class RefundJudge:
    """The refunds of one order.

    Attributes:
        unanswered: rows whose call was not made, or whose answer is not known.
        failed: rows whose refund gave nothing back, and that no later row has replaced.
        missing: rows that name a refund which the provider does not have.
        twice: refunds that we made besides a row's own.
        unknown: refunds that no row knows of, and that may have been made by hand.
    """

    def __init__(self, facts: PaymentFacts, rows: Sequence[AskedRefund]) -> None:
        """Compare.

        Args:
            facts: of the order.
            rows: of its ledger.
        """
        self._lost = {d.payment_id for d in facts.disputes if d.status is DisputeStatus.LOST}
        self._told = {each.refund_id: each for each in facts.refunds}
        self._ledger = Ledger.read(facts.payments, facts.refunds, rows, lost=self._lost)
        paid = {each.payment_id: each for each in facts.payments}
        self._rows = [row for row in rows if not row.is_void and row.payment_id in paid]
        self.unanswered = [row for row in self._rows if row.refund_id is None]
        self.missing = [r for r in self._rows if r.refund_id and r.refund_id not in self._told]
        self.failed = [
            row
            for row in self._rows
            if self._gave_nothing(row)
            and not any(self._replaces(other, row) for other in self._rows)
            and self.kept(paid[row.payment_id]) > 0
        ]
        strays = list(self._strays())
        self.twice = [each for each in strays if self._is_ours_again(each)]
        self.unknown = [each for each in strays if not self._is_ours_again(each)]

    def kept(self, payment: Payment) -> int:
        """What of a payment is neither back nor on its way back, by the word of either side."""
        return 0 if payment.payment_id in self._lost else self._ledger.left(payment)

    def on_purpose(self, payment: Payment, by_operator: Set[int]) -> int:
        """What of a payment was given back although its HD can be had.

        Args:
            by_operator: numbers of rows that an operator asked for.
        """
        rows = sum(
            row.amount
            for row in self._rows
            if row.number in by_operator
            and row.payment_id == payment.payment_id
            and not self._gave_nothing(row)
        )
        strays = (*self.twice, *self.unknown)
        return rows + sum(each.amount for each in strays if each.payment_id == payment.payment_id)

    def _gave_nothing(self, row: AskedRefund) -> bool:
        told = self._told.get(row.refund_id or "")
        return told is not None and told.status.gives_nothing

    def _replaces(self, other: AskedRefund, row: AskedRefund) -> bool:
        return other.payment_id == row.payment_id and other.number > row.number

    def _strays(self) -> Iterator[Refund]:
        """Refunds that give money back and that no row knows of, or will know of."""
        known = {row.refund_id for row in self._rows} | set(self._ledger.found.values())
        for each in self._told.values():
            if each.refund_id not in known and not each.status.gives_nothing:
                yield each

    def _is_ours_again(self, refund: Refund) -> bool:
        """Whether we made a refund that looks like another one's repetition."""
        same = (refund.payment_id, refund.amount)
        return refund.order_id is not None and any(
            (row.payment_id, row.amount) == same and refund.number in (None, row.number)
            for row in self._rows
            if row.refund_id
        )
