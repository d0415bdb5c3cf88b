"""A request's claim on its key: names for what it makes, and whether it may still undo it."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Annotated
from uuid import UUID, uuid4, uuid5

from fastapi import Depends, Request

from rekindle.store import idempotency
from rekindle.store.database import Database
from rekindle.store.idempotency import KeyState, StoredReply

_NAMES = UUID("6f0c3a4e-2f43-4a56-9d0e-7b6b7c1c5b1d")
"""The name space of everything that is named by a key."""


class Claim:
    """Of a request without a key: whatever it makes is new, and nobody else is at it."""

    def __init__(self) -> None:
        """Of one request: nothing is named yet."""
        self._ids: dict[str, UUID] = {}

    @property
    def is_repeated(self) -> bool:
        """Whether an earlier try may have made some of it."""
        return False

    def new_id(self, noun: str) -> UUID:
        """The id of what the request makes; the same whenever it is asked for.

        Args:
            noun: of which it makes one.
        """
        return self._ids.setdefault(noun, uuid4())

    async def is_held(self) -> bool:
        """Whether this try may still undo what it has done. Raises `DatabaseUnavailable`."""
        return True


@dataclass(frozen=True)
class KeyClaim(Claim):
    """Of a request with a key: its ids are those of every other try at it.

    A process that was frozen may find, on waking up, that another try has taken its place. What it
    makes then is the same again; only undoing would do harm.

    Attributes:
        lease: how long after its last sign of life this try counts as dead.
    """

    database: Database
    lease: timedelta
    scope: str
    state: KeyState

    @property
    def is_repeated(self) -> bool:
        """See `Claim.is_repeated`."""
        return self.state.tries > 1

    def new_id(self, noun: str) -> UUID:
        """See `Claim.new_id`. Another use of the key, after its 24 hours, gives another id."""
        return uuid5(_NAMES, f"{self.scope} {self.state.first_used_at.timestamp()} {noun}")

    async def is_held(self) -> bool:
        """See `Claim.is_held`. Renews the lease, so that there is time to undo."""
        return await self.renew()

    async def renew(self) -> bool:
        """Say that this try is alive; False when another has taken its place."""
        async with self.database.transaction() as session:
            return await idempotency.renew(session, self.scope, self.state.holder, lease=self.lease)

    async def release(self) -> None:
        """Give the key back without a reply."""
        async with self.database.transaction() as session:
            await idempotency.release(session, self.scope, self.state.holder)

    async def answer(self, reply: StoredReply) -> None:
        """Keep the reply, unless another try has taken this one's place."""
        async with self.database.transaction() as session:
            await idempotency.answer(session, self.scope, self.state.holder, reply)


async def _claim(request: Request) -> Claim:
    claim: Claim | None = getattr(request.state, "claim", None)
    if claim is None:
        request.state.claim = claim = Claim()
    return claim


CurrentClaim = Annotated[Claim, Depends(_claim)]
"""The claim of the request, whether it has a key or not."""
