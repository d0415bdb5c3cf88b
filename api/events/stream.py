"""One client's stream of one job, from where it left off until one of the two leaves."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from uuid import UUID

import structlog

from api.events.channels import Mailbox
from api.events.frames import KEEPALIVE, Frame, event_frame, retry_frame, snapshot_frame
from api.events.hub import EventHub
from api.waiting import waiting_among
from rekindle.errors import DatabaseUnavailable, JobNotFound
from rekindle.rules.waiting import Waiting
from rekindle.store import events

_LOG = structlog.get_logger(__name__)

_PAGE = 100
"""Events in one read of the log."""
_PAUSE_SECONDS = 1.0

Write = Callable[[bytes], Awaitable[None]]


class EventStream:
    """First what the client has missed, or how the job stands; then every event as it happens."""

    def __init__(
        self,
        hub: EventHub,
        job_id: UUID,
        *,
        after: int | None,
        keepalive_seconds: float,
        lifetime_seconds: float,
    ) -> None:
        """Prepare; nothing is read yet.

        Args:
            hub: brings new events.
            job_id: the job; that the client may see it was checked before.
            after: id of the last event the client has; None asks how the job stands.
            keepalive_seconds: a silent stream gets a comment that often.
            lifetime_seconds: the stream ends by itself after so long; its client comes back.
        """
        self._hub = hub
        self._job_id = job_id
        self._after = after
        self._keepalive_seconds = keepalive_seconds
        self._lifetime_seconds = lifetime_seconds
        self._place = -1
        self._first: list[Frame] = []
        self._told: dict[UUID, Waiting] = {}
        self._told_at = 0.0
        self._mailbox = Mailbox()

    @asynccontextmanager
    async def opened(self) -> AsyncIterator[None]:
        """Register, and read what comes first: what fails here can still be answered.

        Raises:
            DatabaseUnavailable: the log cannot be read.
            JobNotFound: the job was deleted this moment.
        """
        loop = asyncio.get_running_loop()
        with self._hub.mailbox(self._job_id) as self._mailbox:
            self._first = await self._beginning()
            end = loop.call_later(self._lifetime_seconds, self._mailbox.end)
            try:
                yield
            finally:
                end.cancel()

    async def run(self, write: Write) -> None:
        """Write frames until the stream ends.

        Args:
            write: takes some bytes of the stream; may wait for a slow client, or give it up by
                raising.
        """
        await write(retry_frame())
        first, self._first = self._first, []
        await self._send(first, write)
        if len(first) == _PAGE:
            await self._read_on(write)
        self._hub.follow(self._job_id, self._place)
        while not self._mailbox.ended:
            if not await self._mailbox.changed(self._keepalive_seconds):
                await write(KEEPALIVE)
            if self._mailbox.behind:
                await self._read_on(write)
            await self._send(self._mailbox.take(), write)
            await self._tell_waiting(write)

    def leave(self) -> None:
        """End the stream: its client has gone."""
        self._mailbox.end()

    async def _beginning(self) -> list[Frame]:
        """What the client missed, as far as one page goes; else how the job stands."""
        async with self._hub.database.transaction() as session:
            if self._after is not None:
                missed = await events.resumed(session, self._job_id, self._after, limit=_PAGE)
                if missed is not None:
                    self._place = self._after
                    return [event_frame(event) for event in missed]
            state = await events.state(session, self._job_id)
            waiting = await waiting_among(session, state.attempts if state else [])
        if state is None:
            raise JobNotFound
        self._told, self._told_at = dict(waiting), time.monotonic()
        return [snapshot_frame(state, waiting)]

    async def _read_on(self, write: Write) -> None:
        """Send what lies in the log behind the stream's place, page by page, to its end."""
        while not self._mailbox.ended:
            self._mailbox.catch_up()
            try:
                async with self._hub.database.transaction() as session:
                    places = {self._job_id: self._place}
                    page = await events.since(session, places, limit=_PAGE)
            except DatabaseUnavailable as error:
                _LOG.warning("a stream cannot catch up", why=str(error))
                await write(KEEPALIVE)
                await asyncio.sleep(_PAUSE_SECONDS)
                continue
            await self._send([event_frame(event) for event in page], write)
            if len(page) < _PAGE:
                return

    async def _tell_waiting(self, write: Write) -> None:
        """Write how attempts wait, where that is news.

        Only where the stream has told neither more nor less of the log than the news include: told
        later, they would take back what the log has said since.
        """
        news = self._mailbox.news
        if news is None or news.place != self._place:
            return
        if news.asked_at < self._told_at:  # the snapshot is newer
            self._mailbox.news = None
            return
        fresh = [
            wait.content
            for attempt_id, wait in news.waits.items()
            if self._told.get(attempt_id) != wait.waiting
        ]
        self._told = news.told
        if fresh:
            await write(b"".join(fresh))

    async def _send(self, frames: Sequence[Frame], write: Write) -> None:
        """Write those frames that the client does not have yet."""
        fresh = [frame for frame in frames if frame.id > self._place]
        if fresh:
            await write(b"".join(frame.content for frame in fresh))
            self._place = fresh[-1].id
            if fresh[-1].ends:
                self._mailbox.end()
