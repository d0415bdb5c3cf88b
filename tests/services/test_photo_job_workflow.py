"""What `PhotoJob` decides: it takes commands, closes when idle, and comes back."""

import asyncio
import contextlib
import random
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from uuid import UUID, uuid4

import pytest
from temporalio import activity, workflow
from temporalio.client import (
    Client,
    WorkflowExecutionStatus,
    WorkflowFailureError,
    WorkflowHandle,
)
from temporalio.service import RPCError, RPCStatusCode
from temporalio.testing import TimeSkipper

from rekindle.adapters.temporal import TemporalJobs
from rekindle.contracts import jobs, queues, renders, search
from rekindle.contracts.failures import to_failure
from rekindle.contracts.jobs import AttemptCommand, PhotoJobInput, SelectAttempt
from rekindle.contracts.renders import RenderInput, RenderResult
from rekindle.contracts.statuses import AttemptKind, AttemptStatus, GpuClass
from rekindle.errors import AttemptNotSelectable, WorkflowsUnavailable
from worker.host import workflow_runner
from worker.polling import Worker
from workflows_temporal.photo_job import PhotoJob


@workflow.defn(name=renders.RENDER, sandboxed=False)
class Rendered:
    """Ends as soon as it is told to, so that a job can be seen waiting for it."""

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
    def __init__(self, refused: UUID | None = None) -> None:
        self.made: list[UUID] = []
        self._refused = refused

    @activity.defn(name="select_attempt")
    async def select(self, choice: SelectAttempt) -> None:
        if choice.attempt_id == self._refused:
            raise to_failure(AttemptNotSelectable())
        self.made.append(choice.attempt_id)


@asynccontextmanager
async def working(client: Client, choices: Choices, render: type = Rendered) -> AsyncIterator[None]:
    async with Worker(
        client,
        task_queue=queues.CONTROL,
        workflows=[PhotoJob, render],
        activities=[choices.select],
        workflow_runner=workflow_runner(),
        workflow_failure_exception_types=[Exception],
    ):
        yield


def job() -> PhotoJobInput:
    return PhotoJobInput(job_id=uuid4(), fairness_key="0" * 16)


