"""Where a job stands, and how long it is kept."""

from collections.abc import Iterable
from datetime import datetime, timedelta

from rekindle.contracts.statuses import AttemptStatus, JobStatus


def job_status(stored: JobStatus, attempts: Iterable[AttemptStatus]) -> JobStatus:
    """Where a job stands: `completed` when something was made of it and nothing is under way.

    Args:
        stored: tells whether it was deleted, and nothing else.
        attempts: of every kind.
    """
    if stored is JobStatus.DELETED:
        return stored
    known = set(attempts)
    is_quiet = all(each.is_final for each in known)
    return JobStatus.COMPLETED if is_quiet and AttemptStatus.SUCCEEDED in known else stored


def expires_at(created_at: datetime, retention: timedelta | None) -> datetime | None:
    """When a job is deleted by itself; None when it is kept until its owner deletes it.

    Args:
        retention: how long jobs are kept; None for ever.
    """
    return None if retention is None else created_at + retention
