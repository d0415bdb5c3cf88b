"""The checkout page of an order."""

from collections.abc import Callable
from datetime import datetime, timedelta
from uuid import UUID

from activities.orders.facts import Known
from activities.orders.reconciling import Reconciler, Seen
from activities.orders.terms import OrderTerms
from rekindle.contracts.orders import Checkout, OrderStatus, Product, session_key
from rekindle.contracts.payments import CheckoutOrder, CheckoutSession, SessionStatus
from rekindle.errors import PaymentsRefused, PaymentsUnavailable
from rekindle.models import Order
from rekindle.ports.payments import Payments
from rekindle.rules.prices import TITLES
from rekindle.store import order_items, orders
from rekindle.store.database import Database

_SHORTEST, _LONGEST = timedelta(minutes=30), timedelta(hours=24)
"""How far ahead the provider lets a session end."""
_MARGIN = timedelta(minutes=2)
"""For a slow call, its repeats, and clocks that differ."""
_MOST_TRIES = 6


class CheckoutDesk:
    """Opens checkout pages: one for an order at any time, the same for whoever asks."""

    def __init__(
        self,
        *,
        database: Database,
        payments: Payments,
        reconciler: Reconciler,
        terms: OrderTerms,
        now: Callable[[], datetime],
    ) -> None:
        """Work through these."""
        self._database = database
        self._payments = payments
        self._reconciler = reconciler
        self._terms = terms
        self._now = now

    async def open(self, order_id: UUID) -> Checkout:
        """The order's page: the open one, else a new one. Idempotent.

        Returns:
            Without address when the order is paid, over, or asks a bank.

        Raises:
            OrderNotFound, PaymentsUnavailable, PaymentsRefused: see `Reconciler.look`.
        """
        for _ in range(_MOST_TRIES):
            seen = await self._reconciler.look(order_id)
            if page := seen.page:
                return _checkout(page)
            if seen.outcome.is_closed or seen.outcome.status is not OrderStatus.CREATED:
                return Checkout(status=seen.outcome.status)
            made = await self._make(seen)
            if made is not None and made.status is SessionStatus.OPEN:
                return _checkout(made)
        raise PaymentsUnavailable("the order keeps changing")

    async def _make(self, seen: Seen) -> CheckoutSession | None:
        """A session of an order that has none; None when the order has changed."""
        order = seen.known.order
        async with self._database.transaction() as session:
            email = await order_items.email(session, order)
            if email is None:
                await orders.close(session, order.id)  # what is sold is gone
                return None
        made = await self._repeated(seen.known, email) or await self._begun(order, email)
        if made is not None:
            is_open = made.status is SessionStatus.OPEN
            async with self._database.transaction() as session:
                await orders.note_page(session, order.id, made.session_id, is_open=is_open)
        return made

    async def _repeated(self, known: Known, email: str) -> CheckoutSession | None:
        """The call whose answer was lost, made again with its key; None where that cannot be.

        Its end lies at most 24 hours behind its beginning, so a key that is repeated here is never
        older than that.
        """
        order = known.order
        is_possible = order.expires_at >= self._now() + _SHORTEST
        if not (known.lacks_session and is_possible):
            return None
        try:
            made = await self._open(order, order.sessions_begun, order.expires_at, email)
        except PaymentsUnavailable as error:
            if not error.is_kept:
                raise
            return None  # the key would get that answer for a day, and no session was found
        except PaymentsRefused:
            return None  # something that the key stands for has changed since, such as an address
        return None if made.session_id in order.session_ids else made  # known, and of no use

    async def _begun(self, order: Order, email: str) -> CheckoutSession | None:
        """A session of a new number, which is stored before the call."""
        ahead = min(max(self._terms.offer, _SHORTEST + _MARGIN), _LONGEST - _MARGIN)
        expires_at = (self._now() + ahead).replace(microsecond=0)
        async with self._database.transaction() as session:
            number = await orders.begin_session(
                session, order.id, version=order.version, expires_at=expires_at
            )
        if number is None:
            return None
        return await self._open(order, number, expires_at, email)

    async def _open(
        self, order: Order, number: int, expires_at: datetime, email: str
    ) -> CheckoutSession:
        success_url, cancel_url = self._terms.pages(order.id)
        return await self._payments.open_session(
            CheckoutOrder(
                order_id=order.id,
                amount=order.amount,
                currency=order.currency,
                name=TITLES[Product(order.product)],
                email=email,
                success_url=success_url,
                cancel_url=cancel_url,
                expires_at=expires_at,
                key=session_key(order.id, number),
            )
        )


def _checkout(page: CheckoutSession) -> Checkout:
    return Checkout(status=OrderStatus.AWAITING_PAYMENT, url=page.url, expires_at=page.expires_at)
