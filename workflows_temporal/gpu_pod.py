"""The whole life of one pod: launch, ready, serve, drain, terminate."""

import asyncio
import contextlib
import sys
from datetime import timedelta
from typing import Any, TypeVar

from temporalio import workflow
from temporalio.common import RetryPolicy
from temporalio.exceptions import ActivityError, ApplicationError

with workflow.unsafe.imports_passed_through():
    from activities.pods import PodActivities
    from rekindle.contracts import queues, search
    from rekindle.contracts.pods import DRAIN, GPU_POD, EndPod, GpuPodInput, Pod, PodEnding
    from rekindle.errors import CapacityError, CloudRefused, NoGpuStock, PodGone, PodNotReady
    from workflows_temporal import policies

_WAIT = workflow.ActivityCancellationType.WAIT_CANCELLATION_COMPLETED
_AGAIN = timedelta(seconds=30)
_LAUNCH = RetryPolicy(
    maximum_interval=_AGAIN,
    # Nothing was rented, and the autoscaler asks again as long as somebody needs it.
    non_retryable_error_types=[CapacityError.code, NoGpuStock.code, CloudRefused.code],
)
_READY = RetryPolicy(maximum_interval=_AGAIN, non_retryable_error_types=[PodNotReady.code])
_SERVE = RetryPolicy(
    initial_interval=timedelta(milliseconds=100),
    maximum_interval=timedelta(seconds=5),
    non_retryable_error_types=[PodGone.code],
)
_Result = TypeVar("_Result")


class _Drained(Exception):
    """It was asked to drain before it could serve."""


@workflow.defn(name=GPU_POD)
class GpuPod:
    """Owns pod `number` of a class. A pod exists only inside its owner.

    Cancelling it, like the signal `drain`, lets running prompts finish and then returns the
    machine; it is never ended by a time-out of its own, which would skip that.
    """

    def __init__(self) -> None:
        """Start undrained."""
        self._draining = False
        self._ending = PodEnding.FAILED

    @workflow.run
    async def run(self, wanted: GpuPodInput) -> PodEnding:
        """Live one pod's life, whatever ends it.

        Returns:
            Why it ended. One that could not be had or did not become ready fails instead.
        """
        try:
            with contextlib.suppress(_Drained):
                await self._live(wanted)
        finally:
            # Where a process ends, what it had of this run is garbage, and must not act any more.
            if not isinstance(sys.exception(), GeneratorExit):
                self._tell("returning", f"because it is {self._ending}")
                await _undisturbed(asyncio.create_task(self._terminate(wanted)))
        self._tell("ended", f"because it was {self._ending}")
        return self._ending

    @workflow.signal(name=DRAIN)
    def drain(self) -> None:
        """Take no new prompt, let the running ones finish, then return the machine."""
        self._draining = True

    async def _live(self, wanted: GpuPodInput) -> None:
        self._tell("launching")
        self._ending = PodEnding.NOT_RENTED
        pod = await self._unless_drained(self._launch(wanted))
        if pod.boot_seconds is not None:
            self._tell("booting", f"`{pod.pod_id}`", pod)
            self._ending = PodEnding.NOT_READY
            pod = await self._unless_drained(self._ready(pod))
        self._tell("serving", f"`{pod.pod_id}` on {pod.machine or 'a fixed server'}", pod)
        self._ending = PodEnding.FAILED
        await self._serve(pod)

    def _launch(self, wanted: GpuPodInput) -> "workflow.ActivityHandle[Pod]":
        return workflow.start_activity_method(
            PodActivities.launch_pod,
            wanted,
            task_queue=queues.PODS,
            start_to_close_timeout=timedelta(minutes=5),
            heartbeat_timeout=policies.HEARTBEAT,
            retry_policy=_LAUNCH,
            cancellation_type=_WAIT,
            summary=f"launch {wanted.gpu_class} pod {wanted.number}",
        )

    def _ready(self, pod: Pod) -> "workflow.ActivityHandle[Pod]":
        return workflow.start_activity_method(
            PodActivities.ready_pod,
            pod,
            task_queue=queues.PODS,
            schedule_to_close_timeout=timedelta(seconds=pod.boot_seconds or 0),
            heartbeat_timeout=policies.HEARTBEAT,
            retry_policy=_READY,
            cancellation_type=_WAIT,
            summary=f"boot {pod.pod_id}, check packs, warm up",
        )

    async def _serve(self, pod: Pod) -> None:
        serving = workflow.start_activity_method(
            PodActivities.serve_pod,
            pod,
            task_queue=queues.PODS,
            start_to_close_timeout=timedelta(days=30),
            heartbeat_timeout=policies.HEARTBEAT,
            retry_policy=_SERVE,
            cancellation_type=_WAIT,
            summary=f"serve {pod.pod_id}",
        )
        try:
            self._ending = await self._unless_drained(serving, self._left(pod))
        except _Drained:
            self._ending = PodEnding.DRAINED
        except TimeoutError:
            self._ending = PodEnding.AGED
        except ActivityError as failure:
            if not _went_away(failure):
                raise
            self._ending = PodEnding.GONE

    def _left(self, pod: Pod) -> timedelta | None:
        """How long the pod may serve."""
        if pod.age_seconds is None:
            return None
        age = workflow.now() - workflow.info().start_time
        return max(timedelta(seconds=pod.age_seconds) - age, timedelta(0))

    async def _unless_drained(
        self, step: "workflow.ActivityHandle[_Result]", limit: timedelta | None = None
    ) -> _Result:
        """Wait for a step; when asked to drain, or after `limit`, stop it orderly.

        Raises:
            _Drained: it was asked to.
            TimeoutError: the limit is over.
        """
        aged = False
        try:
            await workflow.wait_condition(
                lambda: self._draining or step.done(),
                timeout=limit,
                timeout_summary="until it is too old",
            )
        except TimeoutError:
            aged = True
        except asyncio.CancelledError:
            self._draining = True
        if not step.done():
            step.cancel()
            # It may end by itself meanwhile, well or badly: it is over either way.
            with contextlib.suppress(ActivityError, asyncio.CancelledError):
                await _undisturbed(step)
            raise TimeoutError if aged else _Drained
        return await step

    async def _terminate(self, wanted: GpuPodInput) -> None:
        await workflow.execute_activity_method(
            PodActivities.terminate_pod,
            EndPod(gpu_class=wanted.gpu_class, number=wanted.number, ending=self._ending),
            task_queue=queues.PODS,
            start_to_close_timeout=timedelta(minutes=5),
            heartbeat_timeout=policies.HEARTBEAT,
            retry_policy=RetryPolicy(maximum_interval=_AGAIN),
            summary=f"return {wanted.gpu_class} pod {wanted.number}",
        )

    def _tell(self, stage: str, story: str = "", pod: Pod | None = None) -> None:
        workflow.set_current_details(f"**{stage}** {story}".strip())
        named = [search.POD.value_set(pod.pod_id)] if pod else []
        workflow.upsert_search_attributes([search.STAGE.value_set(stage), *named])


async def _undisturbed(step: asyncio.Task[_Result]) -> _Result:
    """What a step comes to. A cancel that arrives meanwhile says nothing that is not done already.

    A pod that drains would lose its prompt by it, and one that is being returned its owner.
    """
    while not step.done():
        with contextlib.suppress(asyncio.CancelledError):
            await asyncio.shield(step)
    return step.result()


def _went_away(failure: BaseException) -> bool:
    cause: Any = failure.cause if isinstance(failure, ActivityError) else None
    return isinstance(cause, ApplicationError) and cause.type == PodGone.code
