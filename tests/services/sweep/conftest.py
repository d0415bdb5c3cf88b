"""An account at Stripe's simulator, a database of its own, and orders whose workflows can be seen.

No worker takes the orders' workflows here: to be woken is all that happens to them.
"""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from sqlalchemy import func, update
from sqlmodel import col
from temporalio.client import Client
from temporalio.service import RPCError, RPCStatusCode

from activities.sweep import SweepActivities
from rekindle.adapters.order_workflows import TemporalOrders
from rekindle.contracts.orders import WAKE, OrderStatus, workflow_id
from rekindle.models import Order, OrderRefund, PaymentEventRecord
from rekindle.store.database import Database
from rekindle.store.schema import migrate
from tests.services.stripe.conftest import Shop
from tests.services.stripe.conftest import shop as shop


@dataclass
class Books:
    """Our side: the database, and the orders' workflows."""

    database: Database
    client: Client

    async def order(
        self, order_id: UUID | None = None, *, age: timedelta = timedelta(0), **facts: Any
    ) -> UUID:
        """An order in the database.

        Args:
            age: since it changed last.
        """
        values: dict[str, Any] = {
            "attempt_id": uuid4(),
            "product": "hd_image",
            "amount": 490,
            "currency": "eur",
            "price_version": "1",
            "status": OrderStatus.AWAITING_PAYMENT,
            "expires_at": datetime.now(UTC) + timedelta(hours=12),
        }
        order = Order(id=order_id or uuid4(), **values | facts)
        async with self.database.transaction() as session:
            session.add(order)
            await session.flush()
            moment = func.clock_timestamp() - age
            change = update(Order).where(col(Order.id) == order.id).values(updated_at=moment)
            await session.execute(change)
        return order.id

    async def event(self, event_id: str, *, age: timedelta = timedelta(0), **facts: Any) -> None:
        """An event in the inbox.

        Args:
            age: since it was received.
        """
        row = PaymentEventRecord(event_id=event_id, kind="charge.refunded", **facts)
        await self.add(row)
        async with self.database.transaction() as session:
            change = (
                update(PaymentEventRecord)
                .where(col(PaymentEventRecord.event_id) == event_id)
                .values(received_at=func.clock_timestamp() - age)
            )
            await session.execute(change)

    async def add(self, row: OrderRefund | PaymentEventRecord) -> None:
        async with self.database.transaction() as session:
            session.add(row)

    async def wakes(self, order_id: UUID) -> int:
        """How often an order was woken."""
        handle = self.client.get_workflow_handle(workflow_id(order_id))
        try:
            events = [each async for each in handle.fetch_history_events()]
        except RPCError as error:
            if error.status is RPCStatusCode.NOT_FOUND:
                return 0
            raise
        signals = [each.workflow_execution_signaled_event_attributes for each in events]
        return sum(each.signal_name == WAKE for each in signals)


@pytest.fixture
async def books(fresh_database_url: str, temporal: Client) -> AsyncIterator[Books]:
    await asyncio.to_thread(migrate, fresh_database_url)
    database = Database(fresh_database_url, patience_seconds=60)
    yield Books(database, temporal)
    await database.close()


@pytest.fixture
def sweep(books: Books, shop: Shop) -> SweepActivities:
    return SweepActivities(
        database=books.database,
        payments=shop.payments,
        orders=TemporalOrders(books.client, patience_seconds=60),
    )
