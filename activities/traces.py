"""What was stored of a job that was being erased at the same time."""

from collections.abc import Sequence
from uuid import UUID

import structlog

from rekindle.errors import DatabaseUnavailable, JobNotFound
from rekindle.ports.objects import ObjectStore
from rekindle.store import jobs
from rekindle.store.database import Database

_LOG = structlog.get_logger(__name__)


async def unless_erased(
    database: Database, objects: ObjectStore, job_id: UUID, stored: Sequence[str]
) -> None:
    """Return when the job is there; else take back what has just been stored of it.

    A deletion erases the row first and looks through the objects once more afterwards, so either
    it finds what was stored before, or who stores finds no row. Where the database is away nobody
    can tell: a result does not wait for it, and the sweep finds objects of no job.

    Args:
        stored: keys that this very process has written.

    Raises:
        JobNotFound: the job was erased.
    """
    try:
        async with database.transaction() as session:
            is_there = bool(await jobs.known(session, [job_id]))
    except DatabaseUnavailable as error:
        _LOG.info("job_not_looked_up", why=str(error))
        return
    if not is_there:
        await objects.delete(*stored)
        raise JobNotFound("it was erased while something was made of it")
