"""`rekindle schedules` on the real Temporal."""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from temporalio.client import Client, ScheduleActionExecutionStartWorkflow
from temporalio.service import RPCError
from typer.testing import CliRunner, Result

from deploy.cli.main import app
from deploy.embedded.ports import free_port
from deploy.embedded.temporal import EmbeddedTemporal
from rekindle.contracts.fleet import AUTOSCALE_SCHEDULE
from rekindle.contracts.sweep import SWEEP_SCHEDULE

NAMES = [AUTOSCALE_SCHEDULE, SWEEP_SCHEDULE]
Schedules = Callable[..., Awaitable[Result]]


@pytest.fixture
async def schedules(
    temporal: Client,
    temporal_server: EmbeddedTemporal,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> AsyncIterator[Schedules]:
    """Runs a command in an empty folder. What it schedules comes due once a day, and is deleted."""
    monkeypatch.chdir(tmp_path)
    variables = {
        "TEMPORAL_ADDRESS": temporal_server.address.address,
        "AUTOSCALE_SECONDS": "86400",
        "SWEEP_SECONDS": "86400",
        "COLUMNS": "40",
    }

    async def invoke(*arguments: str, **changed: str) -> Result:
        runner = CliRunner(env={**variables, **changed})
        return await asyncio.to_thread(runner.invoke, app, ["schedules", *arguments])

    await removed(temporal)
    yield invoke
    await removed(temporal)


async def removed(temporal: Client) -> None:
    """No schedule of ours is there, and nothing that it ran."""
    for name in NAMES:
        handle = temporal.get_schedule_handle(name)
        with contextlib.suppress(RPCError):  # it is not there
            for run in (await handle.describe()).info.running_actions:
                assert isinstance(run, ScheduleActionExecutionStartWorkflow)
                await temporal.get_workflow_handle(run.workflow_id).terminate()
            await handle.delete()


def both(result: str) -> dict[str, str]:
    return dict.fromkeys(NAMES, result)


async def results(schedules: Schedules, *arguments: str, **changed: str) -> dict[str, str]:
    result = await schedules(*arguments, "--json", **changed)
    assert result.exit_code == 0, result.output
    found = json.loads(result.stdout)["schedules"]
    return {each["name"]: each["result"] for each in found}


async def listed(schedules: Schedules, name: str = AUTOSCALE_SCHEDULE) -> dict[str, Any]:
    result = await schedules("list", "--json")
    assert result.exit_code == 0, result.output
    found = {each["name"]: each for each in json.loads(result.stdout)["schedules"]}
    assert list(found) == NAMES
    return dict(found[name])


async def test_applying_is_idempotent_and_follows_the_settings(schedules: Schedules) -> None:
    assert (await listed(schedules))["applied"] is False
    assert await results(schedules, "apply") == both("created")
    assert await results(schedules, "apply", AUTOSCALE_SCHEDULE) == {
        AUTOSCALE_SCHEDULE: "unchanged"
    }
    assert await results(schedules, "apply", AUTOSCALE_SECONDS="43200") == {
        AUTOSCALE_SCHEDULE: "updated",
        SWEEP_SCHEDULE: "unchanged",
    }
    found = await listed(schedules)
    assert set(found) == {
        *("name", "workflow", "task_queue", "planned_every_seconds", "applied", "every_seconds"),
        *("paused", "note", "runs", "left_out", "running", "last_at", "next_at"),
    }
    assert (found["workflow"], found["task_queue"]) == ("AutoscalePods", "control")
    assert (found["planned_every_seconds"], found["every_seconds"]) == (86_400.0, 43_200.0)
    assert (found["applied"], found["paused"], found["runs"]) == (True, False, 0)


async def test_pausing_and_resuming_leave_a_note(schedules: Schedules) -> None:
    await schedules("apply")
    assert await results(schedules, "pause", "--note", "the vendor is down") == both("paused")
    found = await listed(schedules)
    assert (found["paused"], found["note"]) == (True, "the vendor is down")
    assert "paused (the vendor is down)" in (await schedules("list")).stdout
    assert await results(schedules, "resume") == both("resumed")
    assert (await listed(schedules))["paused"] is False
    await schedules("pause")
    assert (await listed(schedules))["note"] == "paused by an operator"
    assert await results(schedules, "pause", "--resume") == both("resumed")
    assert (await listed(schedules))["paused"] is False


async def test_a_trigger_starts_a_run(schedules: Schedules) -> None:
    await schedules("apply")
    result = await schedules("trigger")
    assert (result.exit_code, result.stdout) == (
        0,
        "autoscale-pods: triggered\nsweep: triggered\n",
    )
    while (found := await listed(schedules))["runs"] < 1:
        await asyncio.sleep(0.1)
    assert found["running"][0].startswith("autoscale-pods-")


async def test_the_sweep_is_scheduled(schedules: Schedules) -> None:
    assert await results(schedules, "apply", SWEEP_SCHEDULE) == {SWEEP_SCHEDULE: "created"}
    found = await listed(schedules, SWEEP_SCHEDULE)
    assert (found["workflow"], found["task_queue"]) == ("Sweep", "control")
    assert (found["planned_every_seconds"], found["every_seconds"]) == (86_400.0, 86_400.0)
    assert (await results(schedules, "trigger", SWEEP_SCHEDULE)) == {SWEEP_SCHEDULE: "triggered"}


@pytest.mark.parametrize("command", ["pause", "resume", "trigger"])
async def test_what_was_never_applied_takes_no_command(schedules: Schedules, command: str) -> None:
    result = await schedules(command, "--json")
    assert result.exit_code == 1
    answer = json.loads(result.stdout)
    assert answer["code"] == "no_such_schedule"
    assert "rekindle schedules apply" in answer["message"]


async def test_an_unknown_name_is_told_the_known_ones(schedules: Schedules) -> None:
    result = await schedules("trigger", "sweeep")
    assert result.exit_code == 1
    assert "autoscale-pods" in result.stderr


async def test_without_temporal_there_is_one_sentence(schedules: Schedules) -> None:
    gone = f"127.0.0.1:{free_port()}"
    result = await schedules("list", "--json", TEMPORAL_ADDRESS=gone)
    assert result.exit_code == 1
    assert json.loads(result.stdout)["code"] == "workflows_unavailable"
