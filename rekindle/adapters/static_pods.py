"""Fixed ComfyUI servers as pods that nobody has to rent."""

from collections.abc import Sequence
from datetime import datetime

from rekindle.adapters.comfyui import ComfyClient
from rekindle.contracts.pods import Pod
from rekindle.contracts.statuses import GpuClass
from rekindle.errors import CapacityError, PodGone
from rekindle.ports.comfy import Comfy
from rekindle.ports.pods import PodHealth

_GENERATION = 0


class StaticPods:
    """Launcher and door of fixed servers, each for all GPU classes (`PodLauncher`, `PodDoor`).

    The address is this process's setting, never history's: a server that moves is found again.
    """

    def __init__(self, servers: Sequence[ComfyClient], *, places: int) -> None:
        """Serve these.

        Args:
            servers: pod `n` of every class is the server at `n`; with none there is no pod.
            places: how many prompts each may hold at once.
        """
        self._servers = tuple(servers)
        self._places = places

    async def launch(self, gpu_class: GpuClass, number: int) -> Pod:
        """See `PodLauncher.launch`."""
        if number >= len(self._servers):
            raise CapacityError(f"COMFYUI_URL names {len(self._servers)} servers")
        return Pod(
            pod_id=f"static-{gpu_class}-{number}",
            gpu_class=gpu_class,
            number=number,
            generation=_GENERATION,
            grace_seconds=None,
            places=self._places,
        )

    async def ready(self, pod: Pod) -> Pod:
        """A fixed server is waited for where it is served, for ever."""
        return pod

    async def terminate(self, gpu_class: GpuClass, number: int) -> datetime | None:
        """Nothing was rented."""
        del gpu_class, number
        return None

    async def comfy(self, pod_id: str) -> Comfy:
        """See `PodDoor.comfy`."""
        return self._server(pod_id)

    async def health(self, pod_id: str) -> PodHealth:
        """See `PodDoor.health`. The server has no agent in front of it: its own answer counts."""
        await self._server(pod_id).check()
        return PodHealth(can_render=True)

    def is_shared(self, pod_id: str) -> bool:
        """See `PodDoor.is_shared`. Anybody may use it, and all GPU classes do."""
        del pod_id
        return True

    def _server(self, pod_id: str) -> ComfyClient:
        kind, _, number = pod_id.rpartition("-")
        if not kind.startswith("static-") or int(number) >= len(self._servers):
            raise PodGone(f"no door to {pod_id}")
        return self._servers[int(number)]
