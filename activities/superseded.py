"""Telling a reset from a cancellation: both reach an activity as the same request."""

import asyncio
from datetime import timedelta

import structlog
from temporalio import activity
from temporalio.client import WorkflowExecutionStatus
from temporalio.service import RPCError

_LOG = structlog.get_logger(__name__)
_PATIENCE = timedelta(seconds=5)


async def is_superseded() -> bool:
    """Whether another run of this activity's workflow has taken over: somebody has reset it.

    To be asked when the activity was cancelled. A server (seen with 1.32) sends what a reset or a
    termination leaves behind the same `cancel_requested` as a true cancellation. While Temporal
    cannot be asked, it was one.
    """
    info = activity.info()
    try:
        current = activity.client().get_workflow_handle(info.workflow_id or "")
        told = await asyncio.shield(current.describe(rpc_timeout=_PATIENCE))
    except (RPCError, RuntimeError) as error:  # RuntimeError: there is no client
        _LOG.info("workflow_not_asked", workflow=info.workflow_id, why=str(error))
        return False
    is_open = told.status is WorkflowExecutionStatus.RUNNING
    return is_open and told.run_id != info.workflow_run_id
