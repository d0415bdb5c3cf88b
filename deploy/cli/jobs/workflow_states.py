"""What Temporal says of workflows: whether they run, and what failed in them last."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from temporalio.api.failure.v1 import Failure
from temporalio.client import Client, WorkflowExecutionDescription
from temporalio.service import RPCError, RPCStatusCode

_AT_ONCE = 16
_PATIENCE = timedelta(seconds=10)
_LONGEST = 200

ABSENT = "absent"
UNKNOWN = "unknown"


@dataclass(frozen=True)
class WorkflowState:
    """One workflow.

    Attributes:
        status: Temporal's word in lower case, as `running`; `absent` where Temporal has none of
            that id (any more), `unknown` where it does not answer.
        waits_for: activities under way, with the number of their try.
        last_failure: of one of these, or why the workflow's own code cannot go on.
    """

    status: str
    waits_for: tuple[str, ...] = ()
    last_failure: str | None = None


async def states(client: Client | None, ids: Sequence[str]) -> dict[str, WorkflowState]:
    """How these workflows are, by their ids.

    Args:
        client: None when there is no Temporal to ask.
    """
    turns = asyncio.Semaphore(_AT_ONCE)

    async def state(workflow_id: str) -> WorkflowState:
        async with turns:
            return await _state(client, workflow_id)

    found = await asyncio.gather(*(state(each) for each in ids))
    return dict(zip(ids, found, strict=True))


async def _state(client: Client | None, workflow_id: str) -> WorkflowState:
    if client is None:
        return WorkflowState(UNKNOWN)
    try:
        told = await client.get_workflow_handle(workflow_id).describe(rpc_timeout=_PATIENCE)
    except RPCError as error:
        known = error.status is RPCStatusCode.NOT_FOUND
        return WorkflowState(ABSENT if known else UNKNOWN)
    return _read(told)


def _read(told: WorkflowExecutionDescription) -> WorkflowState:
    raw = told.raw_description
    failures = [each.last_failure for each in raw.pending_activities if each.attempt > 1]
    if raw.HasField("pending_workflow_task") and raw.pending_workflow_task.attempt > 1:
        code_fails: tuple[str, ...] = (f"its own code, try {raw.pending_workflow_task.attempt}",)
    else:
        code_fails = ()
    return WorkflowState(
        status=told.status.name.lower() if told.status is not None else UNKNOWN,
        waits_for=code_fails
        + tuple(f"{a.activity_type.name}, try {a.attempt}" for a in raw.pending_activities),
        last_failure=next((_text(each) for each in failures if _text(each)), None),
    )


def _text(failure: Failure) -> str:
    """A failure in one line: our code, then the text."""
    code = failure.application_failure_info.type
    text = " ".join(failure.message.split())[:_LONGEST]
    return f"{code}: {text}" if code and code not in text else text
