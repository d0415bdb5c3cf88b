"""Starts light pods: an engine each, in this process."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from simulators.common.clock import Clock
from simulators.runpod.cloud.pod import Pod
from simulators.runpod.cloud.workload import Workload
from simulators.runpod.light.engine import LightEngine
from simulators.runpod.light.prompt import Prompt
from simulators.runpod.options import Options, Tunables


class LightLauncher:
    """Runs pods as engines; implements Launcher.

    Attributes:
        runs: Every prompt that a light pod ever accepted in this process, with the pod's id.
    """

    survives_restart = True

    def __init__(self, options: Options, tunables: Tunables, clock: Clock) -> None:
        self._options = options
        self._tunables = tunables
        self._clock = clock
        self.runs: list[tuple[str, Prompt]] = []

    def knows(self, image: str) -> bool:  # noqa: ARG002  every image is this one
        """Whether there is such an image: any name will do."""
        return True

    def launch(self, pod: Pod, ended: Callable[[], None]) -> Workload:  # noqa: ARG002
        """Start an engine; it never ends by itself."""
        return LightEngine(
            self._clock,
            lambda: self._tunables.light_seconds,
            self._options.light_object_info,
            lambda prompt: self.runs.append((pod.id, prompt)),
        )

    def sweep(self, pod: Pod) -> None:
        """Nothing of a light pod outlives the process."""

    def clean(self, pod: Pod) -> None:
        """Nothing of a light pod is on the disk."""

    async def close(self) -> None:
        """Nothing to wait for."""

    def runs_json(self) -> dict[str, Any]:
        """Every prompt in the order of acceptance."""
        return {"runs": [prompt.run_json(pod) for pod, prompt in self.runs]}
