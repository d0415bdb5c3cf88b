"""What `Render` decides, with scripted activities on a real Temporal server."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime
from uuid import uuid4

import pytest
from temporalio import activity
from temporalio.client import Client, WorkflowFailureError
from temporalio.exceptions import CancelledError
from temporalio.testing import TimeSkipper

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
from rekindle.errors import (
    ComfyUnavailable,
    GraphFailed,
    GraphRejected,
    HandedOver,
    NoPod,
    PodGone,
    PromptLost,
    RekindleError,
    ResultUnreadable,
    StorageUnavailable,
)
from worker.host import workflow_runner
from worker.polling import Worker
from workflows_temporal.render import Render


class Script:
    """Activities that do what the test says, one outcome after the other, then succeed."""

    def __init__(
        self,
        *,
        runs: list[RekindleError | Stage | tuple[RekindleError, Stage]] | None = None,
        attaches: list[RekindleError] | None = None,
        finishes: list[RekindleError] | None = None,
    ) -> None:
        self._runs, self._attaches, self._finishes = runs or [], attaches or [], finishes or []
        self.ran: list[tuple[int, int]] = []
        self.began: list[datetime] = []
        self.attached: list[int] = []
        self.finished = 0
        self.closed: list[CloseAttempt] = []

    @activity.defn(name="admit_attempt")
    async def admit(self, admitted: AdmitAttempt) -> None:
        assert admitted.render.fairness_key

    @activity.defn(name="run_graph")
    async def run(self, run: GraphRun) -> GraphOutput:
        priority = activity.info().priority
        self.ran.append((run.try_number, priority.priority_key or 0))
        self.began.append(activity.info().scheduled_time)
        beat = RunBeat(pod_id="p", prompt_id=run.prompt_id, stage=Stage.RENDERING, fraction=0.1)
        match self._runs.pop(0) if self._runs else None:
            case Stage() as stage:
                raise to_failure(HandedOver(), beat.model_copy(update={"stage": stage}))
            case RekindleError() as error:
                raise to_failure(error, beat)
            case (RekindleError() as error, stage):
                raise to_failure(error, beat.model_copy(update={"stage": stage}))
        return output(run)

    @activity.defn(name="attach_graph")
    async def attach(self, attach: AttachRun) -> GraphOutput:
        self.attached.append(attach.run.try_number)
        if self._attaches:
            raise to_failure(self._attaches.pop(0))
        return output(attach.run)

    @activity.defn(name="finish_attempt")
    async def finish(self, finished: FinishAttempt) -> None:
        assert finished.output.key
        self.finished += 1
        if self._finishes:
            raise to_failure(self._finishes.pop(0), retryable=False)

    @activity.defn(name="close_attempt")
    async def close(self, closed: CloseAttempt) -> AttemptStatus:
        self.closed.append(closed)
        return closed.status

    @asynccontextmanager
    async def played(self, client: Client, *, gpu: bool = True) -> AsyncIterator[None]:
        control = Worker(
            client,
            task_queue=queues.CONTROL,
            workflows=[Render],
            activities=[self.admit, self.attach, self.finish, self.close],
            workflow_runner=workflow_runner(),
            workflow_failure_exception_types=[Exception],
        )
        slots = Worker(client, task_queue=queues.gpu(GpuClass.IMAGE), activities=[self.run])
        async with control:
            if not gpu:
                yield
                return
            async with slots:
                yield


def output(run: GraphRun) -> GraphOutput:
    return GraphOutput(
        key=run.output_key, sha256="0" * 64, size_bytes=1, engine_seconds=1.0, pod_id="p"
    )


def order(max_retries: int = 3) -> RenderInput:
    return RenderInput(
        job_id=uuid4(),
        attempt_id=uuid4(),
        kind=AttemptKind.RESTORE,
        source_key="working.png",
        output_key="master.png",
        stamp="s",
        graph="restore_classic",
        graph_version="1",
        gpu_class=GpuClass.IMAGE,
        parameters={"denoise": 0.7},
        fairness_key="0" * 16,
        max_retries=max_retries,
    )


async def rendered(client: Client, script: Script, wanted: RenderInput) -> RenderResult:
    async with script.played(client):
        return await client.execute_workflow(
            Render.run,
            wanted,
            id=renders.workflow_id(wanted.attempt_id),
            task_queue=queues.CONTROL,
        )


async def test_a_graph_that_works_runs_once(temporal: Client) -> None:
    script = Script()
    result = await rendered(temporal, script, order())
    assert result.status is AttemptStatus.SUCCEEDED
    assert script.ran == [(1, renders.Priority.FREE)]
    assert (script.attached, script.finished, script.closed) == ([], 1, [])


async def test_a_permit_without_pod_resubmits_the_same_try(temporal: Client) -> None:
    script = Script(runs=[NoPod(), NoPod()])
    await rendered(temporal, script, order())
    assert [t for t, _ in script.ran] == [1, 1, 1]


async def test_a_prompt_of_a_leaving_worker_is_taken_over_not_run_again(temporal: Client) -> None:
    script = Script(runs=[Stage.RENDERING])
    result = await rendered(temporal, script, order())
    assert result.status is AttemptStatus.SUCCEEDED
    assert [t for t, _ in script.ran] == [1]
    assert script.attached == [1]


async def test_a_leaving_worker_that_had_posted_nothing_resubmits(temporal: Client) -> None:
    script = Script(runs=[Stage.STAGING])
    await rendered(temporal, script, order())
    assert [t for t, _ in script.ran] == [1, 1]
    assert script.attached == []


async def test_a_lost_prompt_is_a_new_try_at_the_highest_priority(temporal: Client) -> None:
    script = Script(runs=[Stage.RENDERING], attaches=[PromptLost()])
    await rendered(temporal, script, order())
    assert script.ran == [(1, renders.Priority.FREE), (2, renders.Priority.LOST_RENDER)]


async def test_a_dead_pod_is_a_new_try(temporal: Client) -> None:
    script = Script(runs=[PodGone()])
    await rendered(temporal, script, order(max_retries=0))
    assert [t for t, _ in script.ran] == [1, 2]


async def test_a_failing_graph_is_tried_as_often_as_allowed_then_recorded(temporal: Client) -> None:
    script = Script(runs=[GraphFailed()] * 10)
    result = await rendered(temporal, script, order(max_retries=2))
    assert (result.status, result.error_code) == (AttemptStatus.FAILED, "graph_failed")
    assert [t for t, _ in script.ran] == [1, 2, 3]
    assert [(c.status, c.error_code) for c in script.closed] == [("failed", "graph_failed")]


async def test_a_failing_graph_is_given_a_pause_before_each_further_try(
    skipping: TimeSkipper,
) -> None:
    script = Script(runs=[GraphFailed()] * 2)
    wanted = order().model_copy(update={"retry_backoff_base": 5.0})
    await rendered(skipping.client, script, wanted)
    first, second, third = script.began
    assert [t for t, _ in script.ran] == [1, 2, 3]
    assert (second - first).total_seconds() >= 5
    assert (third - second).total_seconds() >= 25


async def test_a_pause_that_would_pass_the_deadline_ends_the_attempt_instead(
    skipping: TimeSkipper,
) -> None:
    script = Script(runs=[GraphFailed()] * 9)
    wanted = order().model_copy(update={"retry_backoff_base": 50.0})
    result = await rendered(skipping.client, script, wanted)
    assert (result.status, result.error_code) == (AttemptStatus.FAILED, "graph_failed")
    assert [t for t, _ in script.ran] == [1, 2]


async def test_a_rejected_graph_is_never_repeated(temporal: Client) -> None:
    script = Script(runs=[GraphRejected()])
    result = await rendered(temporal, script, order())
    assert (result.error_code, len(script.ran)) == ("graph_rejected", 1)


async def test_an_unreadable_result_is_rendered_again(temporal: Client) -> None:
    script = Script(finishes=[ResultUnreadable()])
    result = await rendered(temporal, script, order())
    assert result.status is AttemptStatus.SUCCEEDED
    assert [t for t, _ in script.ran] == [1, 2]


async def test_a_photo_store_that_is_away_is_waited_for_without_blaming_the_graph(
    skipping: TimeSkipper,
) -> None:
    away = (StorageUnavailable(), Stage.STAGING)
    script = Script(runs=[away, away, away])
    result = await rendered(skipping.client, script, order(max_retries=0))
    assert result.status is AttemptStatus.SUCCEEDED
    assert [t for t, _ in script.ran] == [1, 1, 1, 1]


async def test_a_photo_store_that_stays_away_ends_the_attempt_at_its_deadline(
    skipping: TimeSkipper,
) -> None:
    script = Script(runs=[(StorageUnavailable(), Stage.STAGING)] * 20)
    wanted = order().model_copy(update={"deadline_seconds": 30})
    result = await rendered(skipping.client, script, wanted)
    assert (result.status, result.error_code) == (AttemptStatus.FAILED, "storage_unavailable")
    assert 5 <= len(script.ran) <= 6


@pytest.mark.parametrize("error", [StorageUnavailable(), ComfyUnavailable()])
async def test_a_result_that_could_not_be_stored_is_fetched_again_not_rendered_again(
    temporal: Client, error: RekindleError
) -> None:
    script = Script(runs=[(error, Stage.FINALIZING)])
    result = await rendered(temporal, script, order(max_retries=0))
    assert result.status is AttemptStatus.SUCCEEDED
    assert ([t for t, _ in script.ran], script.attached) == ([1], [1])


async def test_a_stored_master_is_never_rendered_again_when_its_preview_cannot_be_stored(
    temporal: Client,
) -> None:
    script = Script(finishes=[StorageUnavailable()])
    result = await rendered(temporal, script, order())
    assert (result.status, result.error_code) == (AttemptStatus.FAILED, "storage_unavailable")
    assert [t for t, _ in script.ran] == [1]


async def test_without_any_gpu_the_attempt_fails_at_its_deadline(temporal: Client) -> None:
    script, wanted = Script(), order().model_copy(update={"deadline_seconds": 0.3})
    async with script.played(temporal, gpu=False):
        result = await temporal.execute_workflow(
            Render.run,
            wanted,
            id=renders.workflow_id(wanted.attempt_id),
            task_queue=queues.CONTROL,
        )
    assert (result.status, result.error_code) == (AttemptStatus.FAILED, "no_capacity")
    assert [c.error_code for c in script.closed] == ["no_capacity"]


async def test_a_cancelled_attempt_is_recorded_as_canceled(temporal: Client) -> None:
    script, wanted = Script(), order()
    async with script.played(temporal, gpu=False):
        handle = await temporal.start_workflow(
            Render.run,
            wanted,
            id=renders.workflow_id(wanted.attempt_id),
            task_queue=queues.CONTROL,
        )
        await handle.cancel()
        with pytest.raises(WorkflowFailureError) as failure:
            await asyncio.wait_for(handle.result(), 10)
    assert isinstance(failure.value.cause, CancelledError)
    assert [c.status for c in script.closed] == [AttemptStatus.CANCELED]


async def test_histories_stay_small(temporal: Client) -> None:
    wanted = order()
    await rendered(temporal, Script(), wanted)
    handle = temporal.get_workflow_handle(renders.workflow_id(wanted.attempt_id))
    history = await handle.fetch_history()
    assert len(history.events) <= 25
    assert sum(e.ByteSize() for e in history.events) < 16 * 1024
