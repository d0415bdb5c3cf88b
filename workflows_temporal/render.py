"""One attempt, from admission to its recorded end."""

import asyncio
import contextlib
from datetime import timedelta

from temporalio import workflow
from temporalio.common import Priority as TaskPriority
from temporalio.exceptions import (
    ActivityError,
    ApplicationError,
    TimeoutError,
    TimeoutType,
    is_cancelled_exception,
)

with workflow.unsafe.imports_passed_through():
    from activities.attempts import AttemptActivities
    from activities.graphs import GraphActivities, SlotActivities
    from rekindle.contracts import queues
    from rekindle.contracts.failures import from_failure
    from rekindle.contracts.renders import (
        RENDER,
        AdmitAttempt,
        AttachRun,
        CloseAttempt,
        FinishAttempt,
        GraphOutput,
        GraphRun,
        Priority,
        RenderInput,
        RenderResult,
        RunBeat,
    )
    from rekindle.contracts.statuses import AttemptStatus, Stage
    from rekindle.errors import (
        CapacityError,
        ComfyUnavailable,
        DeadlineExceeded,
        GraphFailed,
        HandedOver,
        NoPod,
        RekindleError,
        StorageUnavailable,
    )
    from rekindle.rules.retries import Step, Tally, after_error, pause_before_retry
    from workflows_temporal import policies

_WAIT = workflow.ActivityCancellationType.WAIT_CANCELLATION_COMPLETED


@workflow.defn(name=RENDER)
class Render:
    """Runs an attempt's graph on some GPU, makes its derivatives, records how it ended.

    The work is repeated only where nothing was begun, or a try is definitely over; a prompt whose
    worker died is taken over instead.
    """

    @workflow.init
    def __init__(self, order: RenderInput) -> None:
        """Note the order."""
        self._order = order
        self._try = 1
        self._tally = Tally()
        self._avoid: tuple[str, ...] = ()
        self._broken: RekindleError | None = None
        self._ends_at = workflow.now() + timedelta(seconds=order.deadline_seconds)

    @workflow.run
    async def run(self, order: RenderInput) -> RenderResult:
        """Carry the attempt through; always ends with a recorded status."""
        del order  # noted by __init__
        self._admit()
        try:
            await self._succeed()
            return await self._ended(AttemptStatus.SUCCEEDED)
        except RekindleError as error:
            return await self._ended(AttemptStatus.FAILED, error)
        except (ActivityError, asyncio.CancelledError) as failure:
            if not is_cancelled_exception(failure):
                return await self._ended(AttemptStatus.FAILED, _meaning(failure))
            # Shielded: the row must say so although this run is being cancelled.
            result = await asyncio.shield(self._ended(AttemptStatus.CANCELED))
            if result.status is AttemptStatus.SUCCEEDED:
                return result  # it had been recorded just before
            raise

    def _admit(self) -> None:
        """Have the attempt recorded while it is already on its way to a GPU."""
        self._tell(Stage.QUEUED)
        self._admitted = workflow.start_activity_method(
            AttemptActivities.admit_attempt,
            AdmitAttempt(render=self._order),
            summary="record and ask for a GPU",
            **policies.RECORD,
        )

    async def _recorded(self) -> None:
        """Wait until the attempt has its row, or cannot have one; no cancel interrupts that."""
        with contextlib.suppress(ActivityError):
            await asyncio.shield(self._admitted)

    async def _succeed(self) -> None:
        """Try until the derivatives of a readable master are recorded."""
        while True:
            output = await self._master()
            await self._recorded()
            try:
                return await self._finish(output)
            except ActivityError as failure:
                error = _meaning(failure)
                if not isinstance(error, GraphFailed):
                    raise error from failure  # the master is stored: never render it again
                await self._prepare_next(error, output.machine)

    async def _master(self) -> GraphOutput:
        """Run the graph until its master is stored."""
        while True:
            try:
                return await self._run_or_take_over(self._graph_run())
            except ActivityError as failure:
                await self._prepare_next(_meaning(failure), _machine(failure))

    async def _run_or_take_over(self, run: GraphRun) -> GraphOutput:
        try:
            return await self._on_gpu(run)
        except ActivityError as failure:
            beat = _left_behind(failure)
            if beat is None:
                raise
            return await self._attach(run, beat)

    async def _prepare_next(self, error: RekindleError, machine: str | None) -> None:
        """Decide what follows an error; raise it when the attempt is over.

        Args:
            machine: on which it happened; a further try goes elsewhere.
        """
        before, order = self._tally, self._order
        step, self._tally = after_error(error, before, max_retries=order.max_retries)
        pause = (
            policies.AWAY
            if step is Step.WAIT
            else timedelta(
                seconds=pause_before_retry(before, self._tally, base=order.retry_backoff_base)
            )
        )
        if step is Step.FAIL or workflow.now() + pause >= self._ends_at:
            # Who only waited for another machine is told why the first one would not do.
            raise self._broken or error if isinstance(error, CapacityError) else error
        if step is Step.NEW_TRY:
            self._try += 1
            self._broken = error
            if machine is not None and machine not in self._avoid:
                self._avoid += (machine,)
        if pause:
            await workflow.sleep(pause, summary=f"wait: {error.code}")

    async def _on_gpu(self, run: GraphRun) -> GraphOutput:
        self._tell(Stage.RENDERING)
        left = self._ends_at - workflow.now()
        if left <= timedelta(0):
            raise CapacityError
        output = await workflow.execute_activity_method(
            SlotActivities.run_graph,
            run,
            task_queue=queues.gpu(self._order.gpu_class),
            schedule_to_start_timeout=left,
            schedule_to_close_timeout=left + timedelta(seconds=1),
            heartbeat_timeout=policies.HEARTBEAT,
            retry_policy=policies.ONCE,
            cancellation_type=_WAIT,
            priority=self._priority(),
            summary=f"{run.graph} on {self._order.gpu_class}, try {run.try_number}",
        )
        _stop_if_cancelled()
        return output

    async def _attach(self, run: GraphRun, beat: RunBeat) -> GraphOutput:
        left = max(self._ends_at - workflow.now(), timedelta(seconds=30))
        output = await workflow.execute_activity_method(
            GraphActivities.attach_graph,
            AttachRun(run=run, beat=beat),
            schedule_to_close_timeout=left,
            cancellation_type=_WAIT,
            summary=f"take over prompt on {beat.pod_id}",
            **policies.ATTACH,
        )
        _stop_if_cancelled()
        return output

    async def _finish(self, output: GraphOutput) -> None:
        self._tell(Stage.FINALIZING)
        await workflow.execute_activity_method(
            AttemptActivities.finish_attempt,
            FinishAttempt(render=self._order, output=output),
            cancellation_type=_WAIT,
            summary="preview, thumbnail, record",
            **policies.DERIVE,
        )

    async def _ended(
        self, status: AttemptStatus, error: RekindleError | None = None
    ) -> RenderResult:
        """The end of this attempt; the row is the judge of which it is."""
        code = error.code if error else None
        await self._recorded()
        if status is not AttemptStatus.SUCCEEDED:
            recorded = await workflow.execute_activity_method(
                AttemptActivities.close_attempt,
                CloseAttempt(attempt_id=self._order.attempt_id, status=status, error_code=code),
                summary=f"record {status}",
                **policies.RECORD,
            )
            if recorded is not status:
                status, code = recorded, None
        workflow.set_current_details(f"**{status}** {code or ''}".strip())
        return RenderResult(attempt_id=self._order.attempt_id, status=status, error_code=code)

    def _graph_run(self) -> GraphRun:
        order, info = self._order, workflow.info()
        return GraphRun(
            job_id=order.job_id,
            attempt_id=order.attempt_id,
            try_number=self._try,
            graph=order.graph,
            graph_version=order.graph_version,
            parameters=order.parameters,
            source_key=order.source_key,
            output_key=order.output_key,
            avoid=self._avoid,
            resumed=info.run_id != info.first_execution_run_id,
        )

    def _priority(self) -> TaskPriority:
        lost = self._tally.losses or self._tally.moves
        key = Priority.LOST_RENDER if lost else self._order.priority
        return TaskPriority(priority_key=key, fairness_key=self._order.fairness_key)

    def _tell(self, stage: Stage) -> None:
        workflow.set_current_details(
            f"**{stage}** {self._order.kind} · `{self._order.graph}` · try {self._try}"
        )


