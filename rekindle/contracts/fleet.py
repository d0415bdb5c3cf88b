"""Scaling the fleet: the `AutoscalePods` workflow and the schedule that runs it."""

from rekindle.contracts.payload import Payload
from rekindle.contracts.statuses import GpuClass

AUTOSCALE_PODS = "AutoscalePods"
AUTOSCALE_SCHEDULE = "autoscale-pods"
AUTOSCALE_SOON = "autoscale-pods-soon"
"""Id of the look that follows the loss of a pod."""


class ScaleClass(Payload):
    """Look at one class and do what the policy says."""

    gpu_class: GpuClass


class Scaled(Payload):
    """What was decided and done for a class.

    Attributes:
        wanted: pods the policy wants.
        started: numbers of pods whose owner was started.
        drained: numbers of pods that were asked to drain.
        reason: the policy's, for operators.
    """

    gpu_class: GpuClass
    wanted: int
    started: tuple[int, ...] = ()
    drained: tuple[int, ...] = ()
    reason: str = ""


class Reaped(Payload):
    """Pods of ours that nobody owned and that were returned, by their cloud ids."""

    cloud_ids: tuple[str, ...] = ()
