"""Commands to a job's workflow."""

from typing import Protocol
from uuid import UUID

from rekindle.contracts.jobs import AttemptAccepted, AttemptCommand, PhotoJobInput


class JobCommands(Protocol):
    """Speaks to `PhotoJob` workflows by contract. Raises `WorkflowsUnavailable` after 5 s."""

    async def open(self, job: PhotoJobInput) -> None:
        """Start the job's workflow. Idempotent: an open one is left as it is."""
        ...

    async def begin(self, job: PhotoJobInput, command: AttemptCommand) -> AttemptAccepted:
        """Start an attempt; revives a closed job. Idempotent by the attempt id."""
        ...

    async def select(self, job: PhotoJobInput, attempt_id: UUID) -> None:
        """Choose an attempt; revives a closed job.

        Raises:
            AttemptNotFound: no such attempt in this job.
            AttemptNotSelectable: it did not succeed.
        """
        ...

    async def cancel(self, job: PhotoJobInput, attempt_id: UUID) -> None:
        """Have an attempt stopped, whatever it is doing; revives a closed job.

        Idempotent: an attempt that has ended stays as it ended. Returns when the attempt has been
        told; its row says `canceled` once its prompt has been stopped.
        """
        ...

    async def check(self) -> None:
        """Return when Temporal answers; raise `WorkflowsUnavailable` otherwise."""
        ...
