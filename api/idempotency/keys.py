"""The keys of one application: claimed, waited for, swept when they are old."""

import asyncio
import time
from datetime import timedelta
from uuid import uuid4

from api.idempotency.claims import KeyClaim
from rekindle.errors import IdempotencyKeyReused, RequestInProgress
from rekindle.store import idempotency
from rekindle.store.database import Database
from rekindle.store.idempotency import StoredReply

PATIENCE_SECONDS = 5.0
LEASE = timedelta(seconds=10)

_FIRST_PAUSE_SECONDS = 0.02
_LONGEST_PAUSE_SECONDS = 0.5
_SWEEP_SECONDS = 60.0
_MOST_SWEPT = 500


class IdempotencyKeys:
    """Claims keys in the database. No transaction is open while a request is carried out."""

    def __init__(
        self,
        database: Database,
        *,
        patience_seconds: float = PATIENCE_SECONDS,
        lease: timedelta = LEASE,
    ) -> None:
        """Keep keys in this database.

        Args:
            patience_seconds: how long a twin waits for the reply to the first.
            lease: how long after its last sign of life a try counts as dead.
        """
        self._database = database
        self._patience_seconds = patience_seconds
        self._lease = lease
        self._next_sweep = time.monotonic() + _SWEEP_SECONDS

    async def claim(self, scope: str, fingerprint: str) -> KeyClaim | StoredReply:
        """The claim on a key, or the reply that its request has got; waits for a twin's.

        Raises:
            IdempotencyKeyReused: the key belongs to another request.
            RequestInProgress: a twin is at it and takes its time.
            DatabaseUnavailable: nobody can tell.
        """
        deadline = time.monotonic() + self._patience_seconds
        pause = _FIRST_PAUSE_SECONDS
        while True:
            found = await self._look(scope, fingerprint)
            if found is not None:
                return found
            if time.monotonic() + pause > deadline:
                raise RequestInProgress
            await asyncio.sleep(pause)
            pause = min(pause * 2, _LONGEST_PAUSE_SECONDS)

    async def sweep_when_due(self) -> None:
        """Delete some old keys, now and then; behind a reply, so that nobody waits for it."""
        if time.monotonic() < self._next_sweep:
            return
        self._next_sweep = time.monotonic() + _SWEEP_SECONDS
        async with self._database.transaction() as session:
            gone = await idempotency.sweep(session, most=_MOST_SWEPT)
        if gone == _MOST_SWEPT:
            self._next_sweep = time.monotonic()

    async def _look(self, scope: str, fingerprint: str) -> KeyClaim | StoredReply | None:
        holder = uuid4()
        async with self._database.transaction() as session:
            state = await idempotency.claim(session, scope, fingerprint, holder, lease=self._lease)
        if state is None:
            return None
        if state.holder == holder:
            return KeyClaim(self._database, self._lease, scope, state)
        if state.fingerprint != fingerprint:
            raise IdempotencyKeyReused
        return state.reply
