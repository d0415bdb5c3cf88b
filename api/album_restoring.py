"""Restores every photo of an album that has no restoration; each by itself, with its own answer."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from api.attempts import AttemptView
from api.idempotency import Claim
from api.starting import Given, Starting
from rekindle.contracts.statuses import AttemptStatus
from rekindle.errors import NoPhoto, RekindleError
from rekindle.models import Job
from rekindle.store.albums import AlbumPhoto

_AT_ONCE = 8
_HAS_ONE = (AttemptStatus.QUEUED, AttemptStatus.RUNNING, AttemptStatus.SUCCEEDED)


@dataclass(frozen=True)
class PartOfClaim(Claim):
    """A claim's part for one photo: it names other things than the parts for others."""

    whole: Claim
    job_id: UUID

    @property
    def is_repeated(self) -> bool:
        """See `Claim.is_repeated`."""
        return self.whole.is_repeated

    def new_id(self, noun: str) -> UUID:
        """See `Claim.new_id`."""
        return self.whole.new_id(f"{noun} of {self.job_id}")

    async def is_held(self) -> bool:
        """See `Claim.is_held`."""
        return await self.whole.is_held()


@dataclass(frozen=True)
class Restored:
    """What became of one photo. With neither it had a restoration already."""

    job_id: UUID
    started: AttemptView | None = None
    refusal: RekindleError | None = None


class AlbumRestoring:
    """Starts restorations, a few at once."""

    def __init__(self, starting: Starting, claim: Claim) -> None:
        """Start through `starting`; `claim` names the attempts."""
        self._starting = starting
        self._claim = claim
        self._places = asyncio.Semaphore(_AT_ONCE)

    async def restore(
        self, photos: Sequence[AlbumPhoto], graph: str | None, given: Given, *, open_attempts: int
    ) -> list[Restored]:
        """Restore those that have none; what is refused of one stops no other.

        Args:
            photos: of the album.
            graph: its name; None for the default one.
            given: parameters for all of them.
            open_attempts: that their owner has already.

        Returns:
            What became of each, in the same order.
        """
        claims = {each.job.id: PartOfClaim(self._claim, each.job.id) for each in photos}
        lacking = [each for each in photos if self._lacks_one(each, claims[each.job.id])]
        places = {each.job.id: nth for nth, each in enumerate(lacking)}

        async def one(photo: AlbumPhoto) -> Restored:
            job, nth = photo.job, places.get(photo.job.id)
            if nth is None:
                return Restored(job.id)
            async with self._places:
                return await self._restored(job, graph, given, claims[job.id], open_attempts + nth)

        return list(await asyncio.gather(*map(one, photos)))

    def _lacks_one(self, photo: AlbumPhoto, claim: Claim) -> bool:
        """Whether it has none; what an earlier try of this request has started is told again."""
        found = photo.restoration
        if found is None or found.status not in _HAS_ONE:
            return True
        return claim.is_repeated and found.id == claim.new_id("attempt")

    async def _restored(
        self, job: Job, graph: str | None, given: Given, claim: Claim, open_attempts: int
    ) -> Restored:
        try:
            if job.original_key is None:
                raise NoPhoto
            command = await self._starting.restoration(job.id, graph, given, claim)
            started = await self._starting.start(job, command, claim, open_attempts=open_attempts)
        except RekindleError as error:
            return Restored(job.id, refusal=error)
        return Restored(job.id, started)
