"""An account at Stripe's simulator, a database of its own, and orders whose workflows can be seen.

No worker takes the orders' workflows here: to be woken is all that happens to them.
"""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest
from sqlalchemy import func, select, update
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col
from temporalio.client import Client
from temporalio.service import RPCError, RPCStatusCode

from activities.retention import RetentionActivities
from activities.sweep import SweepActivities
from activities.uploads import UploadActivities
from rekindle.adapters.job_deletion import TemporalDeletions
from rekindle.adapters.order_workflows import TemporalOrders
from rekindle.adapters.s3 import S3Store
from rekindle.contracts import keys
from rekindle.contracts.orders import WAKE, OrderStatus, workflow_id
from rekindle.models import Order, OrderRefund, PaymentEventRecord, Upload
from rekindle.store import users
from rekindle.store.database import Database
from rekindle.store.schema import migrate
from tests.services.rows import stored_job
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


@pytest.fixture
def retention(books: Books, objects: S3Store) -> RetentionActivities:
    return RetentionActivities(
        database=books.database,
        objects=objects,
        deletions=TemporalDeletions(books.client, patience_seconds=60),
        orders=TemporalOrders(books.client, patience_seconds=60),
        retention=timedelta(days=30),
    )


@dataclass
class Parcels:
    """Uploads in the database, and photos on their way in the bucket."""

    database: Database
    objects: S3Store
    photo: Path

    async def upload(
        self, *, age: timedelta = timedelta(0), used: bool = False, arrived: bool = True
    ) -> UUID:
        """An upload.

        Args:
            age: since it began.
            used: whether there is a job of it.
            arrived: whether its photo lies in the bucket.
        """
        upload_id = uuid4()
        async with self.database.transaction() as session:
            row = Upload(
                id=upload_id,
                user_id=await self._user(session),
                content_type="image/jpeg",
                expires_at=datetime.now(UTC),
                created_at=datetime.now(UTC) - age,
                job_id=await self.job(session) if used else None,
            )
            session.add(row)
        if arrived:
            await self.put(upload_id)
        return upload_id

    async def job(self, session: AsyncSession) -> UUID:
        """A job, in this transaction."""
        return (await stored_job(session, issuer="i", subject="s")).id

    async def _user(self, session: AsyncSession) -> UUID:
        return await users.remember(session, issuer="i", subject="s")

    async def put(self, upload_id: UUID) -> str:
        """A photo for an upload, whether there is one or not; its key."""
        key = keys.incoming(upload_id)
        await self.objects.put_file(key, self.photo, content_type="image/jpeg")
        return key

    async def photos(self) -> list[str]:
        """Keys of all photos that are on their way."""
        return [each.key for each in await self.objects.find(keys.INCOMING, after=None, most=1000)]

    async def uploads(self) -> set[UUID]:
        """Ids of all uploads."""
        async with self.database.transaction() as session:
            return set((await session.execute(select(col(Upload.id)))).scalars())


@pytest.fixture
async def parcels(books: Books, objects: S3Store, tmp_path: Path) -> Parcels:
    """A bucket in which nothing is on its way; photos of other tests are gone."""
    photo = tmp_path / "photo"
    photo.write_bytes(b"a photo")
    parcels = Parcels(books.database, objects, photo)
    await objects.delete(*await parcels.photos())
    return parcels


@pytest.fixture
def uploads(books: Books, objects: S3Store) -> UploadActivities:
    return UploadActivities(database=books.database, objects=objects, abandoned_hours=24.0, page=2)
