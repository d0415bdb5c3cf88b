"""What was stored of a job that was being erased at the same time."""

from collections.abc import Sequence
from uuid import UUID

from rekindle.errors import JobNotFound
from rekindle.ports.objects import ObjectStore
from rekindle.store import jobs
from rekindle.store.database import Database


async def unless_erased(
    database: Database, objects: ObjectStore, job_id: UUID, stored: Sequence[str]
) -> None:
    """Return when the job is there; else take back what has just been stored of it.

    A deletion erases the row first and looks through the objects once more afterwards, so either
    it finds what was stored before, or who stores finds no row.

    Args:
        stored: keys that this very process has written.

    Raises:
        JobNotFound: the job was erased.
    """
    async with database.transaction() as session:
        if await jobs.known(session, [job_id]):
            return
    await objects.delete(*stored)
    raise JobNotFound("it was erased while something was made of it")
