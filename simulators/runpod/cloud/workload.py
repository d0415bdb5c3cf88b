"""What runs in a pod, as the cloud sees it: processes, or an engine of light mode."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from simulators.runpod.cloud.pod import Pod


class Workload(Protocol):
    """A container's inside. Neither call waits; afterwards it never reports its end."""

    def stop(self) -> None:
        """End it politely, and by force after the grace period."""

    def kill(self) -> None:
        """End it by force."""


class Launcher(Protocol):
    """Starts what runs in pods."""

    survives_restart: bool
    """Whether pods go on where they were when this process starts again."""

    def knows(self, image: str) -> bool:
        """Whether there is such an image."""

    def launch(self, pod: Pod, ended: Callable[[], None]) -> Workload:
        """Start a pod's inside.

        Args:
            pod: Its local ports are filled in.
            ended: Called once if the inside ends by itself.

        Raises:
            OSError: It cannot be executed.
        """

    def sweep(self, pod: Pod) -> None:
        """End what may be left of a pod's inside from an earlier process of this simulator."""

    def clean(self, pod: Pod) -> None:
        """Remove what a pod left on the disk, its volume excepted."""
