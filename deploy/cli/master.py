"""What an operator can fetch and a user cannot: the result without its watermark."""

import asyncio
from pathlib import Path
from uuid import UUID

from deploy.cli.operating import open_transaction
from rekindle.errors import AttemptNotFound
from rekindle.settings import Settings
from rekindle.store import attempts
from rekindle.wiring.parts import object_store


def fetch_master(settings: Settings, job_id: UUID, attempt_id: UUID, target: Path) -> None:
    """Write the stored master of a succeeded attempt to a file.

    Args:
        settings: of the deployment that made it: database and bucket.
        job_id: its job.
        attempt_id: the attempt.
        target: the file.

    Raises:
        AttemptNotFound: there is no such attempt, or it has no master.
        DatabaseUnavailable: the database does not answer.
        StorageUnavailable: the bucket does not answer.
    """
    asyncio.run(_fetch(settings, job_id, attempt_id, target))


async def _fetch(settings: Settings, job_id: UUID, attempt_id: UUID, target: Path) -> None:
    async with open_transaction(settings) as session:
        attempt = await attempts.of_job(session, job_id, attempt_id)
    if attempt is None or attempt.master_key is None:
        raise AttemptNotFound
    await object_store(settings).fetch_file(attempt.master_key, target)
