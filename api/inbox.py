"""The inbox of payment events as the webhook fills it: what comes at once is written at once."""

import asyncio
from collections.abc import Callable, Sequence

from rekindle.errors import DatabaseUnavailable
from rekindle.ports.payments import PaymentEvent
from rekindle.store import payment_events
from rekindle.store.database import Database

_MOST_AT_ONCE = 100

Taken = asyncio.Future[None]
_Letter = tuple[PaymentEvent, Taken]


class EventInbox:
    """Stores events: while some are being written, those that come meanwhile wait to go together.

    Nobody waits for company: an event that comes alone is written alone. Each is committed before
    its sender is answered.
    """

    def __init__(self, database: Database, hear: Callable[[PaymentEvent], None]) -> None:
        """Write to a database.

        Args:
            hear: told of every event that is new, after it was committed.
        """
        self._database = database
        self._hear = hear
        self._waiting: list[_Letter] = []
        self._writing: asyncio.Task[None] | None = None

    async def take(self, event: PaymentEvent) -> None:
        """Store an event, unless it was stored before.

        Raises:
            DatabaseUnavailable: it may not be stored; its sender must send it again.
        """
        taken: Taken = asyncio.get_running_loop().create_future()
        self._waiting.append((event, taken))
        if self._writing is None:
            self._writing = asyncio.create_task(self._write_all(), name="write payment events")
        await taken

    async def _write_all(self) -> None:
        try:
            while self._waiting:
                letters = self._waiting[:_MOST_AT_ONCE]
                del self._waiting[:_MOST_AT_ONCE]
                await self._write(letters)
        finally:
            self._writing = None

    async def _write(self, letters: Sequence[_Letter]) -> None:
        try:
            async with self._database.transaction() as session:
                new = await payment_events.note_all(session, [event for event, _ in letters])
        except DatabaseUnavailable as error:
            for _, taken in letters:
                _fail(taken, DatabaseUnavailable(str(error)))
            return
        except Exception as error:
            if len(letters) == 1:
                _fail(letters[0][1], error)
                return
            for letter in letters:  # one of them cannot be written; the others can
                await self._write([letter])
            return
        for event, taken in letters:
            if event.event_id in new:
                new.remove(event.event_id)  # it may have come twice at once
                self._hear(event)
            if not taken.done():
                taken.set_result(None)


def _fail(taken: Taken, error: Exception) -> None:
    if not taken.done():
        taken.set_exception(error)
