"""A job whose history has become long goes on in a new run, whatever is under way."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from typing import Any
from uuid import UUID, uuid4

import pytest
from temporalio import activity, workflow
from temporalio.client import Client, WorkflowExecutionStatus, WorkflowHandle
from temporalio.contrib.pydantic import pydantic_data_converter
from temporalio.exceptions import CancelledError
from temporalio.service import RPCError

from deploy.embedded.temporal import EmbeddedTemporal
from rekindle.adapters.temporal import TemporalJobs
from rekindle.contracts import jobs, queues, renders, search
from rekindle.contracts.jobs import AttemptCommand, PhotoJobInput, SelectAttempt
from rekindle.contracts.renders import RenderInput, RenderResult
from rekindle.contracts.statuses import AttemptKind, AttemptStatus, GpuClass
from worker.host import workflow_runner
from worker.polling import Worker
from workflows_temporal.photo_job import PhotoJob

LONG = 25
"""Events after which the server calls a history long; 4,096 otherwise."""


@pytest.fixture(scope="module")
def impatient_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedTemporal]:
    with EmbeddedTemporal(
        tmp_path_factory.mktemp("temporal"),
        search_attributes=dict.fromkeys(search.KEYWORDS, "Keyword"),
        time_skipping=True,
        dynamic_config={"limit.historyCount.suggestContinueAsNew": str(LONG)},
    ) as server:
        yield server


@pytest.fixture
async def impatient(impatient_server: EmbeddedTemporal) -> Client:
    address = impatient_server.address.address
    return await Client.connect(address, data_converter=pydantic_data_converter)


@workflow.defn(name=renders.RENDER, sandboxed=False)
class HeldRender:
    """Under way until it is told to end."""

    def __init__(self) -> None:
        self._done = False

    @workflow.run
    async def run(self, order: RenderInput) -> RenderResult:
        await workflow.wait_condition(lambda: self._done)
        return RenderResult(attempt_id=order.attempt_id, status=AttemptStatus.SUCCEEDED)

    @workflow.signal
    def end(self) -> None:
        self._done = True


class Choices:
    """Where `select` hangs for as long as the test likes."""

    def __init__(self) -> None:
        self.begun, self.go = asyncio.Event(), asyncio.Event()

    @activity.defn(name="select_attempt")
    async def select(self, choice: SelectAttempt) -> None:
        self.begun.set()
        await self.go.wait()


@asynccontextmanager
async def working(client: Client, choices: Choices | None = None) -> AsyncIterator[None]:
    async with Worker(
        client,
        task_queue=queues.CONTROL,
        workflows=[PhotoJob, HeldRender],
        activities=[(choices or Choices()).select],
        workflow_runner=workflow_runner(),
        workflow_failure_exception_types=[Exception],
    ):
        yield


def photo() -> PhotoJobInput:
    return PhotoJobInput(job_id=uuid4(), fairness_key="0" * 16)


def wish() -> AttemptCommand:
    return AttemptCommand(
        attempt_id=uuid4(),
        kind=AttemptKind.RESTORE,
        source_key="working.png",
        graph="restore_classic",
        graph_version="1",
        gpu_class=GpuClass.IMAGE,
        parameters={},
        max_retries=0,
        deadline_seconds=300,
    )


def commands_to(client: Client) -> TemporalJobs:
    return TemporalJobs(client, patience_seconds=60)


def render_of(client: Client, attempt_id: UUID) -> WorkflowHandle[Any, Any]:
    return client.get_workflow_handle(renders.workflow_id(attempt_id))


async def runs_of(client: Client, job: PhotoJobInput, status: str) -> int:
    mine = f"WorkflowId = '{jobs.workflow_id(job.job_id)}' and ExecutionStatus = '{status}'"
    return (await client.count_workflows(mine)).count


async def until_new_run(client: Client, job: PhotoJobInput) -> None:
    async with asyncio.timeout(60):
        while not await runs_of(client, job, "ContinuedAsNew"):
            await asyncio.sleep(0.02)


async def accepted_until_long(client: Client, job: PhotoJobInput) -> list[UUID]:
    """Attempts accepted one after the other until the job has gone on in a new run."""
    made: list[UUID] = []
    async with asyncio.timeout(60):
        while not await runs_of(client, job, "ContinuedAsNew"):
            command = wish()
            await commands_to(client).begin(job, command)
            made.append(command.attempt_id)
    return made


async def test_renders_under_way_outlive_the_run_that_started_them(impatient: Client) -> None:
    job = photo()
    async with working(impatient):
        attempts = await accepted_until_long(impatient, job)
        for attempt_id in attempts:
            handle = render_of(impatient, attempt_id)
            async with asyncio.timeout(60):
                while not await is_running(handle):
                    await asyncio.sleep(0.02)
            await handle.signal("end")
            result = RenderResult.model_validate(await handle.result())
            assert result.status is AttemptStatus.SUCCEEDED
    assert await runs_of(impatient, job, "Failed") == 0


async def is_running(handle: WorkflowHandle[Any, Any]) -> bool:
    try:
        return (await handle.describe()).status is WorkflowExecutionStatus.RUNNING
    except RPCError:  # accepted, and about to be started
        return False


async def test_the_new_run_cancels_what_the_old_one_had_started(impatient: Client) -> None:
    job = photo()
    async with working(impatient):
        first = (await accepted_until_long(impatient, job))[0]
        await commands_to(impatient).cancel(job, first)
        with pytest.raises(Exception, match="execution failed") as failure:
            await render_of(impatient, first).result()
    assert isinstance(failure.value.__cause__, CancelledError)


async def test_an_attempt_that_the_old_run_had_accepted_is_not_started_again(
    impatient: Client,
) -> None:
    job, command = photo(), wish()
    commands = commands_to(impatient)
    async with working(impatient):
        await commands.begin(job, command)
        await accepted_until_long(impatient, job)
        await commands.begin(job, command)
        await commands.cancel(job, uuid4())  # a round through the loop
        mine = f"WorkflowId = '{renders.workflow_id(command.attempt_id)}'"
        assert (await impatient.count_workflows(mine)).count == 1


async def test_a_command_in_the_middle_of_its_work_keeps_the_run_open_until_it_is_answered(
    impatient: Client,
) -> None:
    job, choices = photo(), Choices()
    commands = commands_to(impatient)
    async with working(impatient, choices):
        await commands.open(job)
        select = asyncio.create_task(commands.select(job, uuid4()))
        await choices.begun.wait()
        for _ in range(6):
            await commands.begin(job, wish())
        history = await impatient.get_workflow_handle(jobs.workflow_id(job.job_id)).fetch_history()
        assert len(history.events) > LONG
        assert await runs_of(impatient, job, "ContinuedAsNew") == 0
        choices.go.set()
        await select  # answered, not lost with the run
        await until_new_run(impatient, job)


async def test_commands_that_start_nothing_lead_to_a_new_run_as_well(impatient: Client) -> None:
    job, choices = photo(), Choices()
    choices.go.set()
    async with working(impatient, choices):
        async with asyncio.timeout(60):
            while not await runs_of(impatient, job, "ContinuedAsNew"):
                await TemporalJobs(impatient).select(job, uuid4())
