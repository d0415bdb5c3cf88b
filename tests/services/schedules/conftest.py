"""Schedules on the real Temporal, each under a name of its own, and a workflow they can run."""

from collections.abc import AsyncIterator
from uuid import uuid4

import pytest
from temporalio import workflow
from temporalio.client import Client
from temporalio.service import RPCError
from temporalio.worker import UnsandboxedWorkflowRunner

from rekindle.adapters.schedules import TemporalSchedules
from rekindle.ports.schedules import PlannedSchedule
from worker.polling import Worker


@workflow.defn(name="Tick")
class Tick:
    """Does nothing until it is told to end."""

    def __init__(self) -> None:
        self._over = False

    @workflow.run
    async def run(self) -> None:
        await workflow.wait_condition(lambda: self._over)

    @workflow.signal
    def end(self) -> None:
        self._over = True


@pytest.fixture
async def planned(temporal: Client) -> AsyncIterator[PlannedSchedule]:
    """A schedule that comes due once a day: nothing runs by itself during a test."""
    name = f"tick-{uuid4()}"
    yield PlannedSchedule(name=name, workflow="Tick", task_queue=name, every_seconds=86_400.0)
    try:
        await temporal.get_schedule_handle(name).delete()
    except RPCError:
        return  # it was never applied


@pytest.fixture
def schedules(temporal: Client, planned: PlannedSchedule) -> TemporalSchedules:
    return TemporalSchedules(temporal, [planned])


@pytest.fixture
async def ticking(temporal: Client, planned: PlannedSchedule) -> AsyncIterator[None]:
    """A worker that runs what is scheduled."""
    async with Worker(
        temporal,
        task_queue=planned.task_queue,
        workflows=[Tick],
        workflow_runner=UnsandboxedWorkflowRunner(),
    ):
        yield
