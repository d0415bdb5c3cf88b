"""The whole life of one pod: launch, serve, drain, terminate."""

import asyncio
from datetime import timedelta

from temporalio import workflow
from temporalio.common import RetryPolicy
from temporalio.exceptions import ActivityError, ApplicationError

with workflow.unsafe.imports_passed_through():
    from activities.pods import PodActivities
    from rekindle.contracts import queues
    from rekindle.contracts.pods import DRAIN, GPU_POD, GpuPodInput, Pod
    from rekindle.errors import PodGone
    from workflows_temporal import policies

_WAIT = workflow.ActivityCancellationType.WAIT_CANCELLATION_COMPLETED
_SERVE_RETRY = RetryPolicy(
    initial_interval=timedelta(milliseconds=100),
    maximum_interval=timedelta(seconds=5),
    non_retryable_error_types=[PodGone.code],
)


@workflow.defn(name=GPU_POD)
class GpuPod:
    """Owns pod `number` of a class. A pod exists only inside its owner.

    Cancelling it, like the signal `drain`, lets running prompts finish and then returns the
    machine; it is never terminated by a time-out, which would skip that.
    """

    def __init__(self) -> None:
        """Start undrained."""
        self._draining = False

    @workflow.run
    async def run(self, wanted: GpuPodInput) -> None:
        """Live one pod's life; a pod that goes away by itself ends it as well."""
        workflow.set_current_details("**launching**")
        pod = await workflow.execute_activity_method(
            PodActivities.launch_pod,
            wanted,
            task_queue=queues.PODS,
            start_to_close_timeout=timedelta(minutes=15),
            heartbeat_timeout=policies.HEARTBEAT,
            retry_policy=RetryPolicy(maximum_interval=timedelta(seconds=30)),
            summary=f"launch {wanted.gpu_class} pod {wanted.number}",
        )
        try:
            workflow.set_current_details(f"**serving** `{pod.pod_id}`")
            await self._serve(pod)
        finally:
            workflow.set_current_details(f"**terminating** `{pod.pod_id}`")
            await asyncio.shield(self._terminate(pod))

    @workflow.signal(name=DRAIN)
    def drain(self) -> None:
        """Take no new prompt, let the running ones finish, then return the machine."""
        self._draining = True

    async def _serve(self, pod: Pod) -> None:
        serving = workflow.start_activity_method(
            PodActivities.serve_pod,
            pod,
            task_queue=queues.PODS,
            start_to_close_timeout=timedelta(days=30),
            heartbeat_timeout=policies.HEARTBEAT,
            retry_policy=_SERVE_RETRY,
            cancellation_type=_WAIT,
            summary=f"serve {pod.pod_id}",
        )
        try:
            await workflow.wait_condition(lambda: self._draining or serving.done())
        except asyncio.CancelledError:
            self._draining = True
        if not serving.done():
            serving.cancel()
        try:
            await asyncio.shield(serving)
        except (ActivityError, asyncio.CancelledError) as failure:
            if not self._draining and not _went_away(failure):
                raise

    async def _terminate(self, pod: Pod) -> None:
        await workflow.execute_activity_method(
            PodActivities.terminate_pod,
            pod,
            task_queue=queues.PODS,
            summary=f"terminate {pod.pod_id}",
            **policies.RECORD,
        )


def _went_away(failure: BaseException) -> bool:
    cause = failure.cause if isinstance(failure, ActivityError) else None
    return isinstance(cause, ApplicationError) and cause.type == PodGone.code
