"""One listening connection and one reader a process, for every stream in it."""

import asyncio
import random
import time
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AbstractContextManager
from contextvars import Context
from uuid import UUID

import structlog

from api.events.channels import Channels, Mailbox
from api.events.frames import Frame, event_frame
from api.events.news import waiting_news
from api.graphs import typical_seconds
from rekindle.errors import DatabaseUnavailable
from rekindle.store import events, waiting
from rekindle.store.database import Database

_LOG = structlog.get_logger(__name__)

_JOBS_AT_ONCE = 200
_JOBS_POLLED_AT_ONCE = 50
_EVENTS_AT_ONCE = 32
"""Of one job in one read: less than a mailbox holds."""
_PAUSES = (0.1, 5.0)
"""Shortest and longest pause after a failure, seconds."""


class EventHub:
    """Brings new events of followed jobs to the streams that follow them.

    Listens and reads from the first stream on. Postgres away means late, not lost: after every new
    connection all followed jobs are read again, and every `poll_seconds` anyway.
    """

    def __init__(self, database: Database, *, poll_seconds: float, waiting_seconds: float) -> None:
        """Prepare; nothing connects yet.

        Args:
            database: where the log is.
            poll_seconds: how often all followed jobs are read without having been told to.
            waiting_seconds: from one look at how attempts wait to the next, for all streams.
        """
        self.database = database
        self._poll_seconds = poll_seconds
        self._waiting_seconds = waiting_seconds
        self._channels = Channels()
        self._tasks: list[asyncio.Task[None]] = []

    @property
    def streams(self) -> int:
        """How many streams are open in this process."""
        return self._channels.mailboxes

    def mailbox(self, job_id: UUID) -> AbstractContextManager[Mailbox]:
        """See `Channels.mailbox`."""
        if not self._tasks:
            self._tasks = [
                asyncio.create_task(
                    _again_and_again(step),
                    name=f"events: {step.__name__}",
                    context=Context(),  # its log lines belong to no request
                )
                for step in (self._listen, self._read, self._poll, self._tell_waiting)
            ]
        return self._channels.mailbox(job_id)

    def follow(self, job_id: UUID, place: int) -> None:
        """See `Channels.follow`."""
        self._channels.follow(job_id, place)

    def end_streams(self) -> None:
        """End every stream, and those that come: the process is about to leave. Idempotent."""
        self._channels.end()

    async def aclose(self) -> None:
        """End the streams, stop listening."""
        self.end_streams()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _listen(self) -> None:
        connected = False
        try:
            async with self.database.listen(events.CHANNEL) as payloads:
                connected = True
                self._channels.note_all()  # for what was rung while nobody listened
                async for payload in payloads:
                    self._channels.note(events.Notice.parse(payload))
        except DatabaseUnavailable as error:
            if not connected:
                raise
            _LOG.warning("the listening connection broke", why=str(error))
            await asyncio.sleep(_PAUSES[0])

    async def _read(self) -> None:
        await self._channels.work.wait()
        places = self._channels.due(_JOBS_AT_ONCE)
        if not places:
            return
        try:
            async with self.database.transaction() as session:
                found = await events.since(session, places, limit=_EVENTS_AT_ONCE)
        except BaseException:
            self._channels.note_again(places)
            raise
        frames: dict[UUID, list[Frame]] = {}
        for event in found:
            frames.setdefault(event.job_id, []).append(event_frame(event))
        self._channels.deliver(places, frames)
        self._channels.note_again(
            job_id for job_id, of_job in frames.items() if len(of_job) == _EVENTS_AT_ONCE
        )

    async def _tell_waiting(self) -> None:
        """Ask how the followed jobs wait, some at a time; not while none of them does.

        The round is spread over its time: thousands of streams told at once would hold up events.
        """
        await self._channels.stirred.wait()
        jobs = list(self._channels.unsettled())
        parts = _parts(jobs, _JOBS_AT_ONCE)
        try:
            for part in parts:
                await self._tell_waiting_of(part)
                await asyncio.sleep(self._waiting_seconds / len(parts))
        except BaseException:
            self._channels.stir(jobs)
            raise

    async def _tell_waiting_of(self, jobs: Sequence[UUID]) -> None:
        asked_at = time.monotonic()
        async with self.database.transaction() as session:
            found = await waiting.of_jobs(session, jobs, typical_seconds())
        self._channels.tell(waiting_news(found, asked_at=asked_at))

    async def _poll(self) -> None:
        """Read every followed job once in a while, some at a time: new events come in between."""
        parts = _parts(self._channels.jobs, _JOBS_POLLED_AT_ONCE) or [[]]
        for part in parts:
            await asyncio.sleep(self._poll_seconds / len(parts))
            self._channels.note_again(part)


def _parts(jobs: Sequence[UUID], size: int) -> list[Sequence[UUID]]:
    return [jobs[at : at + size] for at in range(0, len(jobs), size)]


async def _again_and_again(step: Callable[[], Awaitable[None]]) -> None:
    """Repeat a step for ever; after a failure pause, longer each time, until it works again."""
    shortest, longest = _PAUSES
    pause = shortest
    while True:
        try:
            await step()
            pause = shortest
            continue
        except DatabaseUnavailable as error:
            _LOG.warning("events are late", step=step.__name__, why=str(error))
        except Exception:
            _LOG.exception("events are late", step=step.__name__)
        await asyncio.sleep(pause * random.uniform(0.5, 1.0))  # noqa: S311
        pause = min(pause * 2, longest)
