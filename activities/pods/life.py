"""Launch, ready, serve, terminate: the steps of a pod's life as activities."""

import asyncio
from collections.abc import Mapping

from temporalio import activity

from activities.beating import beating
from activities.failures import as_failures
from activities.pods.service import PodService
from activities.pods.vacating import Vacating
from rekindle.contracts.pods import EndPod, GpuPodInput, Pod, PodEnding
from rekindle.contracts.statuses import GpuClass
from rekindle.ports.pods import PodDoor, PodLauncher, PodOwners, Seats
from rekindle.store import pods
from rekindle.store.database import Database

_LOST = (PodEnding.GONE, PodEnding.NOT_READY, PodEnding.FAILED)
"""Endings that nobody decided: its work may need another pod at once."""


class PodActivities:
    """What a `GpuPod` has done for its pod."""

    def __init__(
        self,
        *,
        launcher: PodLauncher,
        owners: PodOwners,
        door: PodDoor,
        seats: Mapping[GpuClass, Seats],
        database: Database,
        leaving: asyncio.Event,
        patience_seconds: float,
    ) -> None:
        """Work through these ports.

        Args:
            seats: of this process, by GPU class.
            leaving: set when this process is to stop; its pods then go to another.
            patience_seconds: how long a pod that should be returned waits for the prompts on it.
        """
        self._launcher = launcher
        self._owners = owners
        self._door = door
        self._seats = seats
        self._database = database
        self._leaving = leaving
        self._vacating = Vacating(
            door=door, database=database, leaving=leaving, patience_seconds=patience_seconds
        )

    @activity.defn
    async def launch_pod(self, wanted: GpuPodInput) -> Pod:
        """A pod for this number, adopted or new. Idempotent by the pod's name."""
        with as_failures():
            async with beating():
                pod = await self._launcher.launch(wanted.gpu_class, wanted.number)
            if pod.boot_seconds is None:  # nobody rented it, so nobody has its row yet
                async with self._database.transaction() as session:
                    await pods.record(session, pod)
            return pod

    @activity.defn
    async def ready_pod(self, pod: Pod) -> Pod:
        """Wait until the pod can take its first prompt. Idempotent.

        Raises:
            PodNotReady: it broke while booting.
        """
        with as_failures():
            async with beating():
                return await self._launcher.ready(pod)

    @activity.defn
    async def serve_pod(self, pod: Pod) -> PodEnding:
        """Give the pod's room to this process while it is healthy; beats until cancelled.

        A cancel is a drain: no new prompt, those that run finish, then this returns.

        Returns:
            Why it needs no serving any more: it is idle and nobody scales the fleet.

        Raises:
            PodGone: unreachable for longer than its grace.
            HandedOver: this process is leaving; another one serves on.
        """
        with as_failures():
            service = PodService(
                pod,
                comfy=await self._door.comfy(pod.pod_id),
                door=self._door,
                owners=self._owners,
                seats=self._seats[pod.gpu_class],
                database=self._database,
            )
            return await service.serve(self._leaving)

    @activity.defn
    async def terminate_pod(self, end: EndPod) -> None:
        """Return the machine, until its provider knows of none any more. Idempotent.

        First the prompts on it end, whichever process follows them; but not on one that is gone.

        Raises:
            HandedOver: this process is leaving; another one waits on.
        """
        with as_failures():
            async with beating():
                if end.ending is not PodEnding.GONE:
                    await self._vacating.vacated(end.gpu_class, end.number)
                ended_at = await self._launcher.terminate(end.gpu_class, end.number)
            async with self._database.transaction() as session:
                await pods.close(session, end.gpu_class, end.number, end.ending, ended_at=ended_at)
            if end.ending in _LOST:
                await self._owners.look_soon()
