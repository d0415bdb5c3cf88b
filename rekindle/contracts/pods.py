"""One GPU pod: the `GpuPod` workflow that owns its whole life."""

from rekindle.contracts.payload import Payload
from rekindle.contracts.statuses import GpuClass

GPU_POD = "GpuPod"
DRAIN = "drain"


def workflow_id(gpu_class: GpuClass, number: int) -> str:
    """The id of the owner of pod `number` (from 0) of a class: no more ids, no more pods."""
    return f"gpu-pod-{gpu_class}-{number}"


class GpuPodInput(Payload):
    """Which of the allowed pods to own."""

    gpu_class: GpuClass
    number: int


class Pod(Payload):
    """A pod by its id. Address and token stay out of histories: `ports.pods.PodDoor` resolves them.

    Attributes:
        grace_seconds: how long it may be unreachable before it counts as gone; None waits for ever
            (a fixed server that somebody else looks after).
        places: how many prompts it may hold at once.
    """

    pod_id: str
    gpu_class: GpuClass
    number: int
    generation: int
    grace_seconds: float | None
    places: int = 1
