"""What the cloud says of a pod that boots."""

import asyncio

import structlog

from activities.pods.pace import next_look
from rekindle.errors import CloudUnavailable, PodNotReady
from rekindle.ports.gpu_cloud import CloudPhase, CloudPod, GpuCloud
from rekindle.store import pods
from rekindle.store.database import Database

_LOG = structlog.get_logger(__name__)
_BROKEN = (CloudPhase.EXITED, CloudPhase.ERROR, CloudPhase.TERMINATED)


class BootWatch:
    """One pod, about which the cloud is asked rarely."""

    def __init__(
        self,
        cloud: GpuCloud,
        database: Database,
        pod_id: str,
        *,
        lag_seconds: float,
        runtime_seconds: float,
        every_seconds: float,
    ) -> None:
        """Watch a pod by its name; the first look may be at once.

        Args:
            lag_seconds: how long the cloud's listing may lag behind what was created.
            runtime_seconds: how long it may be RUNNING without its container reporting.
            every_seconds: between two questions to the cloud.
        """
        self._cloud = cloud
        self._database = database
        self._pod_id = pod_id
        self._lag_seconds = lag_seconds
        self._runtime_seconds = runtime_seconds
        self._every_seconds = every_seconds
        self._clock = asyncio.get_running_loop().time
        self._next = self._clock()
        self._missing_since: float | None = None
        self._without_runtime: float | None = None
        self._runs = False

    async def look(self) -> None:
        """Ask when it is time to. Raises `PodNotReady` when waiting for this pod has no sense."""
        now = self._clock()
        if now < self._next:
            return
        self._next = next_look(now, self._every_seconds)
        try:
            found = [p for p in await self._cloud.find(self._pod_id) if p.name == self._pod_id]
        except CloudUnavailable as error:
            self._next = max(self._next, now + (error.retry_after or 0.0))
            _LOG.info("cloud_not_asked", pod=self._pod_id, why=str(error))
            return
        if not found:
            self._missing_since = self._missing_since or now
            if now - self._missing_since > self._lag_seconds:
                raise PodNotReady("the cloud knows of no such pod")
            return
        self._missing_since = None
        await self._judge(found[0])

    async def _judge(self, told: CloudPod) -> None:
        if told.phase in _BROKEN:
            raise PodNotReady(f"it is {told.phase}")
        if told.phase is not CloudPhase.RUNNING:
            return
        if not self._runs:
            async with self._database.transaction() as session:
                await pods.running(session, self._pod_id, told)
            self._runs = True
        if told.has_runtime:
            self._without_runtime = None
            return
        now = self._clock()
        self._without_runtime = self._without_runtime or now
        if now - self._without_runtime > self._runtime_seconds:
            # Disk too small or the host's CUDA too old: it would be billed for ever.
            raise PodNotReady("it runs, but its container does not")
