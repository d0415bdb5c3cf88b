"""Stories of orders, for `record.py`, which writes their histories."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Any, Protocol
from uuid import UUID, uuid4

import httpx
from temporalio.client import Client, WorkflowHandle
from temporalio.service import RPCError

from deploy.stack.stack import Stack
from rekindle.adapters.order_workflows import TemporalOrders
from rekindle.contracts import orders as contract
from rekindle.contracts import renders
from rekindle.contracts.jobs import PhotoJobInput
from rekindle.contracts.orders import Product, hd_attempt_id
from rekindle.errors import PaymentsUnavailable
from rekindle.models import Order, OrderItem
from rekindle.rules.prices import album_price, price_of, shares
from rekindle.store import album_orders, orders
from rekindle.store.database import Database

OPENING = "POST /v1/checkout/sessions"


class Person(Protocol):
    """The part of `record.Recorder` that orders need."""

    stack: Stack
    client: Client
    database: Database

    async def job(self) -> PhotoJobInput: ...
    async def restored(self, job: PhotoJobInput) -> UUID: ...
    def render(self, attempt_id: UUID) -> WorkflowHandle[Any, Any]: ...
    async def ended(self, handle: WorkflowHandle[Any, Any]) -> WorkflowHandle[Any, Any]: ...
    async def call(self, action: Callable[[], None]) -> None: ...


class Sale:
    """One order of HD of a new photo, and what may be done to it."""

    def __init__(self, person: Person) -> None:
        self.person, self.order_id = person, uuid4()
        self.commands = TemporalOrders(person.client, patience_seconds=60)

    async def restored(self) -> tuple[UUID, UUID]:
        """A new photo, restored: its job and its attempt."""
        job = await self.person.job()
        attempt_id = await self.person.restored(job)
        await self.person.ended(self.person.render(attempt_id))
        return job.job_id, attempt_id

    async def order_album(self, sold: list[tuple[UUID, UUID]]) -> None:
        """Write another order, over several photos, and go on with that one."""
        self.order_id = uuid4()
        price = album_price(len(sold), "usd")
        order = Order(
            id=self.order_id,
            product=Product.ALBUM,
            amount=price.amount,
            currency=price.currency,
            price_version=price.version,
            expires_at=datetime.now(UTC) + timedelta(hours=1),
        )
        parts = enumerate(zip(sold, shares(price.amount, len(sold)), strict=True), start=1)
        items = [
            OrderItem(order_id=order.id, number=n, job_id=job, attempt_id=attempt, share=share)
            for n, ((job, attempt), share) in parts
        ]
        async with self.person.database.transaction() as session:
            await album_orders.write(session, order, items)

    async def open(self) -> "Sale":
        """Restore a photo and write the order."""
        job_id, attempt_id = await self.restored()
        price = price_of(Product.HD_IMAGE, "usd")
        order = Order(
            id=self.order_id,
            job_id=job_id,
            attempt_id=attempt_id,
            product=Product.HD_IMAGE,
            amount=price.amount,
            currency=price.currency,
            price_version=price.version,
            expires_at=datetime.now(UTC) + timedelta(hours=1),
        )
        async with self.person.database.transaction() as session:
            await orders.open_or_reuse(session, order)
        return self

    async def paid(self) -> None:
        """Check out, and pay on the page."""
        page = await self.commands.checkout(self.order_id)
        assert page.url is not None
        async with httpx.AsyncClient() as browser:
            await browser.post(page.url, data={"how": "card", "email": "someone@example.org"})
        await self.commands.wake(self.order_id)

    async def change(self, **values: Any) -> None:
        async with self.person.database.transaction() as session:
            assert await orders.change(session, self.order_id, **values)

    async def closed(self, *, is_paid_back: bool = False) -> None:
        """Give it up, and say so."""
        async with self.person.database.transaction() as session:
            assert await orders.close(session, self.order_id, is_paid_back=is_paid_back)
        await self.commands.wake(self.order_id)

    async def does(self, *faults: dict[str, Any]) -> None:
        """Let the provider go wrong in these ways, and in no others."""
        async with httpx.AsyncClient(base_url=self.person.stack.addresses.stripe) as stripe:
            told = await stripe.post("/simulator/faults", json={"faults": faults})
            told.raise_for_status()

    async def rendering(self) -> None:
        """Wait until HD has its render."""
        render = self.person.client.get_workflow_handle(
            renders.workflow_id(hd_attempt_id(self.order_id))
        )
        while True:
            try:
                await render.describe()
            except RPCError:
                await asyncio.sleep(0.05)
            else:
                return

    def handle(self, run_id: str | None = None) -> WorkflowHandle[Any, Any]:
        name = contract.workflow_id(self.order_id)
        return self.person.client.get_workflow_handle(name, run_id=run_id)

    async def run_id(self) -> str:
        return (await self.handle().describe()).run_id

    async def ended(self) -> WorkflowHandle[Any, Any]:
        return await self.person.ended(self.handle(await self.run_id()))


Story = Callable[[Sale], Awaitable[WorkflowHandle[Any, Any]]]
STORIES: dict[str, Story] = {}


def story(tell: Story) -> Story:
    """A way through an order's life; returns the workflow whose history it is."""
    STORIES[tell.__name__] = tell
    return tell


