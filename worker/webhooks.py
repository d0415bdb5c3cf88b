"""Webhooks in a worker process: who sends them, and who has due deliveries begun.

Deliveries are rows. Their writer rings, so they are begun at once; a look now and then finds what
was rung while nobody listened. Any number of processes may do so: each delivery is taken by one.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator

import structlog
from sqlalchemy.exc import SQLAlchemyError

from activities.webhooks import WebhookActivities
from rekindle.contracts import queues
from rekindle.errors import DatabaseUnavailable, WorkflowsUnavailable
from rekindle.ports.webhooks import WebhookCommands
from rekindle.store import webhook_deliveries
from rekindle.store.database import Database
from rekindle.store.webhook_outbox import CHANNEL
from rekindle.wiring.worker import WorkerPorts
from worker.polling import Worker

_LOG = structlog.get_logger(__name__)
LOOK_SECONDS = 300.0
"""Between two looks when nobody rings."""
PAUSE_SECONDS = 5.0
"""Before trying again what was not possible."""
MOST = 100
"""Deliveries that are taken at once."""
AT_ONCE = 50
"""Messages that one process has under way: a receiver may take 15 s to answer."""


def webhook_worker(ports: WorkerPorts) -> Worker:
    """Sends webhooks, apart from the work that people wait for."""
    acts = WebhookActivities(
        database=ports.database,
        sender=ports.webhook_sender,
        secret_key=ports.settings.secret_key.get_secret_value(),
    )
    return Worker(
        ports.client,
        task_queue=queues.WEBHOOKS,
        activities=[acts.send_webhook],
        max_concurrent_activities=AT_ONCE,
    )


class WebhookStarter:
    """Begins the workflows of due deliveries, for as long as it runs."""

    def __init__(
        self,
        database: Database,
        commands: WebhookCommands,
        *,
        look_seconds: float = LOOK_SECONDS,
        pause_seconds: float = PAUSE_SECONDS,
    ) -> None:
        """Work through these.

        Args:
            look_seconds: between two looks when nobody rings.
            pause_seconds: before trying again what was not possible.
        """
        self._database = database
        self._commands = commands
        self._look_seconds = look_seconds
        self._pause_seconds = pause_seconds
        self._rung = asyncio.Event()

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Begin what is due until the block ends."""
        tasks = {
            asyncio.create_task(self._listen(), name="listen for webhooks"),
            asyncio.create_task(self._begin_always(), name="begin webhooks"),
        }
        try:
            yield
        finally:
            while tasks:  # a driver may turn a cancellation into an error of its own
                for task in tasks:
                    task.cancel()
                _, tasks = await asyncio.wait(tasks, timeout=1)

    async def begin_due(self) -> int:
        """Begin what is due now, and forget what ended long ago. Returns how many were begun.

        Raises:
            DatabaseUnavailable: nothing was taken.
            WorkflowsUnavailable: those that were not begun are due again.
        """
        begun = 0
        while True:
            async with self._database.transaction() as session:
                due = await webhook_deliveries.claim_due(session, most=MOST)
                if not due and not begun:
                    await webhook_deliveries.forget_ended(session)
            for place, each in enumerate(due):
                try:
                    await self._commands.begin(each.event_id, each.endpoint_id, each.delivery_id)
                except WorkflowsUnavailable:
                    async with self._database.transaction() as session:
                        left = [one.delivery_id for one in due[place:]]
                        await webhook_deliveries.give_back(session, left)
                    raise
            begun += len(due)
            if len(due) < MOST:
                return begun

    async def _begin_always(self) -> None:
        while True:
            self._rung.clear()
            try:
                await self.begin_due()
            except (DatabaseUnavailable, WorkflowsUnavailable, SQLAlchemyError) as error:
                _LOG.warning("webhooks_wait", why=type(error).__name__)
                await asyncio.sleep(self._pause_seconds)
                continue
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._rung.wait(), timeout=self._look_seconds)

    async def _listen(self) -> None:
        while True:
            try:
                async with self._database.listen(CHANNEL) as rung:
                    self._rung.set()  # somebody may have rung before
                    async for _ in rung:
                        self._rung.set()
            except DatabaseUnavailable as error:
                _LOG.warning("webhooks_unheard", why=type(error).__name__)
            await asyncio.sleep(self._pause_seconds)
