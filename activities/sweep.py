"""What a sweep does: fetch missed events, wake orders that wait for nobody."""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from uuid import UUID

import structlog
from temporalio import activity

from activities.failures import as_failures
from rekindle.contracts.sweep import (
    FetchedEvents,
    FetchEvents,
    WakeStuck,
    WakeWaiting,
    WokenStuck,
    WokenWaiting,
)
from rekindle.ports.orders import OrderCommands
from rekindle.ports.payments import PaymentEvent, Payments
from rekindle.store import payment_events, sweep
from rekindle.store.database import Database

_LOG = structlog.get_logger(__name__)
MOST = 200
"""Orders, or new events, of one run; the next one goes on."""
WAITED = timedelta(minutes=1)
"""An event that did no work for so long has lost its wake."""
NOBODYS = timedelta(hours=1)
"""An event whose order is not known after so long is told to operators."""
PAUSE = timedelta(minutes=15)
"""An order that should move and did not change for so long is woken, each time anew."""
LONG_PAUSE = timedelta(hours=6)
"""The same for one that did not change for a day: a dispute may take months."""
_NAMED = 20
_BATCH = 1000


class SweepActivities:
    """The parts of a sweep. All are idempotent, bounded, and need nothing of each other."""

    def __init__(
        self, *, database: Database, payments: Payments | None, orders: OrderCommands
    ) -> None:
        """Work through these ports.

        Args:
            payments: None where nothing can be bought: then there is nothing to be done.
        """
        self._database = database
        self._payments = payments
        self._orders = orders

    @activity.defn
    async def fetch_events(self, ask: FetchEvents) -> FetchedEvents:
        """Put events that were never announced into the inbox, and wake their orders."""
        with as_failures():
            if self._payments is None:
                return FetchedEvents()
            now = await self._now()
            events = await self._payments.events(since=ask.since)
            missed = await self._missed(events)
            wanted = missed[:MOST]
            await self._receive(wanted)
            woken = await self._wake(await self._orders_of(wanted))
            # All of one moment may not have been reached; what is known is passed over.
            until = now if len(missed) <= MOST else wanted[-1].created_at
            if missed:
                _LOG.warning("payment_events_missed", new=len(wanted), left=len(missed) - MOST)
            return FetchedEvents(until=until, new=len(wanted), woken=woken)

    @activity.defn
    async def wake_waiting(self, ask: WakeWaiting) -> WokenWaiting:
        """Wake the orders of events that did no work; tell of those whose order is not known."""
        with as_failures():
            if self._payments is None:
                return WokenWaiting(told_until=ask.told_until)
            async with self._database.transaction() as session:
                await sweep.attribute_waiting(session)
                waiting = await sweep.orders_of_waiting(session, older_than=WAITED, most=MOST)
                nobodys = await sweep.nobodys_events(
                    session, older_than=NOBODYS, after=ask.told_until, most=_NAMED
                )
            if nobodys.fresh:
                _LOG.warning(
                    "payment_events_of_no_order", events=nobodys.fresh, waiting=nobodys.count
                )
            return WokenWaiting(
                woken=await self._wake(waiting),
                nobodys=nobodys.count,
                told_until=nobodys.latest or ask.told_until,
            )

    @activity.defn
    async def wake_stuck(self, ask: WakeStuck) -> WokenStuck:
        """Wake orders that should move on and do not."""
        with as_failures():
            now = await self._now()
            if self._payments is None:
                return WokenStuck(until=now)
            async with self._database.transaction() as session:
                stuck = await sweep.stuck_orders(
                    session,
                    since=ask.since,
                    until=now,
                    pause=PAUSE,
                    long_pause=LONG_PAUSE,
                    most=MOST,
                )
            return WokenStuck(until=now, woken=await self._wake(stuck))

    async def _now(self) -> datetime:
        async with self._database.transaction() as session:
            return await sweep.now(session)

    async def _missed(self, events: Sequence[PaymentEvent]) -> list[PaymentEvent]:
        """Those that are not in the inbox, in their order."""
        known: set[str] = set()
        for first in range(0, len(events), _BATCH):
            ids = [each.event_id for each in events[first : first + _BATCH]]
            async with self._database.transaction() as session:
                known |= await sweep.known_events(session, ids)
        return [each for each in events if each.event_id not in known]

    async def _receive(self, events: Sequence[PaymentEvent]) -> None:
        async with self._database.transaction() as session:
            for event in events:
                await payment_events.note(session, event)

    async def _orders_of(self, events: Iterable[PaymentEvent]) -> list[UUID]:
        """The orders of events that are in the inbox; without those that nobody knows."""
        named: dict[UUID, None] = {}
        async with self._database.transaction() as session:
            for event in events:
                order_id = event.order_id or await payment_events.attribute(session, event)
                if order_id is not None:
                    named[order_id] = None
            there = await sweep.known_orders(session, list(named))
        return [each for each in named if each in there]

    async def _wake(self, order_ids: Sequence[UUID]) -> int:
        for order_id in order_ids:
            await self._orders.wake(order_id)
        return len(order_ids)
