"""What a job's workflow has done for it."""

from temporalio import activity

from activities.failures import as_failures
from rekindle.contracts.jobs import SelectAttempt
from rekindle.contracts.statuses import AttemptKind, AttemptStatus
from rekindle.errors import AttemptNotFound, AttemptNotSelectable
from rekindle.store import attempts, jobs
from rekindle.store.database import Database


class JobActivities:
    """Records of a job."""

    def __init__(self, database: Database) -> None:
        """Write to `database`."""
        self._database = database

    @activity.defn
    async def select_attempt(self, choice: SelectAttempt) -> None:
        """Make an attempt the selected one. Idempotent.

        Raises:
            AttemptNotFound: not a restoration of this job.
            AttemptNotSelectable: it has not succeeded.
        """
        with as_failures():
            async with self._database.transaction() as session:
                attempt = await attempts.of_job(
                    session, choice.job_id, choice.attempt_id, AttemptKind.RESTORE
                )
                if attempt is None:
                    raise AttemptNotFound
                if attempt.status != AttemptStatus.SUCCEEDED:
                    raise AttemptNotSelectable
                await jobs.choose(session, choice.job_id, choice.attempt_id)
