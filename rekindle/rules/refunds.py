"""The ledger of refunds beside what the provider says of them: what is left of each payment.

A row is written before its call, so the call may have been made and its answer lost. Such a row is
recognised by the number that the call carried, else by payment and amount; whoever else gave back
the same amount of the same payment has then done its work, which errs on the side of never paying
back twice.
"""

from collections import Counter
from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass

from rekindle.contracts.payments import Payment, Refund, RefundStatus

MOST_FAILURES = 3
"""Refunds of one payment that may fail before it takes a person to look."""


@dataclass(frozen=True)
class AskedRefund:
    """A row of the ledger.

    Attributes:
        number: within its order, from 1.
        refund_id: the provider's, once it answered.
        is_void: it will never be carried out.
        item: number of the item of the order whose share it gives back; None for other reasons.
    """

    number: int
    payment_id: str
    amount: int
    refund_id: str | None = None
    is_void: bool = False
    item: int | None = None


@dataclass(frozen=True)
class Ledger:
    """Both sides together.

    Attributes:
        back: by payment, what went or is going back, in the currency's smallest unit.
        settled: of that, what has arrived.
        failures: by payment, refunds that gave nothing.
        found: refunds by the numbers of the rows that turned out to be theirs.
        void: numbers of rows that can not be carried out any more.
        unanswered: rows whose call has to be made, or made again.
        is_pending: whether some refund is still on its way.
        items: items whose share went or is going back.
    """

    back: Mapping[str, int]
    settled: Mapping[str, int]
    failures: Mapping[str, int]
    found: Mapping[int, str]
    void: tuple[int, ...]
    unanswered: tuple[AskedRefund, ...]
    is_pending: bool
    items: frozenset[int] = frozenset()

    @classmethod
    def read(
        cls,
        payments: Sequence[Payment],
        refunds: Sequence[Refund],
        rows: Sequence[AskedRefund],
        *,
        lost: Set[str],
    ) -> "Ledger":
        """Lay the rows beside the provider's refunds of these payments.

        Args:
            lost: payments that the bank took back, of which nothing can be refunded any more.
        """
        captured = {each.payment_id: each.captured for each in payments}
        told = {r.refund_id: r for r in refunds if r.payment_id in captured}
        given = [each for each in told.values() if not each.status.gives_nothing]
        settled = [each for each in given if each.status is RefundStatus.SUCCEEDED]
        back = _sums(given)
        valid = [row for row in rows if not row.is_void and row.payment_id in captured]
        for row in valid:  # the facts may be older than the answer that the row has
            if row.refund_id is not None and row.refund_id not in told:
                back[row.payment_id] += row.amount
        found = _found(rows, told)
        void, unanswered = [], []
        for row in sorted(valid, key=lambda r: r.number):
            if row.refund_id is not None or row.number in found:
                continue
            room = captured[row.payment_id] - back[row.payment_id]
            if row.payment_id in lost or row.amount > room:
                void.append(row.number)
            else:
                back[row.payment_id] += row.amount
                unanswered.append(row)
        return cls(
            back=back,
            settled=_sums(settled),
            failures=Counter(r.payment_id for r in told.values() if r.status.gives_nothing),
            found=found,
            void=tuple(void),
            unanswered=tuple(unanswered),
            is_pending=sum(back.values()) > sum(each.amount for each in settled),
            items=_items(rows, told, found, void),
        )

    def left(self, payment: Payment) -> int:
        """What of a payment could still be given back."""
        return payment.captured - self.back.get(payment.payment_id, 0)

    def unsettled(self, payment: Payment) -> int:
        """What of a payment has not arrived back."""
        return payment.captured - self.settled.get(payment.payment_id, 0)

    def is_stuck(self, payment: Payment) -> bool:
        """Whether refunds of a payment failed too often to go on by themselves."""
        return self.failures.get(payment.payment_id, 0) >= MOST_FAILURES and self.left(payment) > 0


def _sums(refunds: Sequence[Refund]) -> Counter[str]:
    sums: Counter[str] = Counter()
    for each in refunds:
        sums[each.payment_id] += each.amount
    return sums


def _found(rows: Sequence[AskedRefund], told: Mapping[str, Refund]) -> dict[int, str]:
    """The refunds of rows whose answer was lost."""
    answered = {row.refund_id for row in rows}
    strays = sorted((key, each) for key, each in told.items() if key not in answered)
    found: dict[int, str] = {}
    by_number = {row.number: row for row in rows}
    for row in sorted(rows, key=lambda r: r.number):
        if row.refund_id is not None or row.is_void:
            continue
        for index, (key, each) in enumerate(strays):
            if _may_be_its(each, row, by_number):
                found[row.number] = key
                del strays[index]
                break
    return found


def _may_be_its(refund: Refund, row: AskedRefund, by_number: Mapping[int, AskedRefund]) -> bool:
    """Whether a refund may be what a row asked for; two shares of one order may be equal.

    What a row asked for that was given up since is the work of the row that took its place.
    """
    asked = row if refund.number is None else by_number.get(refund.number, row)
    is_its = asked is row or (asked.is_void and asked.item == row.item)
    return is_its and (refund.payment_id, refund.amount) == (row.payment_id, row.amount)


def _items(
    rows: Sequence[AskedRefund],
    told: Mapping[str, Refund],
    found: Mapping[int, str],
    void: Sequence[int],
) -> frozenset[int]:
    """Items whose share went or is going back: by a row that stands, or one thought void."""
    useless = {key for key, each in told.items() if each.status.gives_nothing}
    carried = {each.number for key, each in told.items() if key not in useless}
    return frozenset(
        row.item
        for row in rows
        if row.item is not None
        and (
            row.number in carried
            or (
                not (row.is_void or row.number in void)
                and found.get(row.number, row.refund_id) not in useless
            )
        )
    )
