"""Orders with the money that belongs to them, as they are when everything went well."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from uuid import UUID

from rekindle.contracts.orders import HdState, OrderStatus
from rekindle.contracts.payments import (
    CheckoutSession,
    Dispute,
    DisputeStatus,
    Payment,
    PaymentFacts,
    Refund,
    RefundStatus,
    SessionStatus,
)
from rekindle.rules.audit import AuditedOrder, DifferenceKind
from rekindle.rules.order_items import ItemState
from rekindle.rules.orders import OrderState
from rekindle.rules.refunds import AskedRefund

NOW = datetime(2026, 11, 20, tzinfo=UTC)
LONG_AGO = NOW - timedelta(hours=2)
PRICE = 499
SHARES = ((1, 167), (2, 166), (3, 166))
"""Of the items of an album, by their numbers."""


@dataclass(frozen=True)
class Case:
    """An order of ours, and what the provider has of it."""

    order: AuditedOrder
    money: PaymentFacts
    told: tuple[DifferenceKind, ...] = ()

    @property
    def order_id(self) -> UUID:
        return self.order.state.order_id

    def ours(self, **changes: object) -> "Case":
        """With another row of ours."""
        return replace(self, order=replace(self.order, **changes))  # type: ignore[arg-type]

    def state(self, **changes: object) -> "Case":
        """With another state of ours."""
        return self.ours(state=replace(self.order.state, **changes))  # type: ignore[arg-type]

    def theirs(self, **changes: object) -> "Case":
        """With other facts of the provider."""
        return replace(self, money=replace(self.money, **changes))  # type: ignore[arg-type]


def case(number: int, status: OrderStatus, hd: HdState = HdState.WAITING) -> Case:
    """An order that nothing was paid on."""
    state = OrderState(UUID(int=number), PRICE, "usd", NOW + timedelta(hours=1), hd=hd)
    return Case(AuditedOrder(state, status, LONG_AGO), PaymentFacts())


def session(number: int, status: SessionStatus, key: str = "cs") -> CheckoutSession:
    is_paid = status is SessionStatus.COMPLETE
    return CheckoutSession(
        session_id=f"{key}_{number}",
        order_id=UUID(int=number),
        status=status,
        is_paid=is_paid,
        amount=PRICE,
        currency="usd",
        url="u" if status is SessionStatus.OPEN else None,
        payment_id=f"pi_{number}" if is_paid else None,
        expires_at=NOW,
    )


def payment(number: int, key: str = "pi", captured: int = PRICE, currency: str = "usd") -> Payment:
    return Payment(f"{key}_{number}", UUID(int=number), captured, currency, created_at=LONG_AGO)


def refund(
    number: int,
    amount: int = PRICE,
    *,
    key: str = "re",
    of: str = "pi",
    status: RefundStatus = RefundStatus.SUCCEEDED,
) -> Refund:
    order_id = UUID(int=number)
    return Refund(f"{key}_{number}", f"{of}_{number}", amount, status, order_id, LONG_AGO)


def row(
    number: int, amount: int = PRICE, *, nth: int = 1, key: str = "re", of: str = "pi"
) -> AskedRefund:
    return AskedRefund(nth, f"{of}_{number}", amount, f"{key}_{number}")


def created(number: int) -> Case:
    return case(number, OrderStatus.CREATED)


def awaiting(number: int) -> Case:
    found = case(number, OrderStatus.AWAITING_PAYMENT)
    return found.theirs(sessions=(session(number, SessionStatus.OPEN),))


def at_the_bank(number: int) -> Case:
    waiting = replace(session(number, SessionStatus.COMPLETE), is_paid=False)
    found = case(number, OrderStatus.AWAITING_PAYMENT)
    return found.theirs(sessions=(waiting,), payments=(payment(number, captured=0),))


def expired(number: int) -> Case:
    found = case(number, OrderStatus.EXPIRED).state(is_closed=True)
    return found.theirs(sessions=(session(number, SessionStatus.EXPIRED),))


def paid(number: int) -> Case:
    found = case(number, OrderStatus.PAID).state(payment_id=f"pi_{number}")
    return found.theirs(
        sessions=(session(number, SessionStatus.COMPLETE),), payments=(payment(number),)
    )


def rendering(number: int) -> Case:
    return paid(number).ours(status=OrderStatus.RENDERING).state(hd=HdState.RENDERING)


def delivered(number: int) -> Case:
    found = paid(number).ours(
        status=OrderStatus.DELIVERED, is_entitled=True, object_key=f"hd_{number}"
    )
    return found.state(hd=HdState.READY)


def delivered_for_less(number: int) -> Case:
    found = delivered(number).ours(by_operator=frozenset({1}))
    return found.state(refunds=(row(number, 100),)).theirs(refunds=(refund(number, 100),))


def delivered_and_doubly_paid(number: int) -> Case:
    second = payment(number, "second")
    found = delivered(number).state(refunds=(row(number, of="second"),))
    return found.theirs(payments=(payment(number), second), refunds=(refund(number, of="second"),))


def refunded(number: int) -> Case:
    found = paid(number).ours(status=OrderStatus.REFUNDED)
    found = found.state(hd=HdState.FAILED, is_closed=True, refunds=(row(number),))
    return found.theirs(refunds=(refund(number),))


def refunding(number: int) -> Case:
    found = refunded(number).ours(status=OrderStatus.REFUNDING)
    return found.theirs(refunds=(refund(number, status=RefundStatus.PENDING),))


def refunded_at_the_second_try(number: int) -> Case:
    rows = row(number), row(number, nth=2, key="again")
    failed = refund(number, status=RefundStatus.FAILED)
    return (
        refunded(number).state(refunds=rows).theirs(refunds=(failed, refund(number, key="again")))
    )


def paid_too_little(number: int) -> Case:
    found = refunded(number).state(hd=HdState.WAITING, payment_id=None, refunds=(row(number, 5),))
    return found.theirs(payments=(payment(number, captured=5),), refunds=(refund(number, 5),))


def paid_late(number: int) -> Case:
    return refunded(number).state(hd=HdState.WAITING)


def refunded_by_hand(number: int) -> Case:
    by_hand = replace(refund(number), order_id=None)
    found = refunded(number).state(refunds=()).theirs(refunds=(by_hand,))
    return replace(found, told=(DifferenceKind.REFUND_UNKNOWN,))


def disputed(number: int, status: DisputeStatus = DisputeStatus.OPEN) -> Case:
    contested = Dispute(f"dp_{number}", f"pi_{number}", PRICE, status, LONG_AGO)
    found = paid(number).ours(status=OrderStatus.DISPUTED).state(hd=HdState.READY)
    told = (DifferenceKind.DISPUTE_OPEN,) if status is DisputeStatus.OPEN else ()
    return replace(found.theirs(disputes=(contested,)), told=told)


def dispute_lost(number: int) -> Case:
    return disputed(number, DisputeStatus.LOST)


def dispute_won(number: int) -> Case:
    won = disputed(number, DisputeStatus.WON).money.disputes
    return delivered(number).theirs(disputes=won)


def album(number: int) -> Case:
    """Three photos, delivered."""
    items = tuple(ItemState(n, share, HdState.READY) for n, share in SHARES)
    found = delivered(number).ours(
        object_key=None,
        item_keys=tuple(f"hd_{number}_{n}" for n, _ in SHARES),
        entitled_items=frozenset(n for n, _ in SHARES),
    )
    return found.state(items=items)


def album_with_one_that_failed(number: int) -> Case:
    """Its share went back, and the others were delivered."""
    first, *others = album(number).order.state.items
    share = replace(row(number, first.share), item=first.number)
    found = album(number).ours(
        item_keys=tuple(f"hd_{number}_{each.number}" for each in others),
        entitled_items=frozenset(each.number for each in others),
    )
    found = found.state(items=(replace(first, hd=HdState.FAILED), *others), refunds=(share,))
    return found.theirs(refunds=(refund(number, first.share),))


STORIES: tuple[Callable[[int], Case], ...] = (
    created,
    awaiting,
    at_the_bank,
    expired,
    paid,
    rendering,
    delivered,
    delivered_for_less,
    delivered_and_doubly_paid,
    refunded,
    refunding,
    refunded_at_the_second_try,
    paid_too_little,
    paid_late,
    refunded_by_hand,
    disputed,
    dispute_lost,
    dispute_won,
    album,
    album_with_one_that_failed,
)
