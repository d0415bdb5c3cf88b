"""A shop that sold something two hours ago: rows, objects, and an account at Stripe's simulator."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import httpx
from sqlalchemy import text
from temporalio.client import Client
from typer.testing import Result

from rekindle.adapters.s3 import S3Store
from rekindle.contracts.orders import HdState, OrderStatus
from rekindle.models import Entitlement, Order
from rekindle.ports.payments import CheckoutOrder, Payments
from rekindle.store.database import Database
from tests.services.rows import stored_job

Rekindle = Callable[..., Awaitable[Result]]
PAST = timedelta(hours=2)
PRICE = 499


@dataclass
class OrderShop:
    """What a test may do to it."""

    run: Rekindle
    database: Database
    payments: Payments
    http: httpx.AsyncClient
    objects: S3Store
    temporal: Client
    folder: Path

    async def control(self, path: str, **body: Any) -> dict[str, Any]:
        """Use a control route of the simulator; it must be understood."""
        reply = await self.http.post(f"/simulator/{path}", json=body)
        assert reply.status_code == 200, reply.text
        return dict(reply.json())

    async def sql(self, statement: str, **values: Any) -> None:
        """Change the database by hand."""
        async with self.database.transaction() as session:
            await session.execute(text(statement), values)

    async def bought(self, status: OrderStatus = OrderStatus.DELIVERED) -> "Sold":
        """An order that was paid by card; HD is there when it counts as delivered."""
        order_id = uuid4()
        session = await self.payments.open_session(self._checkout(order_id))
        await self.control("pay", session=session.session_id, **{"with": "card"})
        facts = await self.payments.facts(
            order_id, session_ids=[session.session_id], payment_ids=[]
        )
        sold = Sold(self, order_id, session.session_id, facts.payments[0].payment_id)
        await self._add(sold, status)
        return sold

    def _checkout(self, order_id: UUID) -> CheckoutOrder:
        return CheckoutOrder(
            order_id=order_id,
            amount=PRICE,
            currency="usd",
            name="Photo in HD",
            email=None,
            success_url="http://127.0.0.1:9/1",
            cancel_url="http://127.0.0.1:9/2",
            expires_at=datetime.now(UTC) - PAST + timedelta(hours=1),
            key=f"checkout:{order_id}:1",
        )

    async def _add(self, sold: "Sold", status: OrderStatus) -> None:
        is_there = status is OrderStatus.DELIVERED
        then = datetime.now(UTC) - PAST
        async with self.database.transaction() as session:
            job_id = await _job(session)
            session.add(
                Order(
                    id=sold.order_id,
                    job_id=job_id,
                    attempt_id=uuid4(),
                    product="hd_image",
                    amount=PRICE,
                    currency="usd",
                    price_version="1",
                    status=status,
                    hd=HdState.READY if is_there else HdState.WAITING,
                    session_ids=[sold.session_id],
                    sessions_begun=1,
                    payment_id=sold.payment_id,
                    expires_at=then + timedelta(hours=1),
                    created_at=then - timedelta(seconds=5),
                    updated_at=then,
                )
            )
            await session.flush()
            if is_there:
                session.add(
                    Entitlement(order_id=sold.order_id, object_key=sold.key, granted_at=then)
                )
        if is_there:
            source = self.folder / "hd.png"
            source.write_bytes(b"hd")
            await self.objects.put_file(sold.key, source, content_type="image/png")


@dataclass
class Sold:
    """An order of the shop."""

    shop: OrderShop
    order_id: UUID
    session_id: str
    payment_id: str

    @property
    def key(self) -> str:
        """Of its HD object."""
        return f"restored/{self.order_id}/1_hd.png"

    async def sql(self, assignments: str) -> None:
        """Change the order's row by hand, as if that was long ago."""
        statement = f"update orders set {assignments} where id = :id"  # noqa: S608  a test's own
        await self.shop.sql(statement, id=self.order_id)


async def _job(session: Any) -> UUID:
    return (await stored_job(session)).id
