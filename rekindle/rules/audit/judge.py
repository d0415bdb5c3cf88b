"""Judges each order, and the money that belongs to none."""

from collections.abc import Iterator, Sequence, Set
from datetime import datetime, timedelta

from rekindle.contracts.orders import HdState, OrderStatus
from rekindle.contracts.payments import DisputeStatus, Payment, PaymentFacts, SessionStatus
from rekindle.rules.audit.account import Account, AuditedOrder
from rekindle.rules.audit.differences import Difference, DifferenceKind
from rekindle.rules.audit.refunds import RefundJudge

PATIENCE = timedelta(minutes=15)
"""For so long after the last change of an order, on either side, both sides may differ."""

_K, _S = DifferenceKind, OrderStatus
_GRANTED = frozenset({_S.PAID, _S.RENDERING, _S.DELIVERED})
_MONEY_CAME = _GRANTED | {_S.REFUNDING, _S.REFUNDED, _S.DISPUTED}
_UNPAID = frozenset({_S.CREATED, _S.AWAITING_PAYMENT})


def audit(
    orders: Sequence[AuditedOrder],
    money: PaymentFacts,
    objects_present: Set[str],
    now: datetime,
) -> list[Difference]:
    """Everything that is not as it must be, by order. Pure.

    Args:
        orders: read after `money`, so that each order is there to which money could come.
        money: whole for each of these orders; all else in it is nobody's.
        objects_present: keys that the object store has, of those that the orders name.
        now: the present.
    """
    account = Account(orders, money)
    found = [
        difference
        for order in orders
        for difference in _Case(
            order, account.facts(order.state.order_id), objects_present, now
        ).differences()
    ]
    for facts in account.strange():
        found += _of_nobody(facts)
    found += [
        Difference(_K.REFUND_UNKNOWN, None, each.refund_id, each.amount)
        for each in account.loose_refunds()
        if not each.status.gives_nothing
    ]
    return sorted(found, key=lambda d: (str(d.order_id), d.kind, d.about))


def _of_nobody(facts: PaymentFacts) -> Iterator[Difference]:
    """A payment that belongs to no order must have gone back."""
    judge = RefundJudge(facts, rows=())
    for payment in facts.payments:
        if (kept := judge.kept(payment)) > 0:
            key, currency = payment.payment_id, payment.currency
            yield Difference(_K.MONEY_WITHOUT_ORDER, None, key, kept, currency)


def _moments(facts: PaymentFacts) -> list[datetime]:
    """When money moved."""
    payments = [each.created_at for each in facts.payments]
    refunds = [each.created_at for each in facts.refunds]
    disputes = [each.created_at for each in facts.disputes]
    return [each for each in (*payments, *refunds, *disputes) if each is not None]


