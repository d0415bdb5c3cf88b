"""An order as we have it, and as the payment provider has it."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from activities.orders.items import ItemReader, KnownItem, close_lost, hd_state
from rekindle.contracts.orders import HdState, Product, hd_attempt_id
from rekindle.contracts.payments import PaymentFacts
from rekindle.contracts.statuses import AttemptStatus
from rekindle.errors import OrderNotFound
from rekindle.models import Attempt, Order
from rekindle.ports.payments import Payments
from rekindle.rules.orders import OrderState
from rekindle.store import attempts, orders, outcomes, payment_events
from rekindle.store.database import Database

_LATE = timedelta(minutes=15)
"""So long after its deadline HD that has not ended is given up: its render must have died."""
_SEARCHABLE = timedelta(hours=1)
"""A session whose id never reached us is searched for until so long after its end."""


@dataclass(frozen=True)
class Known:
    """Our side of an order at one moment.

    Attributes:
        hd: its HD attempt.
        object_key: of its HD object; None while there is none.
        event_ids: events that wait for this order to be looked at.
        items: of an order over several photos, each with its own HD attempt.
    """

    order: Order
    state: OrderState
    hd: Attempt | None
    object_key: str | None
    payment_ids: tuple[str, ...]
    event_ids: tuple[str, ...]
    items: tuple[KnownItem, ...] = ()

    @property
    def lacks_session(self) -> bool:
        """Whether the answer to the making of some session never reached us."""
        return len(self.order.session_ids) < self.order.sessions_begun


class OrderReader:
    """Reads both sides."""

    def __init__(
        self,
        *,
        database: Database,
        payments: Payments,
        deadline: timedelta,
        now: Callable[[], datetime],
    ) -> None:
        """Read through these.

        Args:
            deadline: of HD.
            now: the present.
        """
        self._database = database
        self._payments = payments
        self._patience = deadline + _LATE
        self._now = now
        self._items = ItemReader(database, is_lost=self._is_lost)

    async def ours(self, order_id: UUID) -> Known:
        """Our side, after it has learnt what became of its HD attempt.

        Raises:
            OrderNotFound: there is no such order.
        """
        async with self._database.transaction() as session:
            hd = await attempts.by_id(session, hd_attempt_id(order_id))
            if hd is not None and self._is_lost(hd):
                await close_lost(session, hd)
                hd = await attempts.by_id(session, hd.id)
            if hd is not None:
                await orders.note_hd(session, order_id, hd_state(hd), error_code=hd.error_code)
            order = await orders.by_id(session, order_id)
            if order is None:
                raise OrderNotFound
            if order.product != Product.ALBUM:
                return await self._known(session, order, hd)
        items = await self._items.read(order_id)
        async with self._database.transaction() as session:
            order = await orders.by_id(session, order_id)
            if order is None:
                raise OrderNotFound
            return replace(await self._known(session, order, None), items=items)

    async def _known(self, session: AsyncSession, order: Order, hd: Attempt | None) -> Known:
        payment_ids = await outcomes.payment_ids(session, order)
        key = hd.master_key if hd else await outcomes.granted_key(session, order.id)
        ours = await outcomes.state(session, order)
        if ours.hd is HdState.READY and key is None and not ours.items:
            # Its job was deleted before anybody could have the object: it cannot be delivered.
            ours = replace(ours, hd=HdState.FAILED)
        return Known(
            order=order,
            state=ours,
            hd=hd,
            object_key=key,
            payment_ids=tuple(payment_ids),
            event_ids=tuple(await payment_events.waiting_for(session, order.id)),
        )

    async def theirs(self, known: Known) -> PaymentFacts:
        """The provider's side. An order that nobody could have paid needs no call.

        Raises:
            PaymentsUnavailable: the provider did not answer.
            PaymentsRefused: it does not let us read, or does not know what we name.
        """
        order = known.order
        if not order.sessions_begun and not known.payment_ids:
            return PaymentFacts()
        facts = await self._payments.facts(
            order.id, session_ids=order.session_ids, payment_ids=known.payment_ids
        )
        if not (known.lacks_session and order.session_ids):
            return facts  # without any id the sessions were searched for
        if self._now() > order.expires_at + _SEARCHABLE:
            return facts
        found = await self._payments.facts(order.id, session_ids=(), payment_ids=())
        return PaymentFacts(
            sessions=(*facts.sessions, *found.sessions),
            payments=(*facts.payments, *found.payments),
            refunds=(*facts.refunds, *found.refunds),
            disputes=(*facts.disputes, *found.disputes),
        )

    def _is_lost(self, hd: Attempt) -> bool:
        is_over = AttemptStatus(hd.status).is_final
        return not is_over and self._now() > hd.created_at + self._patience
