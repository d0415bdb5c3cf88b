"""`rekindle jobs stuck`: rows that stand still, and how Temporal says their workflows are."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest
from temporalio import activity, workflow
from temporalio.client import Client
from temporalio.common import RetryPolicy
from temporalio.exceptions import ApplicationError
from typer.testing import CliRunner, Result

from deploy.cli.main import app
from deploy.embedded.ports import free_port
from rekindle.contracts import orders, renders
from rekindle.contracts.events import EventKind
from rekindle.contracts.orders import OrderStatus
from rekindle.contracts.statuses import AttemptKind, AttemptStatus, Stage
from rekindle.models import Attempt, JobEvent, Order
from rekindle.store.database import Database
from rekindle.store.schema import migrate
from tests.services.rows import stored_job
from worker.polling import Worker

Rekindle = Callable[..., Awaitable[Result]]
LONG_AGO = timedelta(hours=3)


@activity.defn
async def break_down() -> None:
    """Fails with words of ours."""
    raise ApplicationError("no server\n  answers", type="comfy_unavailable")


@workflow.defn(name=renders.RENDER, sandboxed=False)
class TryingAgain:
    """Tries what never works."""

    @workflow.run
    async def run(self) -> None:
        await workflow.execute_activity(
            break_down,
            start_to_close_timeout=timedelta(seconds=60),
            retry_policy=RetryPolicy(initial_interval=timedelta(milliseconds=10)),
        )


@pytest.fixture
async def ledger(fresh_database_url: str) -> AsyncIterator[Database]:
    """A database of its own: everything in it is looked at."""
    await asyncio.to_thread(migrate, fresh_database_url)
    database = Database(fresh_database_url, patience_seconds=60)
    yield database
    await database.close()


@pytest.fixture
def rekindle(
    fresh_database_url: str,
    cli_variables: dict[str, str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Rekindle:
    """Runs `rekindle jobs stuck` in an empty folder on that database and the tests' Temporal."""
    monkeypatch.chdir(tmp_path)

    async def invoke(*arguments: str, **changed: str) -> Result:
        variables = {**cli_variables, "DATABASE_URL": fresh_database_url, "COLUMNS": "40"}
        runner = CliRunner(env={**variables, **changed})
        return await asyncio.to_thread(runner.invoke, app, ["jobs", "stuck", *arguments])

    return invoke


async def found(rekindle: Rekindle, *arguments: str, **changed: str) -> dict[str, Any]:
    result = await rekindle(*arguments, "--json", **changed)
    document: dict[str, Any] = json.loads(result.stdout)
    assert result.exit_code == (1 if document["attempts"] or document["orders"] else 0)
    assert document["status"] == ("stuck" if result.exit_code else "moving")
    return document


async def job(ledger: Database) -> UUID:
    async with ledger.transaction() as session:
        return (await stored_job(session)).id


async def attempt(ledger: Database, job_id: UUID, ago: timedelta, **facts: Any) -> UUID:
    """An attempt that began so long ago, of which nothing was heard since."""
    given: dict[str, Any] = {"status": AttemptStatus.RUNNING, "stage": Stage.RENDERING, **facts}
    row = Attempt(
        id=uuid4(),
        job_id=job_id,
        graph="restore",
        graph_version="1",
        gpu_class="image",
        priority=3,
        parameters={},
        stamp="s",
        created_at=datetime.now(UTC) - ago,
        **given,
    )
    async with ledger.transaction() as session:
        session.add(row)
    return row.id


async def heard(ledger: Database, job_id: UUID, attempt_id: UUID, ago: timedelta) -> None:
    async with ledger.transaction() as session:
        session.add(
            JobEvent(
                job_id=job_id,
                attempt_id=attempt_id,
                kind=EventKind.ATTEMPT_PROGRESS,
                data={},
                created_at=datetime.now(UTC) - ago,
            )
        )


async def order(ledger: Database, job_id: UUID, status: OrderStatus, ago: timedelta) -> UUID:
    now = datetime.now(UTC)
    row = Order(
        id=uuid4(),
        job_id=job_id,
        attempt_id=uuid4(),
        product="hd_image",
        amount=499,
        currency="usd",
        price_version="1",
        status=status,
        expires_at=now + timedelta(days=1),
        created_at=now - ago,
        updated_at=now - ago,
    )
    async with ledger.transaction() as session:
        session.add(row)
    return row.id


