"""The API with something to sell: real rows, files and verified events."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest
from fastapi import FastAPI
from pydantic import SecretStr

from api.app import create_app
from rekindle.adapters.s3 import S3Store
from rekindle.adapters.stripe import StripePayments
from rekindle.contracts import keys
from rekindle.contracts.orders import Checkout, HdState, OrderStatus, hd_attempt_id
from rekindle.contracts.payments import (
    CheckoutSession,
    Payment,
    PaymentFacts,
    Refund,
    RefundStatus,
    SessionStatus,
)
from rekindle.contracts.renders import Priority
from rekindle.contracts.statuses import AttemptKind
from rekindle.models import Attempt, Order
from rekindle.rules.orders import reconcile
from rekindle.settings import Settings
from rekindle.store import attempts, orders, outcomes
from rekindle.store.database import Database
from rekindle.wiring.api import ApiPorts
from tests.services.api.conftest import SETTINGS, World

KEY = "sk_test_accountOfTheOrdersTests01"
SECRET = "whsec_ofTheOrdersTests"  # pragma: allowlist secret
SHOP_SETTINGS = SETTINGS.model_copy(
    update={"stripe_webhook_secret": SecretStr(SECRET), "api_title": "Old <Photos>"}
)


@pytest.fixture(scope="session")
def app() -> FastAPI:
    """As the parent's, with the secret of a webhook endpoint."""

    def open_ports(settings: Settings) -> AbstractAsyncContextManager[ApiPorts]:
        world: World = application.state.world
        return world.open(settings)

    application = create_app(SHOP_SETTINGS, open_ports=open_ports)
    return application


SetSettings = Callable[..., None]


@pytest.fixture
def set_settings(app: FastAPI) -> Iterator[SetSettings]:
    """Changes settings that routes look at with each request, until the test ends."""
    before: Settings = app.state.settings

    def change(**changed: Any) -> None:
        app.state.settings = before.model_copy(update=changed)

    yield change
    app.state.settings = before


@dataclass
class Orders:
    """Commands to orders: has a page for each, and notes who is woken."""

    database: Database
    opened: list[UUID] = field(default_factory=list)
    woken: list[UUID] = field(default_factory=list)
    over: set[UUID] = field(default_factory=set)
    failure: Exception | None = None

    async def checkout(self, order_id: UUID) -> Checkout:
        self.opened.append(order_id)
        if self.failure is not None:
            raise self.failure
        async with self.database.transaction() as session:
            if order_id in self.over:
                await orders.close(session, order_id)
                return Checkout(status=OrderStatus.EXPIRED)
            await orders.change(session, order_id, status=OrderStatus.AWAITING_PAYMENT)
        ends = datetime.now(UTC) + timedelta(hours=1)
        url = f"https://pay.example/{order_id}"
        return Checkout(status=OrderStatus.AWAITING_PAYMENT, url=url, expires_at=ends)

    async def wake(self, order_id: UUID) -> None:
        if self.failure is not None:
            raise self.failure
        self.woken.append(order_id)

    async def until_woken(self, *expected: UUID) -> None:
        async with asyncio.timeout(60):
            while not set(expected) <= set(self.woken):
                await asyncio.sleep(0.01)


@pytest.fixture
async def account() -> AsyncIterator[StripePayments]:
    """Verifies events; nothing is ever asked of it."""
    account = StripePayments(key=KEY, webhook_secret=SECRET, api_url="http://127.0.0.1:9")
    yield account
    await account.close()


@pytest.fixture
def world(database: Database, objects: S3Store, account: StripePayments) -> World:
    return World(database, objects, orders=Orders(database), payments=account)


@pytest.fixture
async def stranger(http: httpx.AsyncClient) -> AsyncIterator[httpx.AsyncClient]:
    """Somebody else at the same API."""
    headers = {"Authorization": f"Bearer stranger-{uuid4()}"}
    async with httpx.AsyncClient(
        transport=http._transport, base_url=http.base_url, headers=headers, timeout=60
    ) as client:
        yield client


