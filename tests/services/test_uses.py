"""What tries used of the GPUs, in the real database."""

from datetime import UTC, datetime
from decimal import Decimal
from uuid import UUID, uuid4

import pytest
from sqlalchemy import select
from sqlmodel import col

from rekindle.contracts.renders import GraphOutput
from rekindle.contracts.statuses import AttemptStatus, GpuClass, Stage
from rekindle.models import Attempt, GpuUse, PodRecord
from rekindle.models.pods import PodState
from rekindle.store import attempts, uses
from rekindle.store.database import Database
from rekindle.store.uses import CANCELED, Use
from tests.services.rows import stored_job


async def rented_pod(database: Database) -> str:
    """A pod in the ledger, no longer there so that its number is free for other tests."""
    pod_id = f"rk-test-video-{uuid4()}"
    async with database.transaction() as session:
        session.add(
            PodRecord(
                id=pod_id,
                gpu_class=GpuClass.VIDEO,
                number=0,
                generation=1,
                state=PodState.TERMINATED,
                machine="host-9",
                usd_per_hour=Decimal("0.44"),
                terminated_at=datetime.now(UTC),
            )
        )
    return pod_id


async def attempt(database: Database) -> UUID:
    """A queued attempt of somebody."""
    async with database.transaction() as session:
        job = await stored_job(session)
        row = Attempt(
            id=uuid4(),
            job_id=job.id,
            graph="restore_classic",
            graph_version="1",
            gpu_class=GpuClass.IMAGE,
            priority=3,
            parameters={},
            stamp="s",
        )
        await attempts.record(session, row)
    return row.id


async def record(database: Database, use: Use) -> None:
    async with database.transaction() as session:
        await uses.record(session, use)


async def recorded(database: Database, attempt_id: UUID) -> list[GpuUse]:
    async with database.transaction() as session:
        found = select(GpuUse).where(col(GpuUse.attempt_id) == attempt_id)
        return list((await session.execute(found.order_by(col(GpuUse.try_number)))).scalars())


async def test_a_use_has_the_rate_machine_and_class_of_its_pod(database: Database) -> None:
    pod_id, attempt_id = await rented_pod(database), await attempt(database)
    await record(database, Use(attempt_id, 2, pod_id, 12.5, "graph_failed"))
    (use,) = await recorded(database, attempt_id)
    assert (use.try_number, use.pod_id, use.machine, use.gpu_class) == (
        2,
        pod_id,
        "host-9",
        "video",
    )
    assert (use.graph, use.gpu_seconds, use.error_code) == ("restore_classic", 12.5, "graph_failed")
    assert use.usd_per_hour == Decimal("0.44")
    assert use.ended_at is not None


async def test_an_account_deleted_meanwhile_takes_nothing_out_of_the_ledger(
    database: Database,
) -> None:
    pod_id, attempt_id = await rented_pod(database), uuid4()
    await record(database, Use(attempt_id, 1, pod_id, 3.0, CANCELED, graph="restore"))
    (use,) = await recorded(database, attempt_id)
    assert (use.gpu_class, use.graph, use.error_code) == ("video", "restore", "canceled")


@pytest.mark.parametrize(
    ("first", "second", "kept"),
    [
        (None, None, None),
        (None, "pod_gone", None),
        ("pod_gone", None, None),
        ("pod_gone", "prompt_lost", "pod_gone"),
        ("canceled", "graph_failed", "graph_failed"),
        ("graph_failed", "canceled", "graph_failed"),
        (None, "result_unreadable", "result_unreadable"),
        ("result_unreadable", None, "result_unreadable"),
    ],
)
async def test_of_two_who_tell_of_a_try_who_knew_better_is_believed(
    database: Database, first: str | None, second: str | None, kept: str | None
) -> None:
    pod_id, attempt_id = await rented_pod(database), await attempt(database)
    await record(database, Use(attempt_id, 1, pod_id, 1.0, first))
    await record(database, Use(attempt_id, 1, pod_id, 2.0, second))
    (use,) = await recorded(database, attempt_id)
    assert use.error_code == kept
    assert use.gpu_seconds == (1.0 if kept == first else 2.0)


async def test_a_success_and_its_use_are_one_statement(database: Database) -> None:
    pod_id, attempt_id = await rented_pod(database), await attempt(database)
    output = GraphOutput(
        key="m", sha256="0", size_bytes=1, engine_seconds=4.5, pod_id=pod_id, try_number=3
    )
    for first in (True, False):
        async with database.transaction() as session:
            written = await attempts.succeed(
                session,
                attempt_id,
                output,
                attempts.Result(
                    key=output.key,
                    sha256=output.sha256,
                    width=1,
                    height=1,
                    preview_key="p",
                    thumbnail_key="t",
                ),
            )
        assert written is first
    (use,) = await recorded(database, attempt_id)
    assert (use.try_number, use.gpu_seconds, use.error_code) == (3, 4.5, None)


async def test_what_a_try_used_counts_although_the_attempt_was_cancelled_meanwhile(
    database: Database,
) -> None:
    pod_id, attempt_id = await rented_pod(database), await attempt(database)
    async with database.transaction() as session:
        await attempts.close(session, attempt_id, AttemptStatus.CANCELED)
    async with database.transaction() as session:
        changed = await attempts.advance(
            session,
            attempt_id,
            try_number=1,
            stage=Stage.FINALIZING,
            progress=0.9,
            pod_id=pod_id,
            use=Use(attempt_id, 1, pod_id, 7.0),
        )
    assert not changed
    (use,) = await recorded(database, attempt_id)
    assert use.gpu_seconds == 7.0
