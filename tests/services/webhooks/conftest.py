"""People with endpoints, a real server that they run, and the workers that tell it."""

import asyncio
import base64
import hmac
import json
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from uuid import UUID, uuid4

import pytest
from sqlalchemy import select
from sqlmodel import col
from temporalio.client import Client

from activities.webhooks import WebhookActivities
from rekindle.adapters.outbound import OutboundSender
from rekindle.adapters.webhook_workflows import TemporalWebhooks
from rekindle.contracts import queues, webhooks
from rekindle.contracts.orders import Product
from rekindle.contracts.renders import GraphOutput
from rekindle.contracts.statuses import AttemptStatus, GpuClass
from rekindle.contracts.webhooks import EndpointStatus, SentWebhook
from rekindle.models import Album, Attempt, Order, OrderItem, WebhookDelivery, WebhookEndpoint
from rekindle.rules.prices import album_price, shares
from rekindle.rules.webhooks import secret, secret_text
from rekindle.store import album_orders, albums, attempts, jobs, users, webhook_endpoints
from rekindle.store.attempts import Result
from rekindle.store.database import Database
from rekindle.store.schema import migrate
from tests.services.rows import stored_job
from worker.host import workflow_runner
from worker.polling import Worker
from worker.webhooks import WebhookStarter
from workflows_temporal.deliver_webhook import DeliverWebhook

ISSUER = "https://issuer.example/"
SECRET_KEY = "canary-secret-key-" + "s" * 32  # pragma: allowlist secret


@dataclass(frozen=True)
class Message:
    """What arrived."""

    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def data(self) -> dict[str, Any]:
        document: dict[str, Any] = json.loads(self.body)
        return document

    def is_signed_with(self, shown: str) -> bool:
        """As a receiver checks it, from the text of the secret that its owner was shown."""
        key = base64.b64decode(shown.removeprefix("whsec_"))
        signed = f"{self.headers['webhook-id']}.{self.headers['webhook-timestamp']}.".encode()
        digest = hmac.digest(key, signed + self.body, "sha256")
        wanted = "v1," + base64.b64encode(digest).decode()
        return wanted in self.headers["webhook-signature"].split(" ")


@dataclass
class Receiver:
    """A server that notes what it gets; answers in turn, then 200."""

    url: str
    answers: list[int] = field(default_factory=list)
    always: int = 200
    got: list[Message] = field(default_factory=list)


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            found.got.append(
                Message(self.path, {k.lower(): v for k, v in self.headers.items()}, body)
            )
            self.send_response(found.answers.pop(0) if found.answers else found.always)
            self.send_header("location", f"{found.url}/elsewhere")
            self.end_headers()
            self.wfile.write(b"what a receiver says is nobody's business " * 1000)

        def log_message(self, *_: Any) -> None:
            return None

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    found = Receiver(f"http://127.0.0.1:{server.server_address[1]}")
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    yield found
    server.shutdown()
    thread.join()
    server.server_close()