def _stop_if_cancelled() -> None:
    """An activity that ends normally under a pending cancel would swallow it."""
    if workflow.cancellation_reason() is not None:
        raise asyncio.CancelledError


def _meaning(failure: BaseException) -> RekindleError:
    """The error of ours behind a failed activity."""
    match failure.__cause__:
        case ApplicationError() as known:
            return from_failure(known)
        case TimeoutError(type=TimeoutType.SCHEDULE_TO_START):
            return CapacityError()
        case TimeoutError(type=TimeoutType.HEARTBEAT):
            return NoPod("its process died before it had begun")
        case TimeoutError():
            return DeadlineExceeded()
        case _:
            raise asyncio.CancelledError from failure


_FINDABLE = (HandedOver.code, StorageUnavailable.code, ComfyUnavailable.code)
"""Errors of a run whose prompt, once posted, can be found again."""


def _left_behind(failure: ActivityError) -> RunBeat | None:
    """Where the work was left, if its prompt may be there and has not failed by itself."""
    match failure.cause:
        case TimeoutError(type=TimeoutType.HEARTBEAT) as timeout if timeout.last_heartbeat_details:
            # Beats are throttled: the process may have been further than the last one says.
            return RunBeat.model_validate(timeout.last_heartbeat_details[0])
        case ApplicationError(type=code) as left if code in _FINDABLE and left.details:
            beat = RunBeat.model_validate(left.details[0])
            return None if beat.stage is Stage.STAGING else beat
        case _:
            return None


def _machine(failure: ActivityError) -> str | None:
    """The machine that a run was on, as its last beat tells."""
    match failure.cause:
        case ApplicationError(details=[beat, *_]):
            return RunBeat.model_validate(beat).machine
        case TimeoutError(last_heartbeat_details=[beat, *_]):
            return RunBeat.model_validate(beat).machine
        case _:
            return None