@story
async def hd_order_delivered(sale: Sale) -> WorkflowHandle[Any, Any]:
    await sale.paid()
    return await sale.ended()


@story
async def hd_order_given_up(sale: Sale) -> WorkflowHandle[Any, Any]:
    await sale.commands.checkout(sale.order_id)
    await sale.closed()
    return await sale.ended()


@story
async def hd_order_refunded_since_hd_cannot_be_made(sale: Sale) -> WorkflowHandle[Any, Any]:
    await sale.change(attempt_id=uuid4())
    await sale.paid()
    return await sale.ended()


@story
async def hd_order_refunded_while_it_rendered(sale: Sale) -> WorkflowHandle[Any, Any]:
    comfyui = sale.person.stack.comfyui
    assert comfyui is not None
    await sale.person.call(comfyui.kill)
    await sale.paid()
    await sale.rendering()
    await sale.closed(is_paid_back=True)
    ended = await sale.ended()
    await sale.person.call(comfyui.start)
    return ended


@story
async def hd_order_revived_after_its_delivery(sale: Sale) -> WorkflowHandle[Any, Any]:
    await sale.paid()
    await sale.ended()
    await sale.closed(is_paid_back=True)
    return await sale.ended()


@story
async def hd_order_whose_provider_was_away(sale: Sale) -> WorkflowHandle[Any, Any]:
    await sale.does({"kind": "reset", "route": OPENING, "count": None})
    try:
        await sale.commands.checkout(sale.order_id)
    except PaymentsUnavailable:
        await sale.does()
    await sale.closed()
    return await sale.ended()


@story
async def hd_order_that_nobody_knows(sale: Sale) -> WorkflowHandle[Any, Any]:
    sale.order_id = uuid4()
    await sale.commands.wake(sale.order_id)
    return await sale.ended()


@story
async def hd_order_canceled(sale: Sale) -> WorkflowHandle[Any, Any]:
    await sale.commands.checkout(sale.order_id)
    await sale.handle().cancel()
    return await sale.ended()


async def _continued(sale: Sale) -> tuple[str, str]:
    """Runs before and after."""
    await sale.commands.checkout(sale.order_id)
    old = await sale.run_id()
    while (new := await sale.run_id()) == old:
        await sale.commands.wake(sale.order_id)
        await sale.commands.checkout(sale.order_id)
    await sale.paid()
    await sale.ended()
    return old, new


@story
async def hd_order_continued(sale: Sale) -> WorkflowHandle[Any, Any]:
    old, _ = await _continued(sale)
    return sale.handle(old)


@story
async def hd_order_after_it_continued(sale: Sale) -> WorkflowHandle[Any, Any]:
    _, new = await _continued(sale)
    return sale.handle(new)


@story
async def hd_order_of_an_album(sale: Sale) -> WorkflowHandle[Any, Any]:
    """Of three photos the last cannot be made: its share goes back."""
    sources = [await sale.restored() for _ in range(2)]
    await sale.order_album([*sources, (sources[0][0], uuid4())])
    await sale.paid()
    return await sale.ended()


async def tell(name: str, person: Person) -> WorkflowHandle[Any, Any]:
    """Tell one story, of a new order."""
    return await STORIES[name](await Sale(person).open())