class Town:
    """People, their photos, and their endpoints."""

    def __init__(self, database: Database) -> None:
        self.database = database

    async def job(self, subject: str = "ada") -> UUID:
        async with self.database.transaction() as session:
            return (await stored_job(session, issuer=ISSUER, subject=subject)).id

    async def endpoint(self, url: str, *events: str, subject: str = "ada") -> WebhookEndpoint:
        async with self.database.transaction() as session:
            row = WebhookEndpoint(
                id=uuid4(),
                user_id=await users.remember(session, issuer=ISSUER, subject=subject),
                url=url,
                events=list(events),
                status=EndpointStatus.ENABLED,
            )
            return await webhook_endpoints.make(session, row)

    async def attempt(self, job_id: UUID) -> UUID:
        row = Attempt(
            id=uuid4(),
            job_id=job_id,
            graph="restore_classic",
            graph_version="1",
            gpu_class=GpuClass.IMAGE,
            priority=3,
            parameters={},
            stamp="s",
        )
        async with self.database.transaction() as session:
            await attempts.record(session, row)
        return row.id

    async def succeeded(self, job_id: UUID) -> UUID:
        attempt_id = await self.attempt(job_id)
        output = GraphOutput(key="m", sha256="0" * 64, size_bytes=1, engine_seconds=1, pod_id="p")
        result = Result(
            key="m", sha256="0" * 64, width=8, height=6, preview_key="p", thumbnail_key="t"
        )
        async with self.database.transaction() as session:
            assert await attempts.succeed(session, attempt_id, output, result)
        return attempt_id

    async def failed(self, job_id: UUID, code: str = "graph_failed") -> UUID:
        attempt_id = await self.attempt(job_id)
        async with self.database.transaction() as session:
            assert await attempts.close(session, attempt_id, AttemptStatus.FAILED, error_code=code)
        return attempt_id

    async def album_order(self) -> Order:
        """An order over two photos of an album."""
        album_id, bought = uuid4(), [await self.job(), await self.job()]
        price = album_price(len(bought), "usd")
        order = Order(
            id=uuid4(),
            product=Product.ALBUM,
            album_id=album_id,
            amount=price.amount,
            currency=price.currency,
            price_version=price.version,
            expires_at=datetime.now(UTC),
        )
        parts = enumerate(zip(bought, shares(price.amount, len(bought)), strict=True), start=1)
        items = [
            OrderItem(order_id=order.id, number=n, job_id=job, attempt_id=uuid4(), share=share)
            for n, (job, share) in parts
        ]
        async with self.database.transaction() as session:
            first = await jobs.by_id(session, bought[0])
            assert first is not None
            await albums.record(session, Album(id=album_id, user_id=first.user_id), bought)
            await album_orders.write(session, order, items)
        return order

    async def deliveries(self) -> list[WebhookDelivery]:
        """All of them, oldest first."""
        statement = select(WebhookDelivery).order_by(col(WebhookDelivery.event_id))
        async with self.database.transaction() as session:
            return list((await session.execute(statement)).scalars())

    async def status(self, endpoint: WebhookEndpoint) -> str | None:
        """How an endpoint does; None when it is gone."""
        async with self.database.transaction() as session:
            found = await session.get(WebhookEndpoint, endpoint.id)
            return found.status if found else None

    @staticmethod
    def secret(endpoint: WebhookEndpoint, rotation: int = 0) -> str:
        return secret_text(secret(SECRET_KEY, endpoint.id, rotation))


@pytest.fixture
async def town(fresh_database_url: str) -> AsyncIterator[Town]:
    """On a database of its own: what is due there is nobody else's."""
    await asyncio.to_thread(migrate, fresh_database_url)
    database = Database(fresh_database_url, patience_seconds=60)
    yield Town(database)
    await database.close()


class Post:
    """The workers, and what they are asked."""

    def __init__(self, client: Client, town: Town) -> None:
        self.client, self.town = client, town
        self.commands = TemporalWebhooks(client, patience_seconds=60)
        self.starter = WebhookStarter(town.database, self.commands)

    async def result(self, delivery: WebhookDelivery) -> SentWebhook:
        name = webhooks.workflow_id(delivery.event_id, delivery.endpoint_id)
        handle = self.client.get_workflow_handle(name, result_type=SentWebhook)
        async with asyncio.timeout(120):
            sent: SentWebhook = await handle.result()
        return sent

    async def delivers(self) -> list[SentWebhook]:
        """Begin all that is due, and see it through."""
        due = [each for each in await self.town.deliveries() if each.status == "pending"]
        await self.starter.begin_due()
        return [await self.result(each) for each in due]


@asynccontextmanager
async def post_office(client: Client, town: Town) -> AsyncIterator[Post]:
    """Workers that send to this machine too."""
    sender = OutboundSender(allow_private=True, seconds=60)
    acts = WebhookActivities(database=town.database, sender=sender, secret_key=SECRET_KEY)
    control = Worker(
        client,
        task_queue=queues.CONTROL,
        workflows=[DeliverWebhook],
        workflow_runner=workflow_runner(),
        workflow_failure_exception_types=[Exception],
    )
    sending = Worker(client, task_queue=queues.WEBHOOKS, activities=[acts.send_webhook])
    async with control, sending:
        yield Post(client, town)


@pytest.fixture
async def post(temporal: Client, town: Town) -> AsyncIterator[Post]:
    async with post_office(temporal, town) as found:
        yield found