class _Case:
    """One order."""

    def __init__(
        self, order: AuditedOrder, facts: PaymentFacts, present: Set[str], now: datetime
    ) -> None:
        self.order, self.state, self.status = order, order.state, order.status
        self.facts, self.present = facts, present
        self.payments = [each for each in facts.payments if each.captured > 0]
        self.judge = RefundJudge(facts, self.state.refunds)
        self.kept = {each.payment_id: self.judge.kept(each) for each in self.payments}
        self.contested = [d for d in facts.disputes if d.status is DisputeStatus.OPEN]
        moments = [order.changed_at, *_moments(facts)]
        self.is_moving = now - max(moments) < PATIENCE

    def differences(self) -> Iterator[Difference]:
        """Everything that is wrong with it."""
        for dispute in self.contested:
            yield self._found(_K.DISPUTE_OPEN, dispute.dispute_id, dispute.amount)
        for refund in self.judge.unknown:
            yield self._found(_K.REFUND_UNKNOWN, refund.refund_id, refund.amount)
        for key in self.order.object_keys:
            if key not in self.present:
                yield self._found(_K.HD_MISSING, key)
        if self.is_moving:
            return
        yield from self._standing()
        yield from self._refunds()
        if not self.contested:
            yield from self._sums()
        yield from self._pages()

    def _found(self, kind: DifferenceKind, about: str, amount: int = 0) -> Difference:
        return Difference(kind, self.state.order_id, about, amount, self.state.currency)

    def _standing(self) -> Iterator[Difference]:
        """What the order says of itself, and what was paid."""
        price, about = self.state.amount, self.state.payment_id or ""
        is_kept = any(each > 0 for each in self.kept.values())
        is_unlocked = self.order.is_entitled and (self.contested or not is_kept)
        if is_unlocked or self.order.has_wrong_items:
            yield self._found(_K.UNLOCKED_WITHOUT_PAYMENT, about, price)
        elif not self._is_backed(is_kept):
            yield self._found(_K.ORDER_WITHOUT_MONEY, about, price)
        elif self.status is _S.DELIVERED and self.order.is_locked:
            yield self._found(_K.DELIVERED_BUT_LOCKED, about, price)

    def _is_backed(self, is_kept: bool) -> bool:
        """Whether the money that the status speaks of came, and is kept as far as it says so."""
        if self.status in _GRANTED:
            return is_kept and self.state.payment_id in self.kept
        return bool(self.payments) or self.status not in _MONEY_CAME

    def _refunds(self) -> Iterator[Difference]:
        """Our ledger beside the provider's refunds."""
        judge = self.judge
        for refund in judge.twice:
            yield self._found(_K.REFUND_TWICE, refund.refund_id, refund.amount)
        for row in judge.missing:
            yield self._found(_K.REFUND_MISSING, row.refund_id or "", row.amount)
        if self.contested:
            return  # no refund is asked for until that is over
        for row in judge.unanswered:
            yield self._found(_K.REFUND_UNANSWERED, f"row {row.number}", row.amount)
        for row in judge.failed:
            yield self._found(_K.REFUND_FAILED, row.refund_id or "", row.amount)

    def _sums(self) -> Iterator[Difference]:
        """Captured minus refunded: the price of HD that can be had, else nothing.

        Of an order over several photos that is the sum of the shares of those that can be had.
        """
        failed = {row.payment_id for row in self.judge.failed}
        kept = [p for p in self.payments if self.kept[p.payment_id] > 0]
        kept = [each for each in kept if each.payment_id not in failed]
        for payment in kept:
            if not self._is_right(payment.captured, payment.currency):
                key, currency = payment.payment_id, payment.currency
                amount = self.kept[key]
                yield Difference(_K.WRONG_AMOUNT, self.state.order_id, key, amount, currency)
        right = [each for each in kept if self._is_right(each.captured, each.currency)]
        total = sum(self.kept[each.payment_id] for each in right)
        about = ", ".join(sorted(each.payment_id for each in right))
        wanted = sum(map(self._price_now, right[:1])) if self._is_deliverable() else 0
        if self._is_deliverable() and len(right) > 1:
            yield self._found(_K.TWO_PAYMENTS, about, total - self.state.amount)
        elif total != wanted:
            yield self._found(_K.WRONG_SUM, about, total - wanted)

    def _is_right(self, amount: int, currency: str) -> bool:
        return (amount, currency.lower()) == (self.state.amount, self.state.currency.lower())

    def _is_deliverable(self) -> bool:
        is_over = self.state.is_closed or self.state.hd is HdState.FAILED
        return self.status in _GRANTED and not is_over

    def _price_now(self, payment: Payment) -> int:
        """The price without what failed, and without what was given back on purpose."""
        return self.order.deliverable - self.judge.on_purpose(payment, self.order.by_operator)

    def _pages(self) -> Iterator[Difference]:
        """Pages that somebody could still pay on."""
        awaits = self.status in _UNPAID and not self.state.is_closed
        for page in self.facts.sessions:
            if page.status is not SessionStatus.OPEN:
                continue
            if not awaits:
                yield self._found(_K.SESSION_OPEN, page.session_id, page.amount)
            elif not self._is_right(page.amount, page.currency):
                yield self._found(_K.WRONG_AMOUNT, page.session_id, page.amount)
