"""Deletion of jobs: having it done, and the workflows that must not outlive a job."""

from collections.abc import Collection, Sequence
from typing import Protocol
from uuid import UUID


class DeletionCommands(Protocol):
    """Speaks to `DeleteJob` workflows by contract. Raises `WorkflowsUnavailable` after 5 s."""

    async def begin(self, job_id: UUID) -> None:
        """Have a deleted job looked at: what runs for it is stopped, and in time it is erased.

        Idempotent: the deletion that is under way only looks again. Call it once the row says so.
        """
        ...

    async def undo(self, job_id: UUID) -> None:
        """Tell the deletion that the job is wanted. Without one nothing happens.

        Call it once the row says so; the deletion would find out by itself, only later.
        """
        ...


class JobWorkflows(Protocol):
    """The workflows of a job, by their ids. Every call raises `WorkflowsUnavailable`."""

    async def terminate(self, workflow_id: str, reason: str) -> bool:
        """End a workflow at once. Returns False when none of that id was open."""
        ...

    async def cancel(self, workflow_id: str) -> bool:
        """Ask a workflow to end. Returns False when none of that id is open."""
        ...

    async def is_open(self, workflow_id: str) -> bool:
        """Whether there is such a workflow, and it has not ended."""
        ...

    async def children(self, workflow_id: str) -> Sequence[str]:
        """Ids of all workflows that any run of a workflow has started, as far as is known."""
        ...

    async def erase(self, workflow_ids: Collection[str]) -> int:
        """Delete every run of these, with their histories; one that is open ends by that.

        Idempotent: absent ones are fine. Where we may not, they are left to the server's retention.

        Returns:
            How many runs.
        """
        ...
