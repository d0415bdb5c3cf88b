"""How a stack stood when a test failed: what its rows, its clouds and its logs said.

It goes into the test's report, since nothing else of a run on another machine is kept. It must
never fail itself: whatever cannot be asked any more says so instead.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from functools import partial
from typing import Any

import httpx
import psycopg
from psycopg.rows import dict_row
from temporalio.client import Client

from deploy.stack.stack import Stack
from rekindle.adapters.temporal import connect

_PATIENCE_SECONDS = 10
_MOST_ROWS = 30
_MOST_LINES = 60
_MOST_LOGS = 3
_TABLES = {
    "pods": "id, cloud_id, state, end_reason, created_at, rented_at, ready_at, seen_at,"
    " terminated_at from pods order by created_at desc",
    "attempts": "id, kind, priority, status, stage, progress, try_number, pod_id, error_code,"
    " created_at, started_at, finished_at from attempts order by created_at desc",
    "gpu_uses": "attempt_id, try_number, pod_id, gpu_seconds, error_code, ended_at from gpu_uses"
    " order by ended_at desc",
    "fleet_decisions": "* from fleet_decisions",
    "orders": "id, attempt_id, status, hd, error_code, payment_id, updated_at, closed_at"
    " from orders order by updated_at desc",
}


def evidence(stack: Stack) -> str:
    """Rows, bill, open workflows with what they wait for, and the ends of the workers' logs."""
    parts: dict[str, Callable[[], str]] = {
        **{table: partial(_rows, stack, said) for table, said in _TABLES.items()},
        "the cloud's bill": lambda: _bill(stack),
        "open workflows": lambda: asyncio.run(_bounded(_workflows(stack))),
        "logs": lambda: "\n".join(_logs(stack)),
    }
    return "\n".join(f"-- {name}\n{_told(part)}" for name, part in parts.items())


def _told(part: Callable[[], str]) -> str:
    try:
        return part()
    except Exception as error:  # the test's own failure must be reported
        return f"cannot be told: {error!r}"


async def _bounded(asking: Awaitable[str]) -> str:
    async with asyncio.timeout(_PATIENCE_SECONDS):
        return await asking


def _rows(stack: Stack, said: str) -> str:
    with psycopg.connect(
        stack.addresses.database,
        row_factory=dict_row,
        connect_timeout=_PATIENCE_SECONDS,
        options=f"-c statement_timeout={_PATIENCE_SECONDS}s",
    ) as connection:
        rows = connection.execute(f"select {said} limit {_MOST_ROWS}".encode()).fetchall()
    return "\n".join(_line(row) for row in rows)


def _line(row: dict[str, Any]) -> str:
    return " ".join(f"{name}={value}" for name, value in row.items() if value is not None)


def _bill(stack: Stack) -> str:
    if stack.runpod is None:
        return "nothing is rented"
    reply = httpx.get(f"{stack.runpod.url}/simulator/ledger", timeout=_PATIENCE_SECONDS)
    return "\n".join(map(_line, reply.raise_for_status().json()["pods"][-_MOST_ROWS:]))


async def _workflows(stack: Stack) -> str:
    where = stack.addresses
    temporal = await connect(where.temporal, where.temporal_namespace)
    found = temporal.list_workflows("ExecutionStatus = 'Running'", limit=_MOST_ROWS)
    return "\n".join([line async for each in found for line in await _open(temporal, each.id)])


async def _open(temporal: Client, workflow_id: str) -> list[str]:
    told = (await temporal.get_workflow_handle(workflow_id).describe()).raw_description
    return [
        f"{workflow_id} since {told.workflow_execution_info.start_time.ToJsonString()}",
        *(
            f"  {each.activity_type.name} state={each.state} attempt={each.attempt}"
            f" began={each.last_started_time.ToJsonString()}"
            f" beat={each.last_heartbeat_time.ToJsonString()}"
            f" next={each.scheduled_time.ToJsonString()}"
            f" worker={each.last_worker_identity} failure={each.last_failure.message!r}"
            for each in told.pending_activities
        ),
    ]


def _logs(stack: Stack) -> Iterator[str]:
    workers = sorted(stack.data.glob("*/worker.log"), key=lambda path: path.stat().st_mtime)
    for path in (stack.api.log, *workers[-_MOST_LOGS:]):
        yield f"{path.relative_to(stack.data)}:"
        yield from path.read_text(errors="replace").splitlines()[-_MOST_LINES:]
