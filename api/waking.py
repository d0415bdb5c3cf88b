"""Has orders look at the payment provider anew, after the answer to whoever said so is out."""

import asyncio
from uuid import UUID

import structlog

from rekindle.errors import RekindleError
from rekindle.ports.orders import OrderCommands
from rekindle.ports.payments import PaymentEvent
from rekindle.store import payment_events
from rekindle.store.database import Database

_LOG = structlog.get_logger(__name__)

_AT_ONCE = 8
_MOST_WAITING = 10_000
_LAST_SECONDS = 5.0

Word = UUID | PaymentEvent
"""An order to wake, or an event whose order has yet to be found."""


class OrderWaker:
    """Wakes orders in the background, few at once; one that waits already is not woken twice.

    A wake that is lost, with this process or for want of Temporal, is made up for by the sweep:
    the event stays in the inbox until its order has looked.
    """

    def __init__(
        self, orders: OrderCommands, database: Database, *, last_seconds: float = _LAST_SECONDS
    ) -> None:
        """Wake through `orders`.

        Args:
            last_seconds: how long `aclose` lets what waits have its turn.
        """
        self._orders = orders
        self._database = database
        self._last_seconds = last_seconds
        self._waiting: dict[UUID | str, Word] = {}
        self._lanes: set[asyncio.Task[None]] = set()
        self._is_closed = False

    def wake(self, order_id: UUID) -> None:
        """Have an order woken soon, after everything that has been committed by now."""
        self._line_up(order_id, order_id)

    def hear(self, event: PaymentEvent) -> None:
        """Have the order of an event woken soon; nobody's event only stays in the inbox."""
        if event.order_id is not None:
            self._line_up(event.order_id, event.order_id)
        elif event.payment_id is not None:
            self._line_up(event.event_id, event)

    async def aclose(self) -> None:
        """Let those that wait have their turn, for a moment; the rest is left to the sweep."""
        self._is_closed = True
        if self._lanes:
            await asyncio.wait(self._lanes, timeout=self._last_seconds)
        for lane in self._lanes:
            lane.cancel()
        await asyncio.gather(*self._lanes, return_exceptions=True)

    def _line_up(self, name: UUID | str, word: Word) -> None:
        if self._is_closed or len(self._waiting) >= _MOST_WAITING:
            _LOG.warning("an order is left to the sweep", order=str(name))
            return
        self._waiting.setdefault(name, word)
        if len(self._lanes) < _AT_ONCE:
            lane = asyncio.create_task(self._go_on(), name="wake orders")
            self._lanes.add(lane)
            lane.add_done_callback(self._lanes.discard)

    async def _go_on(self) -> None:
        while self._waiting:
            # Off the line before it is woken: what happens from now on needs a wake of its own.
            name = next(iter(self._waiting))
            await self._wake(name, self._waiting.pop(name))

    async def _wake(self, name: UUID | str, word: Word) -> None:
        try:
            order_id = word if isinstance(word, UUID) else await self._order_of(word)
            if order_id is not None:
                await self._orders.wake(order_id)
        except RekindleError as error:
            _LOG.warning("an order is left to the sweep", order=str(name), why=str(error))
        except Exception:
            _LOG.exception("an order is left to the sweep", order=str(name))

    async def _order_of(self, event: PaymentEvent) -> UUID | None:
        """The order of an event that names only a payment; written down with the event."""
        async with self._database.transaction() as session:
            order_id = await payment_events.attribute(session, event)
        if order_id is None:
            _LOG.warning("a payment event of no order", event_id=event.event_id, kind=event.kind)
        return order_id
