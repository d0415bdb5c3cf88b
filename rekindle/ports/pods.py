"""GPU pods: how to get at one, how to ask for more, and which have room in this process."""

from typing import Protocol

from rekindle.contracts.pods import Pod
from rekindle.contracts.statuses import GpuClass
from rekindle.ports.comfy import Comfy


class PodDoor(Protocol):
    """Resolves a pod's id to its server; address and token never cross Temporal."""

    def comfy(self, pod_id: str) -> Comfy:
        """A client of the pod's ComfyUI. Raises `PodGone` when no such pod is known."""
        ...


class PodLauncher(Protocol):
    """Rents and returns the machine behind a pod."""

    async def launch(self, gpu_class: GpuClass, number: int) -> Pod:
        """A pod for this number: the one already running under its name, or a new one.

        Idempotent by name. Raises `CapacityError` when none can be had now.
        """
        ...

    async def terminate(self, pod: Pod) -> None:
        """Return the machine. Idempotent: a pod already gone is fine."""
        ...


class Capacity(Protocol):
    """Asks for pods of a class; called at once when work arrives."""

    async def request(self, gpu_class: GpuClass) -> None:
        """Make sure that pods for this class are on their way. Idempotent."""
        ...


class Seat(Protocol):
    """One prompt's place on a pod, from claim until the prompt has left the GPU."""

    @property
    def pod(self) -> Pod:
        """The pod it is on."""
        ...

    def ending(self) -> None:
        """The prompt is nearly done: the next one may be staged meanwhile. Idempotent."""
        ...

    def leave(self) -> None:
        """Give the GPU up; the next prompt may come. Idempotent."""
        ...


class Seats(Protocol):
    """The pods attached in this process and the room on them."""

    def claim(self) -> Seat:
        """Take room on a pod, an idle one first. Raises `NoPod` when the last one left."""
        ...

    def attach(self, pod: Pod) -> None:
        """Count this pod's room from now on. Idempotent."""
        ...

    def detach(self, pod_id: str) -> None:
        """Stop giving room on this pod; prompts already there stay. Idempotent."""
        ...

    def busy(self, pod_id: str) -> int:
        """How many prompts of this process are on the pod."""
        ...

    async def vacated(self, pod_id: str) -> None:
        """Return when no prompt of this process is on the pod."""
        ...