async def test_where_everything_moves_there_is_nothing_to_do(
    rekindle: Rekindle, ledger: Database
) -> None:
    job_id = await job(ledger)
    await attempt(ledger, job_id, timedelta(minutes=1))
    await attempt(ledger, job_id, LONG_AGO, status=AttemptStatus.SUCCEEDED, stage=None)
    slow = await attempt(ledger, job_id, LONG_AGO)
    await heard(ledger, job_id, slow, timedelta(seconds=5))
    hd = {"kind": AttemptKind.HD, "order_id": uuid4(), "source_id": slow}
    await attempt(ledger, job_id, LONG_AGO, **hd)  # of which is told through its source
    await order(ledger, job_id, OrderStatus.DELIVERED, LONG_AGO)
    await order(ledger, job_id, OrderStatus.AWAITING_PAYMENT, LONG_AGO)
    await order(ledger, job_id, OrderStatus.RENDERING, timedelta(minutes=1))

    assert (await found(rekindle))["attempts"] == []
    table = await rekindle()
    assert table.exit_code == 0
    assert "15 minutes" in table.output


async def test_what_stands_still_is_shown_longest_first_with_its_workflow(
    rekindle: Rekindle, ledger: Database, temporal: Client
) -> None:
    job_id = await job(ledger)
    failing = await attempt(ledger, job_id, LONG_AGO, pod_id="rk-x-image-0-1")
    queued = await attempt(
        ledger,
        job_id,
        timedelta(minutes=40),
        status=AttemptStatus.QUEUED,
        stage=Stage.QUEUED,
        order_id=uuid4(),
        kind=AttemptKind.HD,
    )
    paid = await order(ledger, job_id, OrderStatus.PAID, LONG_AGO)
    task_queue = f"stuck-{uuid4()}"
    async with Worker(
        temporal, task_queue=task_queue, workflows=[TryingAgain], activities=[break_down]
    ):
        handle = await temporal.start_workflow(
            renders.RENDER, id=renders.workflow_id(failing), task_queue=task_queue
        )
        async with asyncio.timeout(120):
            while True:
                pending = (await handle.describe()).raw_description.pending_activities
                if pending and pending[0].attempt > 1 and pending[0].HasField("last_failure"):
                    break
                await asyncio.sleep(0.02)
        told = await found(rekindle)
        table = await rekindle()

    first, second = told["attempts"]
    assert (first["id"], second["id"]) == (str(failing), str(queued))
    assert (first["pod_id"], first["is_paid"], first["stage"]) == (
        "rk-x-image-0-1",
        False,
        "rendering",
    )
    assert first["workflow"]["status"] == "running"
    assert first["workflow"]["waits_for"][0].startswith("break_down, try ")
    assert first["workflow"]["last_failure"] == "comfy_unavailable: no server answers"
    assert (second["is_paid"], second["workflow"]["status"]) == (True, "absent")
    (stuck_order,) = told["orders"]
    assert (stuck_order["id"], stuck_order["status"]) == (str(paid), "paid")
    assert stuck_order["workflow"]["id"] == orders.workflow_id(paid)

    assert table.exit_code == 1
    for word in (renders.workflow_id(failing), "3 h 00 min", "comfy_unavailable", "(paid)"):
        assert word in table.output


async def test_how_long_is_long_can_be_said(rekindle: Rekindle, ledger: Database) -> None:
    job_id = await job(ledger)
    await attempt(ledger, job_id, timedelta(minutes=30))
    assert (await found(rekindle, "--minutes", "45"))["attempts"] == []
    assert len((await found(rekindle, "--minutes", "20"))["attempts"]) == 1


async def test_without_temporal_the_rows_are_shown_even_so(
    rekindle: Rekindle, ledger: Database
) -> None:
    await attempt(ledger, await job(ledger), LONG_AGO)
    nobody = f"127.0.0.1:{free_port()}"
    (each,) = (await found(rekindle, TEMPORAL_ADDRESS=nobody))["attempts"]
    assert each["workflow"]["status"] == "unknown"
