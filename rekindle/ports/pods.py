"""GPU pods: who rents them, how to get at one, who owns them, and which have room here."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from rekindle.contracts.pods import Pod
from rekindle.contracts.statuses import GpuClass
from rekindle.ports.comfy import Comfy


@dataclass(frozen=True)
class PodHealth:
    """What a pod says of itself.

    Attributes:
        can_render: whether its ComfyUI answers.
        is_fit: whether it should be given work at all: a full disk, say, does not mend itself.
        machine: the host it runs on, if it knows.
    """

    can_render: bool
    is_fit: bool = True
    machine: str | None = None


class PodDoor(Protocol):
    """Finds a pod's server by the pod's name; address and token never cross Temporal."""

    async def comfy(self, pod_id: str) -> Comfy:
        """A client of the pod's ComfyUI. Raises `PodGone` when no such pod is known."""
        ...

    async def health(self, pod_id: str) -> PodHealth:
        """How the pod is. Raises `ComfyUnavailable` when it does not answer, `PodGone` as above."""
        ...

    def is_shared(self, pod_id: str) -> bool:
        """Whether prompts of others, of whom nothing is known, may be on the pod's server too."""
        ...


class PodLauncher(Protocol):
    """Rents and returns the machine behind a pod."""

    async def launch(self, gpu_class: GpuClass, number: int) -> Pod:
        """A pod for this number: the one already there under its name, or a new one.

        Idempotent by name. Raises `CapacityError` when none can be had now.
        """
        ...

    async def ready(self, pod: Pod) -> Pod:
        """Wait until the pod can take its first prompt. Idempotent.

        Returns:
            The pod with what it told of itself.

        Raises:
            PodNotReady: it broke while booting; the caller keeps the deadline.
        """
        ...

    async def terminate(self, gpu_class: GpuClass, number: int) -> datetime | None:
        """Return every machine that goes by this number's name.

        Idempotent: returns only when the provider knows of none any more.

        Returns:
            Until when its machine was billed, where that is known; None for until now.
        """
        ...


class PodOwners(Protocol):
    """The `GpuPod` workflows. A pod exists only inside its owner."""

    async def start(self, gpu_class: GpuClass, number: int) -> bool:
        """Have this number owned. Returns False when it already is."""
        ...

    async def drain(self, gpu_class: GpuClass, number: int) -> bool:
        """Ask the owner to drain. Returns False when there is none. Idempotent."""
        ...

    async def is_open(self, gpu_class: GpuClass, number: int) -> bool:
        """Whether this number is owned now, by the truth rather than a listing that lags."""
        ...

    async def look_soon(self) -> None:
        """Have the fleet looked at in a moment, when who asks has ended. Idempotent."""
        ...


class Capacity(Protocol):
    """Asks for pods of a class; called at once when work arrives."""

    async def request(self, gpu_class: GpuClass) -> None:
        """Make sure that pods for this class are on their way. Idempotent."""
        ...


class Seat(Protocol):
    """One prompt's place on a pod, from claim until nothing of it is left there."""

    @property
    def pod(self) -> Pod:
        """The pod it is on."""
        ...

    @property
    def free_since(self) -> float:
        """When the place it takes had become free, on the monotonic clock."""
        ...

    def ending(self) -> None:
        """The prompt is nearly done: the next one may be staged meanwhile. Idempotent."""
        ...

    def leave(self) -> None:
        """Give the GPU up; the next prompt may come. Idempotent."""
        ...

    def depart(self) -> None:
        """Need the pod no more: the result is stored, or there is none. Idempotent."""
        ...


class Seats(Protocol):
    """The pods attached in this process and the room on them."""

    def claim(self, avoid: Collection[str] = ()) -> Seat:
        """Take room on a pod, an idle one first.

        Args:
            avoid: machines that failed this work before.

        Raises:
            NoPod: the pod that had room left, or `MachineAvoided`: only such machines have room.
        """
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
        """Return when no prompt of this process is on the pod, nor its result only there."""
        ...
