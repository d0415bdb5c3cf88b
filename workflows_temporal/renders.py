"""The renders of one job that are under way."""

import asyncio
from typing import Any
from uuid import UUID

from temporalio import workflow
from temporalio.common import Priority, WorkflowIDReusePolicy
from temporalio.exceptions import (
    FailureError,
    TerminatedError,
    WorkflowAlreadyStartedError,
    is_cancelled_exception,
)
from temporalio.workflow import ChildWorkflowHandle, ParentClosePolicy

with workflow.unsafe.imports_passed_through():
    from activities.attempts import AttemptActivities
    from rekindle.contracts import renders, search
    from rekindle.contracts.renders import CloseAttempt, RenderInput, RenderResult
    from rekindle.contracts.statuses import AttemptStatus
    from workflows_temporal import policies


class Renders:
    """Starts `Render` children and counts those that have not ended."""

    def __init__(self) -> None:
        """Start with none."""
        self._watches: set[asyncio.Task[None]] = set()

    @property
    def open(self) -> int:
        """How many are under way."""
        return len(self._watches)

    async def start(self, order: RenderInput) -> None:
        """Start the attempt's render. Idempotent: one that exists is left alone."""
        try:
            child = await workflow.start_child_workflow(
                renders.RENDER,
                order,
                id=renders.workflow_id(order.attempt_id),
                result_type=RenderResult,
                id_reuse_policy=WorkflowIDReusePolicy.REJECT_DUPLICATE,
                parent_close_policy=ParentClosePolicy.ABANDON,
                static_summary=f"{order.graph} {order.graph_version}",
                # Its activities inherit it, so paid work passes free bursts at every step.
                priority=Priority(priority_key=order.priority, fairness_key=order.fairness_key),
                search_attributes=search.of_render(
                    order.gpu_class, is_paid=order.order_id is not None
                ),
            )
        except WorkflowAlreadyStartedError:
            return
        watch = asyncio.create_task(_until_ended(order.attempt_id, child))
        self._watches.add(watch)
        watch.add_done_callback(self._watches.discard)

    async def cancel(self, attempt_id: UUID) -> None:
        """Cancel the attempt's render. Idempotent: nothing happens to one that has ended."""
        render = workflow.get_external_workflow_handle(renders.workflow_id(attempt_id))
        try:
            await render.cancel()
        except FailureError as failure:
            workflow.logger.info("no render to cancel: %s", failure)


async def _until_ended(attempt_id: UUID, child: ChildWorkflowHandle[Any, RenderResult]) -> None:
    """However it ends: a failed, cancelled or terminated render is the end of that attempt.

    One that was terminated, or that failed where nobody expected it, could not record that itself.
    """
    try:
        await child
    except FailureError as failure:
        workflow.logger.info("render ended with %s", failure)
        if is_cancelled_exception(failure):
            return
        is_terminated = isinstance(failure.cause, TerminatedError)
        status = AttemptStatus.CANCELED if is_terminated else AttemptStatus.FAILED
        await workflow.execute_activity_method(
            AttemptActivities.close_attempt,
            CloseAttempt(attempt_id=attempt_id, status=status),
            summary=f"record {status} for its render",
            **policies.RECORD,
        )
