"""What is not kept for ever: jobs that are too old, objects of no job, and old records."""

from datetime import datetime

from rekindle.contracts.payload import Payload


class DueJobs(Payload):
    """Jobs that are to be erased.

    Attributes:
        expired: were deleted because of their age.
        overdue: were deleted already, and nobody was at it.
    """

    expired: int = 0
    overdue: int = 0


class EraseStrays(Payload):
    """Delete old objects of jobs that there are not.

    Attributes:
        after: the last key that the round under way has looked at; None begins a round.
        finished_at: when the last round ended.
    """

    after: str | None = None
    finished_at: datetime | None = None


class ErasedStrays(Payload):
    """How far that came.

    Attributes:
        after: see `EraseStrays`.
        finished_at: the same.
        erased: objects that were deleted.
    """

    after: str | None = None
    finished_at: datetime | None = None
    erased: int = 0


class PrunedRecords(Payload):
    """Old records that were deleted.

    Attributes:
        events: of jobs.
        keys: replies under idempotency keys.
        sessions: of browsers.
    """

    events: int = 0
    keys: int = 0
    sessions: int = 0
