"""The ledger beside the account's bills, and ends of pods that the bill corrects."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from activities.pods.settling import Settling
from deploy.cli.main import app
from rekindle.adapters.runpod.cloud import RunPodCloud
from rekindle.contracts.pods import PodEnding
from rekindle.models import PodRecord
from rekindle.models.pods import PodState
from rekindle.ports.gpu_cloud import CloudPod, PodOrder
from rekindle.settings import Settings
from rekindle.store import pods
from rekindle.store.database import Database
from rekindle.store.schema import migrate

GPU = "NVIDIA GeForce RTX 4090"
Rekindle = Callable[..., Awaitable[Result]]
MILLIONTHS = Decimal("0.00001")


@pytest.fixture
async def ledger(fresh_database_url: str) -> AsyncIterator[Database]:
    """A database of its own: sums are over everything."""
    await asyncio.to_thread(migrate, fresh_database_url)
    database = Database(fresh_database_url, patience_seconds=60)
    yield database
    await database.close()


@pytest.fixture
def rekindle(
    past: Any, fresh_database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Rekindle:
    """Runs a command in an empty folder on that database and account."""
    monkeypatch.chdir(tmp_path)
    for name in Settings.model_fields:
        monkeypatch.delenv(name.upper(), raising=False)

    async def invoke(*arguments: str, **changed: str) -> Result:
        variables = {**past.variables, "DATABASE_URL": fresh_database_url, **changed}
        return await asyncio.to_thread(CliRunner(env=variables).invoke, app, arguments)

    return invoke


async def documented(rekindle: Rekindle, *arguments: str) -> dict[str, Any]:
    result = await rekindle("costs", "--bills", *arguments, "--json")
    assert result.exit_code == 0, result.output
    return dict(json.loads(result.stdout))


async def rent(cloud: RunPodCloud, name: str) -> CloudPod:
    order = PodOrder(name=name, image="i", gpu_type=GPU, ports=("8001/http",), disk_gb=40)
    return await cloud.create(order)


async def write(
    ledger: Database,
    rented: CloudPod,
    *,
    seconds: float | None,
    ending: PodEnding = PodEnding.GONE,
    number: int = 0,
) -> None:
    """A row as our own machinery writes it; `seconds` of life, None while it is there."""
    rented_at = rented.created_at
    assert rented_at is not None
    async with ledger.transaction() as session:
        session.add(
            PodRecord(
                id=rented.name,
                gpu_class="image",
                number=number,
                generation=1,
                state=PodState.READY,
                cloud_id=rented.cloud_id,
                usd_per_hour=rented.usd_per_hour,
                rented_at=rented_at,
                seen_at=rented_at,
            )
        )
    if seconds is not None:
        end = rented_at + timedelta(seconds=seconds)
        async with ledger.transaction() as session:
            row = await session.get_one(PodRecord, rented.name)
            row.state, row.terminated_at, row.end_reason = PodState.TERMINATED, end, ending
            row.cost_usd = rented.usd_per_hour * Decimal(str(seconds)) / 3600


async def test_the_bill_stands_beside_the_ledger_by_pod_day_and_class(
    rekindle: Rekindle, ledger: Database, connect: Any, past: Any
) -> None:
    cloud = connect(past)
    exact, short, stray = [await rent(cloud, name) for name in ("rk-exact", "rk-short", "by-hand")]
    past.advance(5400)
    for each in (exact, short, stray):
        await cloud.terminate(each.cloud_id)
    await write(ledger, exact, seconds=5400, ending=PodEnding.DRAINED)
    await write(ledger, short, seconds=1800, number=1)
    late = short.usd_per_hour * 3600 / 3600

    found = await documented(rekindle, "--by", "pod", "--since", "3d")
    groups = {each["name"]: each for each in found["groups"]}
    assert set(groups) == {"rk-exact", "rk-short", stray.cloud_id}
    assert abs(Decimal(groups["rk-exact"]["difference_usd"])) < MILLIONTHS
    assert abs(Decimal(groups["rk-short"]["difference_usd"]) - late) < MILLIONTHS
    assert groups[stray.cloud_id]["ledger_usd"] is None
    assert abs(Decimal(found["total"]["difference_usd"]) - late) < MILLIONTHS
    assert Decimal(found["total"]["billed_other_usd"]) > 0
    assert found["total"]["is_settled"] is True
    for by in ("day", "class"):
        told = await documented(rekindle, "--by", by, "--since", "3d")
        assert told["total"] == found["total"]
        billed = sum(Decimal(each["billed_gpu_usd"]) for each in told["groups"])
        assert abs(billed - Decimal(told["total"]["billed_gpu_usd"])) < MILLIONTHS
        assert Decimal(told["others"]["billed_gpu_usd"]) > 0

    table = await rekindle("costs", "--bills", "--by", "pod", "--since", "3d", COLUMNS="40")
    assert table.exit_code == 0, table.output
    for word in ("rk-exact", "rk-short", stray.cloud_id, "difference", "not in our ledger"):
        assert word in table.output
    assert "open" not in table.output


async def test_bills_are_not_told_apart_by_what_no_cloud_knows(rekindle: Rekindle) -> None:
    for by in ("attempt", "graph", "order"):
        result = await rekindle("costs", "--bills", "--by", by)
        assert result.exit_code == 2
        assert "pod, day, class" in result.output


async def test_without_a_key_the_bill_is_not_asked_for(
    rekindle: Rekindle, ledger: Database
) -> None:
    result = await rekindle("costs", "--bills", "--by", "day", RUNPOD_API_KEY="")
    assert result.exit_code != 0
    assert "RUNPOD_API_KEY" in result.output


async def test_a_pod_that_ended_unseen_is_costed_to_when_its_bill_ends(
    ledger: Database, connect: Any, past: Any
) -> None:
    cloud = connect(past)
    early, exact, late = [await rent(cloud, name) for name in ("early", "exact", "late")]
    past.advance(7000)
    for each in (early, exact, late):
        await cloud.terminate(each.cloud_id)
    await write(ledger, early, seconds=600)
    await write(ledger, exact, seconds=7000, number=1)
    await write(ledger, late, seconds=9000, ending=PodEnding.REAPED, number=2)

    settling = Settling(cloud, ledger, remembered=timedelta(days=3), seldom_seconds=0.0)
    assert sorted(await settling.settle()) == ["early", "late"]
    async with ledger.transaction() as session:
        for each in (early, exact, late):
            row = await session.get_one(PodRecord, each.name)
            assert each.created_at is not None
            assert row.terminated_at is not None
            assert row.cost_usd is not None
            lived = (row.terminated_at - each.created_at).total_seconds()
            assert abs(lived - 7000) < 1
            assert abs(row.cost_usd - each.usd_per_hour * 7000 / 3600) < Decimal("0.0005")
    assert await settling.settle() == []


async def test_what_was_drained_or_may_get_more_rows_is_left_as_it_is(
    ledger: Database, connect: Any, past: Any
) -> None:
    cloud = connect(past)
    drained, there = await rent(cloud, "drained"), await rent(cloud, "there")
    past.advance(600)
    await cloud.terminate(drained.cloud_id)
    await write(ledger, drained, seconds=60, ending=PodEnding.DRAINED)
    await write(ledger, there, seconds=None, number=1)
    fresh = await rent(cloud, "fresh")
    await write(ledger, fresh, seconds=None, number=2)
    async with ledger.transaction() as session:
        row = await session.get_one(PodRecord, "fresh")
        row.terminated_at, row.end_reason = datetime.now(UTC), PodEnding.GONE

    settling = Settling(cloud, ledger, remembered=timedelta(days=3), seldom_seconds=0.0)
    assert await settling.settle() == []
    async with ledger.transaction() as session:
        assert [row.id for row in await pods.all_open(session)] == ["there"]


async def test_a_key_without_the_right_to_see_bills_settles_nothing(
    ledger: Database, connect: Any, past: Any
) -> None:
    cloud = connect(past)
    rented = await rent(cloud, "unseen")
    past.advance(600)
    await cloud.terminate(rented.cloud_id)
    await write(ledger, rented, seconds=60)
    stranger = connect(past, key="rpa_of-somebody-else")
    settling = Settling(stranger, ledger, remembered=timedelta(days=3), seldom_seconds=0.0)
    assert await settling.settle() == []
