"""What an order comes to, from what the payment provider says of it and what became of its HD.

Nothing here remembers: the same facts give the same outcome, in whatever order and however often
they were announced. Only three things of ours count besides them: whether the order was closed,
which payment it was first granted for, and the ledger of refunds that were already asked for.

A part that an operator gives back lowers what the person pays and revokes nothing; whoever gets all
back loses the HD. An order over several photos is one payment: the share of a photo whose HD fails
for good goes back by itself, once, and the others are delivered. Money is never sent back while a
dispute is open: the bank may take it as well.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from types import MappingProxyType
from uuid import UUID

from rekindle.contracts.orders import HdState, OrderStatus, RefundReason
from rekindle.contracts.payments import (
    CheckoutSession,
    DisputeStatus,
    Payment,
    PaymentFacts,
    SessionStatus,
)
from rekindle.rules.order_items import ItemState
from rekindle.rules.refunds import AskedRefund, Ledger

GRACE = timedelta(minutes=10)
"""How long after the end of its offer an order without any session is still kept open."""

_SOON = timedelta(seconds=30)
_OFTEN, _SELDOM = timedelta(minutes=2), timedelta(hours=6)
_SHARE = 4

_S = OrderStatus
_OVER = frozenset({_S.REFUNDING, _S.REFUNDED, _S.DISPUTED})
_GRANTED = frozenset({_S.PAID, _S.RENDERING, _S.DELIVERED})

TRANSITIONS: Mapping[OrderStatus, frozenset[OrderStatus]] = MappingProxyType(
    {
        _S.CREATED: _OVER | _GRANTED | {_S.AWAITING_PAYMENT, _S.EXPIRED},
        _S.AWAITING_PAYMENT: _OVER | _GRANTED | {_S.CREATED, _S.EXPIRED},
        _S.PAID: _OVER | {_S.RENDERING, _S.DELIVERED},
        _S.RENDERING: _OVER | {_S.DELIVERED},
        _S.DELIVERED: _OVER,
        _S.EXPIRED: _OVER,
        _S.REFUNDING: (_OVER | _GRANTED) - {_S.REFUNDING},
        _S.REFUNDED: _OVER - {_S.REFUNDED},
        _S.DISPUTED: (_OVER | _GRANTED | {_S.AWAITING_PAYMENT}) - {_S.DISPUTED},
    }
)
"""Where an order may go from each status; steps may be left out, since nobody has to look."""


def can_follow(before: OrderStatus, after: OrderStatus) -> bool:
    """Whether an order may go from one status to another, or stay."""
    return before == after or after in TRANSITIONS[before]


@dataclass(frozen=True)
class OrderState:
    """Our own side of an order.

    Attributes:
        amount: its price, in the currency's smallest unit.
        currency: ISO 4217, lower case.
        expires_at: the end of its offer.
        is_closed: it was given up, expired or paid back: whatever is paid on it goes back.
        hd: what became of its HD object.
        payment_id: the payment it was first granted for; a later one is one too many.
        refunds: those asked for by us.
        items: of an order over several photos; `hd` is then what they come to together.
    """

    order_id: UUID
    amount: int
    currency: str
    expires_at: datetime
    is_closed: bool = False
    hd: HdState = HdState.WAITING
    payment_id: str | None = None
    refunds: tuple[AskedRefund, ...] = ()
    items: tuple[ItemState, ...] = ()


@dataclass(frozen=True)
class WantedRefund:
    """A refund to write into the ledger, and then to ask for.

    Attributes:
        item: number of the item whose share it is.
    """

    payment_id: str
    amount: int
    reason: RefundReason
    item: int | None = None


@dataclass(frozen=True)
class Outcome:
    """What the facts come to.

    Attributes:
        status: where the order stands.
        payment_id: the payment that counts; None while there is none.
        is_entitled: whether the HD object may be read now.
        must_render: whether the HD object is owed and has to be made.
        is_closed: whether the order is over, so that the product may be ordered anew.
        refunds: new rows for the ledger.
        found: refunds of the provider by the numbers of the rows that they answer.
        void: numbers of rows that can not be carried out any more, as money went back otherwise.
        repeat: numbers of rows whose call has to be made, or made again with the same key.
        expire: sessions to close.
        is_settled: nothing is on its way, so nothing changes unless somebody does something.
        entitled_items: of an order over several photos, those whose HD object may be read now.
        stuck: refunds that are owed and failed too often to be asked for again by themselves.
    """

    status: OrderStatus
    payment_id: str | None
    is_entitled: bool
    must_render: bool
    is_closed: bool
    refunds: tuple[WantedRefund, ...]
    found: Mapping[int, str]
    void: tuple[int, ...]
    repeat: tuple[int, ...]
    expire: tuple[str, ...]
    is_settled: bool
    entitled_items: tuple[int, ...] = ()
    stuck: tuple[WantedRefund, ...] = ()

    @property
    def needs_operator(self) -> bool:
        """Whether something is owed that nobody asks for any more."""
        return bool(self.stuck)


def reconcile(order: OrderState, facts: PaymentFacts, now: datetime) -> Outcome:
    """What an order comes to. Pure; once its outcome is carried out it asks for nothing more.

    Args:
        order: our side, read under the lock of its row.
        facts: read from the provider before that; money of other orders in them is left alone.
        now: the present.
    """
    return _Case(order, facts, now).outcome()


def look_after(
    status: OrderStatus, *, now: datetime, expires_at: datetime, changed_at: datetime
) -> timedelta:
    """How long nobody has to look at an order, even if all announcements are lost.

    Args:
        status: where it stands.
        now: the present.
        expires_at: the end of its offer.
        changed_at: when anything about it changed: what has waited for long is looked at seldom.
    """
    if status in (_S.PAID, _S.RENDERING):
        return _SOON
    waited = max(now - changed_at, timedelta(0))
    pause = min(max(waited / _SHARE, _OFTEN), _SELDOM)
    if status in (_S.CREATED, _S.AWAITING_PAYMENT):
        return max(expires_at + GRACE - now, pause)
    return _SELDOM if status is _S.DISPUTED else pause


class _Case:
    """One look at an order."""

    def __init__(self, order: OrderState, facts: PaymentFacts, now: datetime) -> None:
        ours = (None, order.order_id)
        self.order, self.now = order, now
        told = {each.session_id: each for each in facts.sessions if each.order_id in ours}
        self.sessions = tuple(told.values())
        found = {each.payment_id: each for each in facts.payments if each.order_id in ours}
        self.failed = {key for key, each in found.items() if each.has_failed}
        self.payments = sorted(
            (each for each in found.values() if each.captured > 0), key=lambda p: p.payment_id
        )
        known = {each.payment_id for each in self.payments}
        disputes = [each for each in facts.disputes if each.payment_id in known]
        self.in_dispute = any(each.status is DisputeStatus.OPEN for each in disputes)
        self.lost = {d.payment_id for d in disputes if d.status is DisputeStatus.LOST}
        self.ledger = Ledger.read(self.payments, facts.refunds, order.refunds, lost=self.lost)
        self.kept = self._kept()
        self.is_returned = self.kept is not None and self.ledger.left(self.kept) <= 0
        self.is_dead = order.is_closed or order.hd is HdState.FAILED or self.is_returned
        self.open = [each for each in self.sessions if each.status is SessionStatus.OPEN]
        self.awaited = [each for each in self.sessions if self._is_awaited(each)]

    def outcome(self) -> Outcome:
        status = self._status()
        has_hd = self.order.hd is HdState.READY
        is_granted = status in _GRANTED
        owed, expire = self._refunds(), self._expire()
        tired = {each.payment_id for each in self.payments if self.ledger.is_stuck(each)}
        wanted = tuple(each for each in owed if each.payment_id not in tired)
        repeat = () if self.in_dispute else tuple(r.number for r in self.ledger.unanswered)
        must_render = is_granted and not has_hd
        moving = (
            *(wanted, repeat, must_render, self.awaited, self.open, self.ledger.is_pending),
            self._owed(),
        )
        ready = (each.number for each in self.order.items if each.hd is HdState.READY)
        return Outcome(
            status=status,
            payment_id=self.kept.payment_id if self.kept else self.order.payment_id,
            is_entitled=is_granted and has_hd,
            must_render=must_render,
            is_closed=self.order.is_closed or status in (_S.EXPIRED, _S.REFUNDED),
            refunds=wanted,
            found=self.ledger.found,
            void=self.ledger.void,
            repeat=repeat,
            expire=expire,
            is_settled=not (any(moving) or self.in_dispute or status in (_S.CREATED, _S.REFUNDING)),
            entitled_items=tuple(ready) if is_granted else (),
            stuck=tuple(each for each in owed if each.payment_id in tired),
        )

    def _is_right(self, payment: Payment) -> bool:
        paid = (payment.captured, payment.currency.lower())
        return paid == (self.order.amount, self.order.currency.lower())

    def _kept(self) -> Payment | None:
        """The one payment that counts: that of the first look, else the soundest."""

        def rank(payment: Payment) -> tuple[bool, bool, bool]:
            key = payment.payment_id
            return (
                key != self.order.payment_id,
                key in self.lost,
                self.ledger.left(payment) <= 0,
            )

        return min((each for each in self.payments if self._is_right(each)), key=rank, default=None)

    def _is_awaited(self, session: CheckoutSession) -> bool:
        """Whether a completed session still waits for a bank."""
        arrived = {each.payment_id for each in self.payments} | self.failed
        return session.status is SessionStatus.COMPLETE and session.payment_id not in arrived

    def _status(self) -> OrderStatus:
        if self.in_dispute or (self.kept and self.kept.payment_id in self.lost):
            return _S.DISPUTED
        if self.is_dead:
            return self._returned() or _S.EXPIRED
        if self.kept:
            steps = {HdState.RENDERING: _S.RENDERING, HdState.READY: _S.DELIVERED}
            return steps.get(self.order.hd, _S.PAID)
        if self.open or self.awaited:
            return _S.AWAITING_PAYMENT
        return self._returned() or self._unpaid()

    def _returned(self) -> OrderStatus | None:
        """How far all money is on its way back; None when none ever came."""
        if not self.payments:
            return None
        out = (each for each in self.payments if each.payment_id not in self.lost)
        return _S.REFUNDING if any(map(self.ledger.unsettled, out)) else _S.REFUNDED

    def _unpaid(self) -> OrderStatus:
        expired = any(each.status is SessionStatus.EXPIRED for each in self.sessions)
        is_over = expired or self.now >= self.order.expires_at + GRACE
        return _S.EXPIRED if is_over else _S.CREATED

    def _reason(self, payment: Payment) -> RefundReason | None:
        """Why a payment goes back; None when it stays."""
        if not self._is_right(payment):
            return RefundReason.WRONG_AMOUNT
        if payment is not self.kept:
            return RefundReason.DUPLICATE
        if self.order.hd is HdState.FAILED:
            return RefundReason.HD_FAILED
        return RefundReason.ORDER_CLOSED if self.is_dead else None

    def _refunds(self) -> tuple[WantedRefund, ...]:
        """All that has to go back and is not on its way, however often that failed."""
        if self.in_dispute:
            return ()
        wanted: list[WantedRefund] = []
        for each in self.payments:
            if each.payment_id in self.lost:
                continue
            reason, left = self._reason(each), self.ledger.left(each)
            if reason and left > 0:
                wanted.append(WantedRefund(each.payment_id, left, reason))
            elif each is self.kept:
                wanted += self._shares(each.payment_id, left)
        return tuple(wanted)

    def _shares(self, payment_id: str, left: int) -> Iterator[WantedRefund]:
        """The shares of what cannot be delivered, out of what is left of their payment."""
        for item in self._owed():
            if (amount := min(item.share, left)) > 0:
                yield WantedRefund(payment_id, amount, RefundReason.HD_FAILED, item.number)
                left -= amount

    def _owed(self) -> tuple[ItemState, ...]:
        """Items that failed for good, and whose share is still to be asked for."""
        kept = self.kept
        if kept is None or kept.payment_id in self.lost or self.is_dead:
            return ()
        failed = (each for each in self.order.items if each.hd is HdState.FAILED)
        return tuple(each for each in failed if each.number not in self.ledger.items)

    def _expire(self) -> tuple[str, ...]:
        """All open sessions that must not be paid; at most the newest of the right price stays."""
        sound: Sequence[CheckoutSession] = ()
        if not (self.is_dead or self.kept or self.awaited):
            price = (self.order.amount, self.order.currency.lower())
            sound = [each for each in self.open if (each.amount, each.currency.lower()) == price]
        stays = max(sound, key=lambda s: (s.expires_at, s.session_id), default=None)
        return tuple(sorted(each.session_id for each in self.open if each is not stays))