@pytest.fixture
async def animation(
    http: httpx.AsyncClient, job: dict[str, Any], restoration: dict[str, Any], succeed: Any
) -> dict[str, Any]:
    """The document of a succeeded animation of `restoration`."""
    reply = await http.post(job["links"]["animate"], json={"restore_id": restoration["id"]})
    assert reply.status_code == 202, reply.text
    attempt: dict[str, Any] = reply.json()
    await succeed(attempt)
    return attempt


Buy = Callable[..., Awaitable[dict[str, Any]]]


@pytest.fixture
def buy(http: httpx.AsyncClient, job: dict[str, Any]) -> Buy:
    """The order that a checkout of an attempt answers."""

    async def send(attempt: dict[str, Any], **more: Any) -> dict[str, Any]:
        reply = await http.post(job["links"]["checkout"], json={"attempt_id": attempt["id"]} | more)
        assert reply.status_code in (200, 201), reply.text
        order: dict[str, Any] = reply.json()
        return order

    return send


class Till:
    """Lets time go by for orders: what the payment provider says, and what became of HD."""

    def __init__(self, database: Database, objects: S3Store, folder: Path) -> None:
        self._database = database
        self._objects = objects
        self._folder = folder

    async def pay(self, order: dict[str, Any], *, refunded: bool = False) -> None:
        """Its price has been paid, and, if so, given back."""
        order_id = UUID(order["id"])
        async with self._database.transaction() as session:
            row = await orders.by_id(session, order_id)
            assert row is not None
            state = await outcomes.state(session, row)
            outcome = reconcile(state, paid(row, refunded=refunded), datetime.now(UTC))
            key = keys.restored_hd(UUID(order["job_id"]), "s")
            assert await outcomes.record(session, row, outcome, object_key=key) is not None

    async def render(self, order: dict[str, Any]) -> Attempt:
        """HD is being made."""
        order_id = UUID(order["id"])
        row = Attempt(
            id=hd_attempt_id(order_id),
            job_id=UUID(order["job_id"]),
            kind=AttemptKind.HD,
            source_id=UUID(order["attempt_id"]),
            order_id=order_id,
            graph=f"graph-{order_id}",
            graph_version="1",
            gpu_class=f"class-{order_id}",
            priority=Priority.PAID,
            parameters={},
            stamp="s",
        )
        async with self._database.transaction() as session:
            await attempts.record(session, row)
        return row

    async def finish(self, order: dict[str, Any], hd: HdState = HdState.READY) -> bytes:
        """HD was made, or could not be; its bytes."""
        content = f"HD of {order['id']}".encode()
        if hd is HdState.READY:
            file = self._folder / order["id"]
            file.write_bytes(content)
            key = keys.restored_hd(UUID(order["job_id"]), "s")
            await self._objects.put_file(key, file, content_type="image/png")
        code = "deadline_exceeded" if hd is HdState.FAILED else None
        async with self._database.transaction() as session:
            await orders.note_hd(session, UUID(order["id"]), hd, error_code=code)
        return content

    async def deliver(self, order: dict[str, Any]) -> bytes:
        """Paid, made, and granted; the bytes of the file."""
        await self.pay(order)
        content = await self.finish(order)
        await self.pay(order)
        return content


def paid(order: Order, *, refunded: bool) -> PaymentFacts:
    """What the provider says of an order whose price was paid."""
    name = f"pi_{order.id.hex}"
    session = CheckoutSession(
        session_id=f"cs_{order.id.hex}",
        order_id=order.id,
        status=SessionStatus.COMPLETE,
        is_paid=True,
        amount=order.amount,
        currency=order.currency,
        url=None,
        payment_id=name,
        expires_at=order.expires_at,
    )
    payment = Payment(name, order.id, order.amount, order.currency)
    back = Refund(
        refund_id=f"re_{order.id.hex}",
        payment_id=name,
        amount=order.amount,
        status=RefundStatus.SUCCEEDED,
        order_id=order.id,
        created_at=datetime.now(UTC),
    )
    return PaymentFacts((session,), (payment,), (back,) if refunded else ())


@pytest.fixture
def till(database: Database, objects: S3Store, tmp_path: Path) -> Till:
    return Till(database, objects, tmp_path)
