"""One look at the fleet: start and drain pods as the policy says, return those nobody owns."""

from datetime import timedelta

from temporalio import workflow
from temporalio.common import RetryPolicy
from temporalio.exceptions import ActivityError, is_cancelled_exception

with workflow.unsafe.imports_passed_through():
    from activities.fleet import FleetActivities
    from rekindle.contracts.fleet import AUTOSCALE_PODS, ScaleClass, Scaled
    from rekindle.contracts.statuses import GpuClass

_TRIES = RetryPolicy(initial_interval=timedelta(seconds=1), maximum_attempts=3)
_SOON = timedelta(seconds=30)


@workflow.defn(name=AUTOSCALE_PODS)
class AutoscalePods:
    """Started by the schedule; whatever it misses, the next run does."""

    @workflow.run
    async def run(self) -> None:
        """Scale every class, then reap, whatever became of the scaling.

        Fails when a class could not be scaled: with the last such failure, after everything else.
        """
        told: list[Scaled] = []
        failed: ActivityError | None = None
        for gpu_class in GpuClass:
            try:
                told.append(await self._scaled(gpu_class))
            except ActivityError as failure:
                if is_cancelled_exception(failure):
                    raise
                failed = failure  # pods of the others, and of nobody, cost money meanwhile
            workflow.set_current_details(_table(told))
        reaped = await workflow.execute_activity_method(
            FleetActivities.reap_pods,
            start_to_close_timeout=_SOON,
            retry_policy=_TRIES,
            summary="return pods that nobody owns",
        )
        workflow.set_current_details(
            f"{_table(told)}\n\nreaped: {', '.join(reaped.cloud_ids) or 'none'}"
        )
        if failed is not None:
            raise failed

    async def _scaled(self, gpu_class: GpuClass) -> Scaled:
        return await workflow.execute_activity_method(
            FleetActivities.scale_class,
            ScaleClass(gpu_class=gpu_class),
            start_to_close_timeout=_SOON,
            retry_policy=_TRIES,
            summary=f"scale {gpu_class}",
        )


def _table(told: list[Scaled]) -> str:
    rows = [
        f"| {s.gpu_class} | {s.wanted} | {s.reason} | {_list(s.started)} | {_list(s.drained)} |"
        for s in told
    ]
    head = ["| class | wanted | why | started | drained |", "|---|---|---|---|---|"]
    return "\n".join(head + rows)


def _list(numbers: tuple[int, ...]) -> str:
    return ", ".join(map(str, numbers)) or "none"
