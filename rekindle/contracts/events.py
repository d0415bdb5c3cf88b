"""What can happen to a job, in words that stay: clients match on them."""

from enum import StrEnum

from rekindle.contracts.statuses import AttemptStatus


class EventKind(StrEnum):
    """Kinds of a job's events. An attempt's last three are final: nothing of it follows them.

    An attempt at HD is nobody's to look at: how it stands is told of its order, as progress.
    """

    ATTEMPT_QUEUED = "attempt.queued"
    ATTEMPT_PROGRESS = "attempt.progress"
    ATTEMPT_SUCCEEDED = "attempt.succeeded"
    ATTEMPT_FAILED = "attempt.failed"
    ATTEMPT_CANCELED = "attempt.canceled"
    JOB_SELECTED = "job.selected"
    JOB_ANIMATED = "job.animated"
    JOB_DELETED = "job.deleted"
    JOB_UNDELETED = "job.undeleted"
    ORDER_CHANGED = "order.changed"
    ORDER_PROGRESS = "order.progress"


def attempt_ended(status: AttemptStatus) -> EventKind:
    """The kind of an attempt's final event.

    Args:
        status: a final one.
    """
    return EventKind(f"attempt.{status}")
