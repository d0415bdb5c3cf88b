"""The photo of a job as it was sent."""

from pathlib import PurePosixPath

from rekindle.models import Job
from rekindle.ports.objects import ObjectStore


def original_url(job: Job, objects: ObjectStore) -> str | None:
    """A fresh address of the original; None for a job that has no photo."""
    if job.original_key is None:
        return None
    extension = PurePosixPath(job.original_key).suffix
    return objects.url(job.original_key, filename=f"original{extension}")
