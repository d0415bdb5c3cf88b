"""Deletion of jobs, through Temporal."""

from collections.abc import AsyncIterator, Collection, Sequence
from contextlib import asynccontextmanager
from uuid import UUID

import structlog
from temporalio.api.common.v1 import WorkflowExecution
from temporalio.api.workflowservice.v1 import DeleteWorkflowExecutionRequest
from temporalio.client import Client, WorkflowExecutionStatus
from temporalio.service import RPCError, RPCStatusCode

from rekindle.adapters.patience import PATIENCE_SECONDS, patience
from rekindle.contracts import deletion, queues
from rekindle.contracts.deletion import DeletedJob
from rekindle.errors import WorkflowsUnavailable

_LOG = structlog.get_logger(__name__)
_AT_ONCE = 50
"""Ids in one query of the list of workflows."""


class TemporalDeletions:
    """Commands to `DeleteJob` workflows (`ports.deletion.DeletionCommands`)."""

    def __init__(self, client: Client, *, patience_seconds: float = PATIENCE_SECONDS) -> None:
        """Speak through `client`.

        Args:
            patience_seconds: how long an answer is waited for.
        """
        self._client = client
        self._patience_seconds = patience_seconds

    async def begin(self, job_id: UUID) -> None:
        """See `DeletionCommands.begin`."""
        async with patience(self._patience_seconds):
            await self._client.start_workflow(
                deletion.DELETE_JOB,
                DeletedJob(job_id=job_id),
                id=deletion.workflow_id(job_id),
                task_queue=queues.CONTROL,
                start_signal=deletion.LOOK,
                static_summary="the deletion of a photo",
            )

    async def undo(self, job_id: UUID) -> None:
        """See `DeletionCommands.undo`."""
        handle = self._client.get_workflow_handle(deletion.workflow_id(job_id))
        async with patience(self._patience_seconds):
            try:
                await handle.signal(deletion.LOOK)
            except RPCError as error:
                if error.status is not RPCStatusCode.NOT_FOUND:
                    raise


class TemporalJobWorkflows:
    """The workflows of a job (`ports.deletion.JobWorkflows`)."""

    def __init__(self, client: Client) -> None:
        """Speak through `client`."""
        self._client = client

    async def terminate(self, workflow_id: str, reason: str) -> bool:
        """See `JobWorkflows.terminate`."""
        handle = self._client.get_workflow_handle(workflow_id)
        async with _known() as known:
            await handle.terminate(reason=reason)
        return known.yes

    async def cancel(self, workflow_id: str) -> bool:
        """See `JobWorkflows.cancel`."""
        async with _known() as known:
            await self._client.get_workflow_handle(workflow_id).cancel()
        return known.yes

    async def is_open(self, workflow_id: str) -> bool:
        """See `JobWorkflows.is_open`."""
        status = None
        async with _known():
            told = await self._client.get_workflow_handle(workflow_id).describe()
            status = told.status
        return status is WorkflowExecutionStatus.RUNNING

    async def children(self, workflow_id: str) -> Sequence[str]:
        """See `JobWorkflows.children`."""
        found: dict[str, None] = {}
        for run in await self._runs([workflow_id]):
            handle = self._client.get_workflow_handle(workflow_id, run_id=run.run_id)
            async with _known():
                async for event in handle.fetch_history_events():
                    begun = event.start_child_workflow_execution_initiated_event_attributes
                    if begun.workflow_id:
                        found[begun.workflow_id] = None
        return list(found)

    async def erase(self, workflow_ids: Collection[str]) -> int:
        """See `JobWorkflows.erase`."""
        runs = await self._runs(workflow_ids)
        try:
            erased = [await self._erase(run) for run in runs]
        except RPCError as error:
            if error.status in (RPCStatusCode.PERMISSION_DENIED, RPCStatusCode.UNIMPLEMENTED):
                _LOG.warning("histories_left_to_retention", runs=len(runs), why=error.message)
                return 0
            raise WorkflowsUnavailable(str(error)) from error
        return sum(erased)

    async def _erase(self, run: WorkflowExecution) -> bool:
        request = DeleteWorkflowExecutionRequest(
            namespace=self._client.namespace, workflow_execution=run
        )
        try:
            await self._client.workflow_service.delete_workflow_execution(request)
        except RPCError as error:
            if error.status is RPCStatusCode.NOT_FOUND:
                return False  # the list is a little behind
            raise
        return True

    async def _runs(self, workflow_ids: Collection[str]) -> list[WorkflowExecution]:
        """Every run: those on the list, and the last of each, which it may not know yet."""
        found: dict[tuple[str, str], None] = {}
        ids = sorted(workflow_ids)
        for first in range(0, len(ids), _AT_ONCE):
            among = ", ".join(f"'{each}'" for each in ids[first : first + _AT_ONCE])
            async with _known():
                async for run in self._client.list_workflows(f"WorkflowId IN ({among})"):
                    found[run.id, run.run_id] = None
        for workflow_id in ids:
            async with _known():
                last = await self._client.get_workflow_handle(workflow_id).describe()
                found[last.id, last.run_id] = None
        return [WorkflowExecution(workflow_id=a, run_id=b) for a, b in found]


class _Known:
    """Whether there was such a workflow."""

    yes = True


@asynccontextmanager
async def _known() -> AsyncIterator[_Known]:
    """Take it that a workflow may be absent, or have ended."""
    known = _Known()
    try:
        yield known
    except RPCError as error:
        if error.status is not RPCStatusCode.NOT_FOUND:
            raise WorkflowsUnavailable(str(error)) from error
        known.yes = False