def command(attempt_id: UUID | None = None) -> AttemptCommand:
    return AttemptCommand(
        attempt_id=attempt_id or uuid4(),
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
    """With more patience than the API has: a busy machine is not a missing worker."""
    return TemporalJobs(client, patience_seconds=60)


async def until_begun(client: Client, attempt_id: UUID) -> None:
    """Wait for the attempt's render: accepted is not yet started."""
    while True:
        try:
            await client.get_workflow_handle(renders.workflow_id(attempt_id)).describe()
            return
        except RPCError as error:
            if error.status is not RPCStatusCode.NOT_FOUND:
                raise
            await asyncio.sleep(0.01)


async def end_render(client: Client, attempt_id: UUID) -> None:
    handle = client.get_workflow_handle(renders.workflow_id(attempt_id))
    while True:
        try:
            await handle.signal("end")
            break
        except RPCError as error:  # accepted, but its render has not been started yet
            if error.status is not RPCStatusCode.NOT_FOUND:
                raise
            await asyncio.sleep(0.01)
    await handle.result()


async def test_the_same_attempt_id_twice_is_one_render(temporal: Client) -> None:
    this, wish = job(), command()
    commands = commands_to(temporal)
    async with working(temporal, Choices()):
        first, second = await asyncio.gather(commands.begin(this, wish), commands.begin(this, wish))
        assert first == second
        await end_render(temporal, wish.attempt_id)
        third = await commands.begin(this, wish)
    assert third == first


async def test_a_render_says_for_operators_what_it_is_and_nothing_of_whom(
    temporal: Client,
) -> None:
    wish = command()
    async with working(temporal, Choices()):
        await commands_to(temporal).begin(job(), wish)
        await end_render(temporal, wish.attempt_id)
    render = temporal.get_workflow_handle(renders.workflow_id(wish.attempt_id))
    told = (await render.describe()).typed_search_attributes
    of_ours = {key.name: value for key, value in told if key.name.startswith("Rekindle")}
    assert of_ours == {
        search.GPU_CLASS.name: "image",
        search.BACKEND.name: "pods",
        search.PAID.name: "no",
    }


async def test_many_commands_at_once_are_all_carried_out(temporal: Client) -> None:
    this, wishes = job(), [command() for _ in range(9)]
    commands = commands_to(temporal)
    async with working(temporal, Choices()):
        await asyncio.gather(*(commands.begin(this, wish) for wish in wishes))
        await asyncio.gather(*(end_render(temporal, wish.attempt_id) for wish in wishes))


async def test_an_idle_job_closes_and_a_command_revives_it(skipping: TimeSkipper) -> None:
    client, this, choices = skipping.client, job(), Choices()
    commands = commands_to(client)
    async with working(client, choices):
        await commands.open(this)
        handle = client.get_workflow_handle(jobs.workflow_id(this.job_id))
        await asyncio.wait_for(handle.result(), 60)
        attempt = uuid4()
        await commands.select(this, attempt)
        assert choices.made == [attempt]


async def test_a_job_does_not_close_while_it_renders(skipping: TimeSkipper) -> None:
    client, this, wish = skipping.client, job(), command()
    commands = commands_to(client)
    async with working(client, Choices()):
        await commands.begin(this, wish)
        handle = client.get_workflow_handle(jobs.workflow_id(this.job_id))
        assert (await handle.describe()).status is WorkflowExecutionStatus.RUNNING
        await end_render(client, wish.attempt_id)
        await asyncio.wait_for(handle.result(), 60)


async def test_a_refused_choice_comes_back_as_its_error(temporal: Client) -> None:
    refused = uuid4()
    async with working(temporal, Choices(refused)):
        with pytest.raises(AttemptNotSelectable):
            await commands_to(temporal).select(job(), refused)


async def canceled(client: Client, attempt_id: UUID) -> WorkflowExecutionStatus | None:
    handle = client.get_workflow_handle(renders.workflow_id(attempt_id))
    with contextlib.suppress(WorkflowFailureError):
        await found(handle)
    return (await handle.describe()).status


async def test_an_attempt_is_cancelled_even_right_after_it_was_accepted(temporal: Client) -> None:
    this, wish, commands = job(), command(), commands_to(temporal)
    async with working(temporal, Choices()):
        await commands.begin(this, wish)
        await commands.cancel(this, wish.attempt_id)
        await commands.cancel(this, wish.attempt_id)
        status = await canceled(temporal, wish.attempt_id)
    assert status is WorkflowExecutionStatus.CANCELED


async def test_an_attempt_of_an_earlier_run_of_the_job_can_be_cancelled(temporal: Client) -> None:
    this, wish, commands = job(), command(), commands_to(temporal)
    async with working(temporal, Choices()):
        await commands.begin(this, wish)
        await until_begun(temporal, wish.attempt_id)
        handle = temporal.get_workflow_handle(jobs.workflow_id(this.job_id))
        await handle.terminate()
        await commands.cancel(this, wish.attempt_id)
        status = await canceled(temporal, wish.attempt_id)
    assert status is WorkflowExecutionStatus.CANCELED


async def test_cancelling_what_has_ended_or_never_was_changes_nothing(temporal: Client) -> None:
    this, wish, commands = job(), command(), commands_to(temporal)
    async with working(temporal, Choices()):
        await commands.begin(this, wish)
        await end_render(temporal, wish.attempt_id)
        await commands.cancel(this, wish.attempt_id)
        await commands.cancel(this, uuid4())
        status = await canceled(temporal, wish.attempt_id)
    assert status is WorkflowExecutionStatus.COMPLETED


async def test_opening_twice_is_one_workflow(temporal: Client) -> None:
    this, commands = job(), commands_to(temporal)
    await commands.open(this)
    await commands.open(this)
    handle = temporal.get_workflow_handle(jobs.workflow_id(this.job_id))
    assert (await handle.describe()).status is WorkflowExecutionStatus.RUNNING


async def test_without_a_worker_the_caller_is_told_to_come_back(temporal: Client) -> None:
    with pytest.raises(WorkflowsUnavailable):
        await TemporalJobs(temporal, patience_seconds=0.3).begin(job(), command())


@workflow.defn(name=renders.RENDER, sandboxed=False)
class RenderedAtOnce:
    @workflow.run
    async def run(self, order: RenderInput) -> RenderResult:
        return RenderResult(attempt_id=order.attempt_id, status=AttemptStatus.SUCCEEDED)


async def test_120_commands_at_the_closing_moment_are_each_carried_out_once(
    temporal: Client,
) -> None:
    """The job closes again and again just when commands arrive."""
    idle = 0.02
    photos = [job().model_copy(update={"idle_seconds": idle}) for _ in range(12)]
    commands, chance = commands_to(temporal), random.Random(7)

    async def closing_time(this: PhotoJobInput) -> float:
        started = time.monotonic()
        await commands.open(this)
        await temporal.get_workflow_handle(jobs.workflow_id(this.job_id)).result()
        return time.monotonic() - started

    async def carried_out(this: PhotoJobInput, closing: float) -> None:
        wish = command()
        await asyncio.sleep(closing * chance.uniform(0.7, 1.5))
        while True:
            try:
                await commands.begin(this, wish)
                break
            except WorkflowsUnavailable:
                continue  # "come back": the same command again
        # A second start of the same attempt is refused by its id, so a result means exactly once.
        handle = temporal.get_workflow_handle(renders.workflow_id(wish.attempt_id))
        assert (await found(handle)).attempt_id == wish.attempt_id

    async def lane(this: PhotoJobInput) -> int:
        closing = await closing_time(this)
        for _ in range(5):
            await asyncio.gather(carried_out(this, closing), carried_out(this, closing))
        counted = await temporal.count_workflows(f"WorkflowId = '{jobs.workflow_id(this.job_id)}'")
        return counted.count

    async with working(temporal, Choices(), RenderedAtOnce):
        runs = await asyncio.gather(*(lane(this) for this in photos))
    assert sum(runs) > 1.5 * len(photos)  # many did close in between


async def found(handle: WorkflowHandle[Any, Any]) -> RenderResult:
    """The result of a render that has been accepted, perhaps not yet started."""
    while True:
        try:
            return RenderResult.model_validate(await handle.result())
        except RPCError as error:
            if error.status is not RPCStatusCode.NOT_FOUND:
                raise
            await asyncio.sleep(0.02)
