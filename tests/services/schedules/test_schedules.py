"""Schedules on the real Temporal."""

import asyncio
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest
from temporalio.client import Client, ScheduleOverlapPolicy

from deploy.embedded.ports import free_port
from rekindle.adapters.schedules import TemporalSchedules
from rekindle.adapters.schedules import planned as planned_by
from rekindle.adapters.temporal import connect
from rekindle.errors import WorkflowsUnavailable
from rekindle.ports.schedules import Applied, PlannedSchedule, ScheduleStatus
from rekindle.settings import Settings


async def until(
    schedules: TemporalSchedules, name: str, holds: Callable[[ScheduleStatus], bool]
) -> ScheduleStatus:
    """The schedule once something holds; its own state follows commands a moment later."""
    while True:
        status = await schedules.status(name)
        assert status is not None
        if holds(status):
            return status
        await asyncio.sleep(0.05)


async def test_applying_makes_the_schedule_and_applying_again_changes_nothing(
    schedules: TemporalSchedules, planned: PlannedSchedule, temporal: Client
) -> None:
    assert await schedules.status(planned.name) is None
    assert await schedules.apply(planned) is Applied.CREATED
    assert await schedules.apply(planned) is Applied.UNCHANGED
    status = await schedules.status(planned.name)
    assert status is not None
    assert (status.workflow, status.task_queue) == ("Tick", planned.task_queue)
    assert (status.every_seconds, status.paused, status.runs) == (86_400.0, False, 0)
    assert status.next_at is not None
    found = await temporal.get_schedule_handle(planned.name).describe()
    policy = found.schedule.policy
    assert policy.overlap is ScheduleOverlapPolicy.SKIP
    assert policy.catchup_window == timedelta(minutes=1)


async def test_applying_at_once_from_several_processes_makes_one_schedule(
    schedules: TemporalSchedules, planned: PlannedSchedule
) -> None:
    applied = await asyncio.gather(*(schedules.apply(planned) for _ in range(5)))
    assert sorted(applied) == [Applied.CREATED, *[Applied.UNCHANGED] * 4]


async def test_a_changed_plan_is_applied_and_a_paused_schedule_stays_paused(
    schedules: TemporalSchedules, planned: PlannedSchedule
) -> None:
    await schedules.apply(planned)
    assert await schedules.pause(planned.name, "the vendor is down")
    faster = replace(planned, every_seconds=43_200.0)
    assert await schedules.apply(faster) is Applied.UPDATED
    assert await schedules.apply(faster) is Applied.UNCHANGED
    status = await schedules.status(planned.name)
    assert status is not None
    assert (status.every_seconds, status.paused) == (43_200.0, True)
    assert status.note == "the vendor is down"
    assert await schedules.resume(planned.name, "it is back")
    status = await schedules.status(planned.name)
    assert status is not None
    assert (status.paused, status.note) == (False, "it is back")


@pytest.mark.usefixtures("ticking")
async def test_a_trigger_runs_it_now_but_never_beside_a_run(
    schedules: TemporalSchedules, planned: PlannedSchedule, temporal: Client
) -> None:
    await schedules.apply(planned)
    await schedules.pause(planned.name, "")
    assert await schedules.trigger(planned.name)
    first = await until(schedules, planned.name, lambda status: status.runs == 1)
    (running,) = first.running
    assert running.startswith(f"{planned.name}-")
    assert first.last_at is not None
    assert await schedules.trigger(planned.name)
    again = await until(schedules, planned.name, lambda status: status.left_out == 1)
    assert (again.runs, again.running) == (1, first.running)
    handle = temporal.get_workflow_handle(running)
    await handle.signal("end")
    await handle.result()
    await until(schedules, planned.name, lambda status: not status.running)


@pytest.mark.usefixtures("ticking")
async def test_it_runs_by_the_clock(schedules: TemporalSchedules, planned: PlannedSchedule) -> None:
    await schedules.apply(replace(planned, every_seconds=1.0))
    status = await until(schedules, planned.name, lambda status: status.runs == 1)
    assert status.running[0].startswith(f"{planned.name}-")


async def test_what_is_not_there_takes_no_command(schedules: TemporalSchedules) -> None:
    assert not await schedules.pause("no-such-schedule", "why")
    assert not await schedules.resume("no-such-schedule", "why")
    assert not await schedules.trigger("no-such-schedule")
    assert await schedules.status("no-such-schedule") is None


async def test_without_temporal_it_is_said_so() -> None:
    client = await connect(f"127.0.0.1:{free_port()}", "default", lazy=True)
    plans = planned_by(Settings.model_construct())
    with pytest.raises(WorkflowsUnavailable):
        await TemporalSchedules(client, plans).apply(plans[0])


def test_the_fleet_is_looked_at_as_often_as_the_settings_say() -> None:
    autoscaling, sweeping = planned_by(
        Settings.model_construct(autoscale_seconds=12.5, sweep_seconds=7.5)
    )
    assert (sweeping.name, sweeping.every_seconds) == ("sweep", 7.5)
    assert autoscaling == PlannedSchedule("autoscale-pods", "AutoscalePods", "control", 12.5)
