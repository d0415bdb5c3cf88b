"""Waiting for a workflow's answer, but not for ever; its failures become errors of ours."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from temporalio.client import (
    WithStartWorkflowOperation,
    WorkflowUpdateFailedError,
    WorkflowUpdateRPCTimeoutOrCancelledError,
)
from temporalio.exceptions import ApplicationError
from temporalio.service import RPCError

from rekindle.contracts.failures import from_failure
from rekindle.errors import WorkflowsUnavailable

PATIENCE_SECONDS = 5.0
"""An update needs a worker; a caller is told to come back rather than kept waiting longer."""


@asynccontextmanager
async def patience(seconds: float) -> AsyncIterator[None]:
    """Wait for an answer so long; failures of ours come back as errors of ours.

    Raises:
        WorkflowsUnavailable: no answer; what was sent may be carried out all the same.
        RekindleError: what an update failed with.
    """
    try:
        async with asyncio.timeout(seconds):
            yield
    except WorkflowUpdateFailedError as error:
        if isinstance(error.cause, ApplicationError):
            raise from_failure(error.cause) from error
        raise WorkflowsUnavailable(str(error)) from error
    except (TimeoutError, RPCError, WorkflowUpdateRPCTimeoutOrCancelledError) as error:
        raise WorkflowsUnavailable(repr(error)) from error
    except RuntimeError as error:  # how a lazy client says that it cannot connect
        raise WorkflowsUnavailable(str(error)) from error


def forget_start(start: WithStartWorkflowOperation[Any, Any]) -> None:
    """Let go of a start whose update failed.

    The SDK keeps the start's failure in a future of its own: look at it, or it complains.
    """
    started = asyncio.ensure_future(start.workflow_handle())
    started.add_done_callback(lambda task: task.cancelled() or task.exception())
