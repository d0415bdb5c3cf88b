"""Both sides of an audit: our orders, and the provider's account by order."""

from collections import defaultdict
from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TypeVar
from uuid import UUID

from rekindle.contracts.orders import HdState, OrderStatus
from rekindle.contracts.payments import CheckoutSession, Payment, PaymentFacts, Refund
from rekindle.rules.orders import OrderState

Key = TypeVar("Key", bound=Hashable)
Thing = TypeVar("Thing")


@dataclass(frozen=True)
class AuditedOrder:
    """An order as it stands in our database.

    Attributes:
        state: its price, its ledger and what became of its HD.
        changed_at: when anything of it changed last: row, ledger or entitlement.
        is_entitled: whether its HD may be read now.
        object_key: of the HD object that must be there; None where nothing must.
        item_keys: of an order over several photos, the objects that must be there.
        entitled_items: of such an order, numbers of the items that may be read now.
        by_operator: numbers of the ledger's rows that an operator asked for.
    """

    state: OrderState
    status: OrderStatus
    changed_at: datetime
    is_entitled: bool = False
    object_key: str | None = None
    item_keys: tuple[str, ...] = ()
    entitled_items: frozenset[int] = frozenset()
    by_operator: frozenset[int] = frozenset()

    @property
    def object_keys(self) -> tuple[str, ...]:
        """Of every HD object that must be there."""
        return self.item_keys if self.object_key is None else (self.object_key, *self.item_keys)

    @property
    def deliverable(self) -> int:
        """The price of what can be had, or still may be: without the shares of what failed."""
        failed = (each.share for each in self.state.items if each.hd is HdState.FAILED)
        return self.state.amount - sum(failed)

    @property
    def is_locked(self) -> bool:
        """Whether something is ready that may not be read."""
        if not self.state.items:
            return not self.is_entitled
        ready = {each.number for each in self.state.items if each.hd is HdState.READY}
        return not ready <= self.entitled_items

    @property
    def has_wrong_items(self) -> bool:
        """Whether an item may be read that is not ready: its share went back, or will."""
        ready = {each.number for each in self.state.items if each.hd is HdState.READY}
        return not self.entitled_items <= ready


class Account:
    """What the provider has, by order. What belongs to no order of these is `strange`."""

    def __init__(self, orders: Sequence[AuditedOrder], money: PaymentFacts) -> None:
        """Sort everything.

        Args:
            orders: ours.
            money: the provider's.
        """
        known = {each.state.order_id for each in orders}
        named = _named(orders, money.sessions)

        def owner(payment: Payment) -> UUID | None:
            # As `rules.orders` has it: what names no order is that one's which it was found with.
            found = payment.order_id or named.get(payment.payment_id)
            return found if found in known else None

        self._sessions = _by(money.sessions, lambda s: s.order_id)
        self._payments = _by(money.payments, owner)
        self._refunds = _by(money.refunds, lambda r: r.payment_id)
        self._disputes = _by(money.disputes, lambda d: d.payment_id)
        self._seen = {each.payment_id for each in money.payments}

    def facts(self, order_id: UUID) -> PaymentFacts:
        """Of one order."""
        payments = self._payments.get(order_id, ())
        return self._of(payments, self._sessions.get(order_id, ()))

    def strange(self) -> Iterator[PaymentFacts]:
        """Each payment that belongs to no order of ours, alone."""
        return (self._of([each], ()) for each in self._payments.get(None, ()))

    def loose_refunds(self) -> Iterator[Refund]:
        """Refunds whose payment is not in the account's facts, being older than they."""
        return (
            each for key, found in self._refunds.items() if key not in self._seen for each in found
        )

    def _of(self, payments: Sequence[Payment], sessions: Sequence[CheckoutSession]) -> PaymentFacts:
        keys = list(dict.fromkeys(each.payment_id for each in payments))
        return PaymentFacts(
            tuple(sessions),
            tuple(payments),
            tuple(each for key in keys for each in self._refunds.get(key, ())),
            tuple(each for key in keys for each in self._disputes.get(key, ())),
        )


def _named(
    orders: Sequence[AuditedOrder], sessions: Iterable[CheckoutSession]
) -> dict[str | None, UUID | None]:
    """The orders that sessions, rows and ledgers name for payments."""
    named = {each.payment_id: each.order_id for each in sessions}
    for each in orders:
        state = each.state
        ids = (state.payment_id, *(row.payment_id for row in state.refunds))
        named |= dict.fromkeys(ids, state.order_id)
    return named


def _by(things: Iterable[Thing], key: Callable[[Thing], Key]) -> Mapping[Key, list[Thing]]:
    found: dict[Key, list[Thing]] = defaultdict(list)
    for each in things:
        found[key(each)].append(each)
    return dict(found)
