"""The life of a pod, as its `GpuPod` workflow has it done."""

import asyncio
import contextlib
import time
from collections.abc import Mapping

import structlog
from temporalio import activity

from activities.beating import beating
from activities.failures import as_failures
from rekindle.contracts.pods import GpuPodInput, Pod
from rekindle.contracts.statuses import GpuClass
from rekindle.errors import ComfyUnavailable, DatabaseUnavailable, HandedOver, PodGone
from rekindle.models.pods import PodState
from rekindle.ports.comfy import Comfy, QueueState
from rekindle.ports.pods import PodDoor, PodLauncher, Seats
from rekindle.store import pods
from rekindle.store.database import Database

_LOG = structlog.get_logger(__name__)
_LOOK_SECONDS = 1.0


class PodActivities:
    """Launch, serve, terminate."""

    def __init__(
        self,
        *,
        launcher: PodLauncher,
        door: PodDoor,
        seats: Mapping[GpuClass, Seats],
        database: Database,
        leaving: asyncio.Event,
    ) -> None:
        """Work through these ports.

        Args:
            seats: of this process, by GPU class.
            leaving: set when this process is to stop; its pods then go to another.
        """
        self._launcher = launcher
        self._door = door
        self._seats = seats
        self._database = database
        self._leaving = leaving

    @activity.defn
    async def launch_pod(self, wanted: GpuPodInput) -> Pod:
        """A pod for this number, adopted or new. Idempotent by the pod's name."""
        with as_failures():
            async with beating():
                pod = await self._launcher.launch(wanted.gpu_class, wanted.number)
            async with self._database.transaction() as session:
                await pods.record(session, pod)
            return pod

    @activity.defn
    async def serve_pod(self, pod: Pod) -> None:
        """Give the pod's room to this process while it is healthy; beats until cancelled.

        A cancel is a drain: no new prompt, those that run finish, then this returns.

        Raises:
            PodGone: unreachable for longer than its grace.
            HandedOver: this process is leaving; another one serves on.
        """
        with as_failures():
            service = PodService(
                pod, self._door.comfy(pod.pod_id), self._seats[pod.gpu_class], self._database
            )
            await service.serve(self._leaving)

    @activity.defn
    async def terminate_pod(self, pod: Pod) -> None:
        """Return the machine. Idempotent."""
        with as_failures():
            await self._launcher.terminate(pod)
            async with self._database.transaction() as session:
                await pods.note(session, pod.pod_id, PodState.TERMINATED)


class PodService:
    """Watches one pod's server and opens or closes its seats accordingly."""

    def __init__(self, pod: Pod, comfy: Comfy, seats: Seats, database: Database) -> None:
        """Prepare; the seats stay closed until the first good look."""
        self._pod = pod
        self._comfy = comfy
        self._seats = seats
        self._database = database
        self._state: PodState | None = None
        self._heard = time.monotonic()

    async def serve(self, leaving: asyncio.Event) -> None:
        """Look once a second until cancelled (drain), leaving, or the pod is gone."""
        try:
            while not leaving.is_set():
                activity.heartbeat()
                await self._look()
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(leaving.wait(), timeout=_LOOK_SECONDS)
        except asyncio.CancelledError:
            await self._drain()
            raise
        finally:
            self._seats.detach(self._pod.pod_id)
        raise HandedOver

    async def _look(self) -> None:
        try:
            queue = await self._comfy.queue()
        except (ComfyUnavailable, PodGone) as error:
            await self._close(str(error))
            return
        self._heard = time.monotonic()
        if not self._seats.busy(self._pod.pod_id) and _any(queue):
            # An orphan of a process that died: whoever attaches to it gets its result first.
            self._seats.detach(self._pod.pod_id)
            return
        self._seats.attach(self._pod)
        await self._note(PodState.READY)

    async def _close(self, reason: str) -> None:
        self._seats.detach(self._pod.pod_id)
        _LOG.info("pod_unreachable", pod=self._pod.pod_id, reason=reason)
        await self._note(PodState.UNREACHABLE)
        grace = self._pod.grace_seconds
        if grace is not None and time.monotonic() - self._heard > grace:
            raise PodGone(reason)

    async def _drain(self) -> None:
        self._seats.detach(self._pod.pod_id)
        vacated = asyncio.create_task(self._seats.vacated(self._pod.pod_id))
        while not vacated.done():
            activity.heartbeat()
            await asyncio.wait({vacated}, timeout=_LOOK_SECONDS)

    async def _note(self, state: PodState) -> None:
        if state is self._state:
            return
        try:
            async with self._database.transaction() as session:
                await pods.note(session, self._pod.pod_id, state)
        except DatabaseUnavailable as error:
            _LOG.warning("pod_state_not_written", pod=self._pod.pod_id, error=str(error))
        else:
            self._state = state


def _any(queue: QueueState) -> bool:
    return bool(queue.running or queue.pending)
