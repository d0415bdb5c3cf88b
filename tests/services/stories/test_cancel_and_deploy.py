"""A cancel that comes late, and a deploy, which is none: an attempt ends as its row says."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any
from uuid import uuid4

import pytest
from temporalio import activity
from temporalio.client import Client, WorkflowFailureError, WorkflowHandle
from temporalio.exceptions import CancelledError

from rekindle.contracts import queues, renders
from rekindle.contracts.failures import to_failure
from rekindle.contracts.renders import (
    AdmitAttempt,
    AttachRun,
    CloseAttempt,
    FinishAttempt,
    GraphOutput,
    GraphRun,
    RenderInput,
    RenderResult,
    RunBeat,
)
from rekindle.contracts.statuses import AttemptKind, AttemptStatus, GpuClass, Stage
from rekindle.errors import HandedOver
from worker.host import workflow_runner
from worker.polling import Worker
from workflows_temporal.render import Render

Held = Callable[[], Awaitable[None]]


class Row:
    """The attempt's row, and activities that write it; one of them hangs until it is cancelled.

    A cancelled activity here ends *normally*, as one does whose last step was under way.
    """

    def __init__(self, *, hangs_in: str, times: int = 1, hand_over: bool = False) -> None:
        self.status: AttemptStatus | None = None
        self.called: list[str] = []
        self.hanging = asyncio.Event()
        self._hangs_in, self._times, self._hand_over = hangs_in, times, hand_over

    async def _step(self, name: str) -> None:
        self.called.append(name)
        if name != self._hangs_in or not self._times:
            return
        self._times -= 1
        self.hanging.set()
        try:
            while True:
                activity.heartbeat()
                await asyncio.sleep(0.05)
        except asyncio.CancelledError:
            details = activity.cancellation_details()
            if details is not None and details.worker_shutdown:
                raise

    @activity.defn(name="admit_attempt")
    async def admit(self, admitted: AdmitAttempt) -> None:
        await self._step("admit")
        self.status = self.status or AttemptStatus.QUEUED

    @activity.defn(name="run_graph")
    async def run(self, run: GraphRun) -> GraphOutput:
        if self._hand_over:
            beat = RunBeat(pod_id="p", prompt_id=run.prompt_id, stage=Stage.RENDERING, fraction=0.1)
            raise to_failure(HandedOver(), beat)
        await self._step("run")
        return output(run)

    @activity.defn(name="attach_graph")
    async def attach(self, attach: AttachRun) -> GraphOutput:
        await self._step("attach")
        return output(attach.run)

    @activity.defn(name="finish_attempt")
    async def finish(self, finished: FinishAttempt) -> None:
        await self._step("finish")
        self._end(AttemptStatus.SUCCEEDED)

    @activity.defn(name="close_attempt")
    async def close(self, closed: CloseAttempt) -> AttemptStatus:
        return self._end(closed.status)

    def _end(self, status: AttemptStatus) -> AttemptStatus:
        """As the store does it: the first end stays."""
        self.status = self.status if self.status and self.has_ended else status
        return self.status

    @property
    def has_ended(self) -> bool:
        return self.status is not None and self.status.is_final

    @asynccontextmanager
    async def written(self, client: Client) -> AsyncIterator[None]:
        control = Worker(
            client,
            task_queue=queues.CONTROL,
            workflows=[Render],
            activities=[self.admit, self.attach, self.finish, self.close],
            workflow_runner=workflow_runner(),
            workflow_failure_exception_types=[Exception],
        )
        slots = Worker(client, task_queue=queues.gpu(GpuClass.IMAGE), activities=[self.run])
        async with control, slots:
            yield


def output(run: GraphRun) -> GraphOutput:
    return GraphOutput(
        key=run.output_key, sha256="0" * 64, size_bytes=1, engine_seconds=1.0, pod_id="p"
    )


async def started(client: Client) -> WorkflowHandle[Any, RenderResult]:
    order = RenderInput(
        job_id=uuid4(),
        attempt_id=uuid4(),
        kind=AttemptKind.RESTORE,
        source_key="working.png",
        output_key="master.png",
        stamp="s",
        graph="restore_classic",
        graph_version="1",
        gpu_class=GpuClass.IMAGE,
        parameters={},
        fairness_key="0" * 16,
        deadline_seconds=300,
    )
    return await client.start_workflow(
        Render.run,
        order,
        id=renders.workflow_id(order.attempt_id),
        task_queue=queues.CONTROL,
    )


async def end_of(handle: WorkflowHandle[Any, RenderResult]) -> AttemptStatus:
    """What the workflow says of its end."""
    async with asyncio.timeout(60):
        [outcome] = await asyncio.gather(handle.result(), return_exceptions=True)
    if isinstance(outcome, WorkflowFailureError) and isinstance(outcome.cause, CancelledError):
        return AttemptStatus.CANCELED
    return RenderResult.model_validate(outcome).status


@pytest.mark.parametrize(
    ("hangs_in", "hand_over"), [("run", False), ("attach", True)], ids=["run", "attach"]
)
async def test_a_cancel_is_not_lost_when_the_activity_under_it_ends_normally(
    temporal: Client, hangs_in: str, hand_over: bool
) -> None:
    row = Row(hangs_in=hangs_in, hand_over=hand_over)
    async with row.written(temporal):
        handle = await started(temporal)
        await row.hanging.wait()
        await handle.cancel()
        assert await end_of(handle) is AttemptStatus.CANCELED
    assert row.status is AttemptStatus.CANCELED
    assert "finish" not in row.called


async def test_a_cancel_that_comes_while_the_result_is_recorded_ends_as_the_row_says(
    temporal: Client,
) -> None:
    row = Row(hangs_in="finish")
    async with row.written(temporal):
        handle = await started(temporal)
        await row.hanging.wait()
        await handle.cancel()
        assert await end_of(handle) is AttemptStatus.SUCCEEDED
    assert row.status is AttemptStatus.SUCCEEDED


async def test_a_success_whose_reply_was_lost_stays_one_when_the_attempt_is_cancelled(
    temporal: Client,
) -> None:
    """Recorded, but the process dies before it says so; then the cancel comes."""

    class Dying(Row):
        @activity.defn(name="finish_attempt")
        async def finish(self, finished: FinishAttempt) -> None:
            self._end(AttemptStatus.SUCCEEDED)
            self.hanging.set()
            try:
                while True:
                    activity.heartbeat()
                    await asyncio.sleep(0.05)
            except asyncio.CancelledError:
                raise RuntimeError("as if it had died") from None

    row = Dying(hangs_in="")
    async with row.written(temporal):
        handle = await started(temporal)
        await row.hanging.wait()
        await handle.cancel()
        assert await end_of(handle) is AttemptStatus.SUCCEEDED
    assert row.status is AttemptStatus.SUCCEEDED


@pytest.mark.parametrize("hangs_in", ["admit", "finish"])
async def test_a_deploy_is_not_a_cancel(temporal: Client, hangs_in: str) -> None:
    row = Row(hangs_in=hangs_in)
    async with row.written(temporal):
        handle = await started(temporal)
        await row.hanging.wait()
    assert not row.has_ended
    async with row.written(temporal):
        assert await end_of(handle) is AttemptStatus.SUCCEEDED
    assert row.status is AttemptStatus.SUCCEEDED
    assert row.called.count(hangs_in) == 2
    assert row.called.count("run") == 1
