"""One GPU pod: the `GpuPod` workflow that owns its whole life."""

from enum import StrEnum

from rekindle.contracts.payload import Payload
from rekindle.contracts.statuses import GpuClass

GPU_POD = "GpuPod"
DRAIN = "drain"


def workflow_id(gpu_class: GpuClass, number: int) -> str:
    """The id of the owner of pod `number` (from 0) of a class: no more ids, no more pods."""
    return f"gpu-pod-{gpu_class}-{number}"


class PodEnding(StrEnum):
    """Why a pod's life ended."""

    DRAINED = "drained"
    IDLE = "idle"
    AGED = "aged"
    GONE = "gone"
    NOT_READY = "not_ready"
    NOT_RENTED = "not_rented"
    FAILED = "failed"
    REAPED = "reaped"


class GpuPodInput(Payload):
    """Which of the allowed pods to own."""

    gpu_class: GpuClass
    number: int


class Pod(Payload):
    """A pod by its name. Address and token stay out of histories: `ports.pods.PodDoor` finds them.

    Attributes:
        pod_id: its name; it ends in its number and, if it is rented, its generation.
        grace_seconds: how long it may be unreachable before it counts as gone; None waits for ever
            (a fixed server that somebody else looks after).
        places: how many prompts it may hold at once.
        boot_seconds: how long it may take to become ready; None when it needs no booting.
        age_seconds: how old it may become; None for ever.
        alone_seconds: how long it may be idle when nobody scales the fleet; None for ever.
        machine: the host it runs on; work that failed there is not given to it again. None for a
            fixed server, of which there is no other.
    """

    pod_id: str
    gpu_class: GpuClass
    number: int
    generation: int
    grace_seconds: float | None
    places: int = 1
    boot_seconds: float | None = None
    age_seconds: float | None = None
    alone_seconds: float | None = None
    machine: str | None = None


class EndPod(Payload):
    """Return the machine behind a number, and whatever else goes by its name."""

    gpu_class: GpuClass
    number: int
    ending: PodEnding
