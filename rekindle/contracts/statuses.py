"""The words a client sees, and no others."""

from enum import StrEnum


class JobStatus(StrEnum):
    """Where a photo's job stands."""

    ACTIVE = "active"
    COMPLETED = "completed"
    DELETED = "deleted"


class AttemptKind(StrEnum):
    """What an attempt is at: a picture of the photo, a clip of that, the paid HD result of either.

    Or a picture that was never there: a generation.
    """

    RESTORE = "restore"
    ANIMATION = "animation"
    GENERATION = "generation"
    HD = "hd"


class AttemptStatus(StrEnum):
    """Where one attempt stands; the last three are final."""

    QUEUED = "queued"
    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELED = "canceled"

    @property
    def is_final(self) -> bool:
        """Whether nothing can change any more."""
        return self in (AttemptStatus.SUCCEEDED, AttemptStatus.FAILED, AttemptStatus.CANCELED)


UNFINISHED = tuple(status for status in AttemptStatus if not status.is_final)
"""The statuses of attempts that have not ended."""


class Stage(StrEnum):
    """What an unfinished attempt is waiting for or doing."""

    QUEUED = "queued"
    PROVISIONING = "provisioning"
    STAGING = "staging"
    RENDERING = "rendering"
    FINALIZING = "finalizing"


class GpuClass(StrEnum):
    """Which kind of GPU a graph needs; each has its own task queue."""

    IMAGE = "image"
    VIDEO = "video"
