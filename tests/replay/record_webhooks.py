"""Stories of webhooks, for `record.py`, which writes their histories."""

import asyncio
import threading
from collections.abc import Awaitable, Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Protocol
from uuid import uuid4

from sqlalchemy import delete, select
from sqlmodel import col
from temporalio.client import Client, WorkflowHandle

from rekindle.adapters.webhook_workflows import TemporalWebhooks
from rekindle.contracts import webhooks
from rekindle.contracts.jobs import PhotoJobInput
from rekindle.contracts.statuses import AttemptStatus, GpuClass
from rekindle.contracts.webhooks import EndpointStatus
from rekindle.models import Attempt, Job, WebhookDelivery, WebhookEndpoint
from rekindle.rules.webhooks import DELAYS
from rekindle.store import attempts
from rekindle.store.database import Database

PATIENCE = 90.0


class Person(Protocol):
    """What is used of a `Recorder`."""

    client: Client
    database: Database

    async def job(self) -> PhotoJobInput: ...

    async def ended(self, handle: WorkflowHandle[Any, Any]) -> WorkflowHandle[Any, Any]: ...


class Told:
    """One delivery to a server of this process, which answers in turn, and then always the last."""

    def __init__(self, person: Person, answers: list[int]) -> None:
        self.person, self.endpoint_id = person, uuid4()
        self.commands = TemporalWebhooks(person.client, patience_seconds=60)
        self._answers = answers

    async def begin(self) -> "Told":
        """Have an attempt end, whose owner has an endpoint; the running worker begins to tell."""
        job_id = (await self.person.job()).job_id
        async with self.person.database.transaction() as session:
            job = await session.get(Job, job_id)
            assert job is not None
            session.add(
                WebhookEndpoint(
                    id=self.endpoint_id,
                    user_id=job.user_id,
                    url=self._serve(),
                    events=[],
                    status=EndpointStatus.ENABLED,
                )
            )
        attempt = Attempt(
            id=uuid4(),
            job_id=job_id,
            graph="restore",
            graph_version="1",
            gpu_class=GpuClass.IMAGE,
            priority=3,
            parameters={},
            stamp="s",
        )
        async with self.person.database.transaction() as session:
            await attempts.record(session, attempt)
            await attempts.close(session, attempt.id, AttemptStatus.CANCELED)
        return self

    async def tried(self, times: int) -> None:
        """Wait until it was sent so often."""
        async with asyncio.timeout(PATIENCE):
            while (await self._row()).tries < times:
                await asyncio.sleep(0.05)

    async def now(self) -> None:
        """As an operator has it sent at once."""
        row = await self._row()
        await self.commands.try_now(row.event_id, row.endpoint_id, row.id)

    async def forgotten(self) -> None:
        """Delete the endpoint, and only that."""
        async with self.person.database.transaction() as session:
            mine = col(WebhookEndpoint.id) == self.endpoint_id
            await session.execute(delete(WebhookEndpoint).where(mine))

    async def handle(self) -> WorkflowHandle[Any, Any]:
        row = await self._row()
        name = webhooks.workflow_id(row.event_id, row.endpoint_id)
        return self.person.client.get_workflow_handle(name)

    async def ended(self) -> WorkflowHandle[Any, Any]:
        return await self.person.ended(await self.handle())

    async def _row(self) -> WebhookDelivery:
        mine = col(WebhookDelivery.endpoint_id) == self.endpoint_id
        async with self.person.database.transaction() as session:
            return (await session.execute(select(WebhookDelivery).where(mine))).scalar_one()

    def _serve(self) -> str:
        answers = self._answers

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                self.rfile.read(int(self.headers["content-length"]))
                self.send_response(answers.pop(0) if len(answers) > 1 else answers[0])
                self.end_headers()

            def log_message(self, *_: Any) -> None:
                return None

        server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        return f"http://127.0.0.1:{server.server_address[1]}/"


Story = Callable[[Person], Awaitable[WorkflowHandle[Any, Any]]]
STORIES: dict[str, Story] = {}


def story(tell: Story) -> Story:
    """A way through a delivery's life; returns the workflow whose history it is."""
    STORIES[tell.__name__] = tell
    return tell


@story
async def deliver_webhook_accepted(person: Person) -> WorkflowHandle[Any, Any]:
    return await (await Told(person, [200]).begin()).ended()


@story
async def deliver_webhook_accepted_later(person: Person) -> WorkflowHandle[Any, Any]:
    return await (await Told(person, [500, 200]).begin()).ended()


@story
async def deliver_webhook_waiting(person: Person) -> WorkflowHandle[Any, Any]:
    told = await Told(person, [503]).begin()
    await told.tried(2)
    return await told.handle()


@story
async def deliver_webhook_given_up(person: Person) -> WorkflowHandle[Any, Any]:
    told = await Told(person, [500]).begin()
    for times in range(1, len(DELAYS) + 1):
        await told.tried(times)
        await told.now()
    return await told.ended()


@story
async def deliver_webhook_of_a_deleted_endpoint(person: Person) -> WorkflowHandle[Any, Any]:
    told = await Told(person, [500]).begin()
    await told.tried(2)
    handle = await told.handle()
    await told.forgotten()
    await told.now()
    return await person.ended(handle)
