"""How the unfinished attempts of an answer wait; nothing is asked when there are none."""

from collections.abc import Iterable, Mapping
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from api.graphs import typical_seconds
from rekindle.contracts.statuses import AttemptStatus
from rekindle.models import Attempt
from rekindle.rules.waiting import Waiting
from rekindle.store import waiting

WaitingById = Mapping[UUID, Waiting]
"""By the ids of attempts; who is not in it waits for nothing, or it was not asked."""

NOBODY_WAITS: WaitingById = {}


async def waiting_among(session: AsyncSession, attempts: Iterable[Attempt]) -> WaitingById:
    """How these attempts wait: one statement, or none when all of them have ended.

    It is later than the one that read the rows. An attempt that was begun in between is left out:
    its answer is to be of one piece.
    """
    unfinished = {each.id: each for each in attempts if not AttemptStatus(each.status).is_final}
    if not unfinished:
        return NOBODY_WAITS
    found = await waiting.of_attempts(session, unfinished, typical_seconds())
    return {
        attempt_id: wait
        for attempt_id, wait in found.items()
        if wait.is_queued == (unfinished[attempt_id].status == AttemptStatus.QUEUED)
    }
