"""`rekindle costs` and `rekindle fleet status` on a real ledger."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest
from typer.testing import CliRunner, Result

from deploy.cli.main import app
from deploy.embedded.ports import free_port
from rekindle.contracts.statuses import AttemptStatus, Stage
from rekindle.models import Attempt, FleetDecision, GpuUse, PodRecord
from rekindle.models.pods import PodState
from rekindle.store.database import Database
from rekindle.store.schema import migrate
from tests.services.rows import stored_job

Rekindle = Callable[..., Awaitable[Result]]
FIRST, SECOND = UUID(int=1), UUID(int=2)


@pytest.fixture
async def ledger(fresh_database_url: str) -> AsyncIterator[Database]:
    """A database of its own: sums are over everything."""
    await asyncio.to_thread(migrate, fresh_database_url)
    database = Database(fresh_database_url)
    yield database
    await database.close()


@pytest.fixture
def rekindle(fresh_database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Rekindle:
    """Runs a command in an empty folder on that database."""
    monkeypatch.chdir(tmp_path)

    async def invoke(*arguments: str, **changed: str) -> Result:
        variables = {"DATABASE_URL": fresh_database_url, "COLUMNS": "40", **changed}
        return await asyncio.to_thread(CliRunner(env=variables).invoke, app, arguments)

    return invoke


async def documented(rekindle: Rekindle, *arguments: str, **changed: str) -> dict[str, Any]:
    result = await rekindle(*arguments, "--json", **changed)
    assert result.exit_code == 0, result.output
    return dict(json.loads(result.stdout))


async def add(ledger: Database, *rows: Any) -> None:
    async with ledger.transaction() as session:
        for row in rows:
            session.add(row)
            await session.flush()


async def job(ledger: Database) -> UUID:
    async with ledger.transaction() as session:
        return (await stored_job(session)).id


def attempt(job_id: UUID, attempt_id: UUID, status: AttemptStatus, **facts: Any) -> Attempt:
    shared: dict[str, Any] = {"graph": "restore", "gpu_class": "image", "priority": 3}
    return Attempt(
        id=attempt_id,
        job_id=job_id,
        status=status,
        graph_version="1",
        parameters={},
        stamp="s",
        **shared,
        **facts,
    )


def use(attempt_id: UUID, try_number: int, seconds: float, **facts: Any) -> GpuUse:
    rented = {"pod_id": "rk-image-0-1", "usd_per_hour": Decimal("0.36"), "gpu_class": "image"}
    shared = {"graph": "restore", "ended_at": datetime.now(UTC) - timedelta(hours=1)}
    return GpuUse(
        attempt_id=attempt_id,
        try_number=try_number,
        gpu_seconds=seconds,
        **{**rented, **shared, **facts},
    )


@pytest.fixture
async def busy(ledger: Database) -> None:
    """A pod that lived for an hour, booted for 6 minutes, and worked for 16 of them."""
    job_id = await job(ledger)
    ended = datetime.now(UTC) - timedelta(hours=1)
    await add(
        ledger,
        attempt(job_id, FIRST, AttemptStatus.SUCCEEDED),
        attempt(job_id, SECOND, AttemptStatus.CANCELED),
        PodRecord(
            id="rk-image-0-1",
            gpu_class="image",
            number=0,
            generation=1,
            state=PodState.TERMINATED,
            usd_per_hour=Decimal("0.36"),
            rented_at=ended - timedelta(hours=1),
            ready_at=ended - timedelta(minutes=54),
            terminated_at=ended,
            cost_usd=Decimal("0.40"),
        ),
        use(FIRST, 1, 60.0, error_code="graph_failed"),
        use(FIRST, 2, 600.5),
        use(SECOND, 1, 299.5, error_code="canceled"),
        use(uuid4(), 1, 10.0, pod_id="static-image-0", usd_per_hour=None, graph="restore_classic"),
        use(uuid4(), 1, 77.0, ended_at=datetime.now(UTC) - timedelta(days=30)),
    )


@pytest.mark.usefixtures("busy")
async def test_costs_add_up_exactly(rekindle: Rekindle) -> None:
    found = await documented(rekindle, "costs")
    assert set(found) == {"since", "until", "by", "total", "groups"}
    since, until = (datetime.fromisoformat(found[name]) for name in ("since", "until"))
    assert until - since == timedelta(days=7)
    assert found["total"] == {
        "name": "total",
        "tries": 4,
        "attempts": 3,
        "delivered": 2,
        "gpu_seconds": 970.0,
        "wasted_gpu_seconds": 359.5,
        "work_usd": "0.096000",
        "pod_seconds": 3600.0,
        "boot_seconds": 360.0,
        "idle_seconds": 2280.0,
        "pods_usd": "0.400000",
        "busy_ratio": 0.266667,
        "boot_share": 0.1,
        "idle_share": 0.633333,
        "usd_per_delivered": "0.200000",
    }
    assert found["by"] == "class"
    assert found["groups"] == [{**found["total"], "name": "image"}]


@pytest.mark.usefixtures("busy")
async def test_costs_are_told_apart_by_whatever_is_asked(rekindle: Rekindle) -> None:
    by = {
        name: (await documented(rekindle, "costs", "--by", name))["groups"]
        for name in ("attempt", "pod", "day", "graph")
    }
    assert len(by["attempt"]) == 3
    first = next(each for each in by["attempt"] if each["name"] == str(FIRST))
    assert (first["tries"], first["gpu_seconds"], first["work_usd"]) == (2, 660.5, "0.066050")
    assert (first["pods_usd"], first["usd_per_delivered"]) == (None, "0.066050")
    pods = {each["name"]: each for each in by["pod"]}
    assert pods["rk-image-0-1"]["busy_ratio"] == 0.266667
    assert pods["static-image-0"]["pods_usd"] == "0.000000"
    assert [each["name"] for each in by["graph"]] == ["restore", "restore_classic"]
    of_days = sum(Decimal(day["pods_usd"]) for day in by["day"])
    assert abs(of_days - Decimal("0.4")) <= Decimal("0.000001")  # each is rounded
    assert sum(day["tries"] for day in by["day"]) == 4


@pytest.mark.usefixtures("busy")
async def test_only_what_is_within_the_time_counts(rekindle: Rekindle) -> None:
    assert (await documented(rekindle, "costs", "--since", "30m"))["total"]["tries"] == 0
    assert (await documented(rekindle, "costs", "--since", "8w"))["total"]["tries"] == 5


@pytest.mark.usefixtures("busy")
async def test_a_person_sees_times_with_units_and_whole_ids(rekindle: Rekindle) -> None:
    by_attempt = (await rekindle("costs", "--by", "attempt")).stdout
    (line,) = (line for line in by_attempt.splitlines() if str(FIRST) in line)
    assert "11 min 00 s" in line
    assert "$0.0660" in line
    assert "Pods: 1 h 00 min for $0.4000, boot 10.0%, idle 63.3%, busy 26.7%." in by_attempt
    assert "16 min 10 s" in (await rekindle("costs")).stdout


async def test_an_empty_ledger_says_so(ledger: Database, rekindle: Rekindle) -> None:
    assert "No pod was rented" in (await rekindle("costs")).stdout


async def test_a_database_without_tables_asks_for_a_migration(rekindle: Rekindle) -> None:
    result = await rekindle("costs", "--json")
    assert result.exit_code == 1
    assert "rekindle migrate" in json.loads(result.stdout)["message"]


async def test_a_database_that_is_away_is_told_without_its_address(rekindle: Rekindle) -> None:
    away = f"postgresql://app:hunter2@127.0.0.1:{free_port()}/none"  # pragma: allowlist secret
    for arguments in (("costs",), ("fleet", "status")):
        result = await rekindle(*arguments, "--json", DATABASE_URL=away)
        assert result.exit_code == 1
        assert json.loads(result.stdout)["code"] == "database_unavailable"
        assert "hunter2" not in result.output


async def test_the_status_of_the_fleet_has_all_that_an_operator_needs(
    ledger: Database, rekindle: Rekindle
) -> None:
    job_id, now = await job(ledger), datetime.now(UTC)
    facts: dict[str, Any] = {"gpu_class": "image", "generation": 1, "usd_per_hour": Decimal("0.5")}
    await add(
        ledger,
        FleetDecision(gpu_class="image", wanted=3, reason="backlog"),
        PodRecord(
            id="rk-image-0-1",
            number=0,
            state=PodState.READY,
            machine="host-1",
            gpu_type="RTX 4090",
            rented_at=now,
            ready_at=now - timedelta(minutes=10),
            **facts,
        ),
        PodRecord(
            id="rk-image-1-1",
            number=1,
            state=PodState.READY,
            ready_at=now - timedelta(minutes=10),
            **facts,
        ),
        PodRecord(id="rk-image-2-1", number=2, **facts),
        use(uuid4(), 1, 5.0, pod_id="rk-image-1-1", ended_at=now - timedelta(minutes=2)),
        attempt(job_id, FIRST, AttemptStatus.QUEUED),
        attempt(
            job_id,
            SECOND,
            AttemptStatus.RUNNING,
            stage=Stage.RENDERING,
            pod_id="rk-image-0-1",
        ),
    )
    found = await documented(rekindle, "fleet", "status", SPEND_PER_HOUR="4")
    assert found["spend"]["hour_limit_usd"] == "4.000000"
    assert found["spend"]["usd_per_hour"] == "1.500000"
    assert Decimal(found["spend"]["hour_usd"]) <= Decimal(found["spend"]["day_usd"])
    image, video = found["classes"]
    assert (image["class"], image["wanted"], image["reason"]) == ("image", 3, "backlog")
    assert image["decided_seconds_ago"] >= 0
    assert (image["queued"], image["running"]) == (1, 1)
    assert image["pods_by_state"] == {"launching": 1, "ready": 2}
    assert (image["spend"]["hour_limit_usd"], video["spend"]["day_usd"]) == (None, "0.000000")
    assert image["spend"]["day_usd"] == found["spend"]["day_usd"]
    busy, idle, launching = image["pods"]
    assert (busy["id"], busy["running"], busy["idle_seconds"]) == ("rk-image-0-1", 1, None)
    assert (busy["machine"], busy["gpu_type"]) == ("host-1", "RTX 4090")
    assert busy["usd_per_hour"] == "0.500000"
    assert 120 <= idle["idle_seconds"] < 600
    assert (launching["state"], launching["idle_seconds"]) == ("launching", None)
    assert (video["wanted"], video["decided_at"], video["pods"]) == (None, None, [])

    shown = (await rekindle("fleet", "status")).stdout
    assert "image: 3 wanted (backlog" in shown
    assert "1 launching, 2 ready" in shown
    assert "1 queued, 1 running" in shown
    assert "video: nobody has decided yet; pods: none" in shown
    limited = (await rekindle("fleet", "status", VIDEO_SPEND_PER_DAY="2.5")).stdout
    assert "0 queued, 0 running; spent $0.00 of $2.50 this day" in limited
    assert any("rk-image-0-1" in line and "host-1" in line for line in shown.splitlines())
