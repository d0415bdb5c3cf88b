"""Renting a pod so that none is ever without an owner, and giving it back for certain."""

import asyncio
import contextlib
import secrets
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

import structlog

from activities.pods.candidates import Candidates
from activities.pods.ended import ended_by_itself
from activities.pods.pace import pauses
from activities.pods.packs import runnable_packs, warm_up
from activities.pods.watch import BootWatch
from rekindle.contracts.pods import Pod
from rekindle.contracts.statuses import GpuClass
from rekindle.errors import (
    CloudRefused,
    CloudUnavailable,
    ComfyUnavailable,
    NoGpuStock,
    PodGone,
    PodNotReady,
)
from rekindle.models import PodRecord
from rekindle.models.pods import PodState
from rekindle.ports.gpu_cloud import CloudPhase, CloudPod, GpuCloud, PodOrder
from rekindle.ports.pods import PodDoor, PodHealth
from rekindle.rules.pods import name_of, prefix_of, token_of
from rekindle.store import pods
from rekindle.store.database import Database

_LOG = structlog.get_logger(__name__)
_OVER = (CloudPhase.TERMINATED,)


@dataclass(frozen=True)
class Terms:
    """On which terms pods are rented.

    Attributes:
        environment: part of every pod's name.
        secret_key: what pods' tokens are derived from.
        boot_seconds, age_seconds, away_seconds, alone_seconds: as in `contracts.pods.Pod`.
        dead_man_seconds: after so long without a word of ours a pod ends itself.
        models_path: where pods have their models; empty leaves it to their image.
        lag_seconds: how long the cloud's listing may lag behind what was created.
        runtime_seconds: how long a pod may be RUNNING without its container reporting.
        look_seconds: between two questions to a pod that boots, and before the first repeated one
            to the cloud about a pod that should come or go.
        cloud_seconds: between two later questions to the cloud.
    """

    environment: str
    secret_key: str
    image: str
    disk_gb: int
    volume_id: str | None
    volume_path: str
    min_cuda: str | None
    boot_seconds: float
    age_seconds: float
    away_seconds: float
    alone_seconds: float
    dead_man_seconds: float
    lag_seconds: float
    models_path: str = ""
    runtime_seconds: float = 300.0
    look_seconds: float = 0.5
    cloud_seconds: float = 10.0


class Renting:
    """Rented pods (`ports.pods.PodLauncher`).

    Before anything is rented there is a row with the pod's name. Every step first looks for that
    name, so a lost reply, a killed process or a second worker ends in the same one pod.
    """

    def __init__(
        self,
        *,
        cloud: GpuCloud,
        door: PodDoor,
        database: Database,
        candidates: Candidates,
        terms: Terms,
    ) -> None:
        """Rent from `cloud` on these terms."""
        self._cloud = cloud
        self._door = door
        self._database = database
        self._candidates = candidates
        self._terms = terms

    async def launch(self, gpu_class: GpuClass, number: int) -> Pod:
        """See `PodLauncher.launch`."""
        async with self._database.transaction() as session:
            row = await pods.intend(
                session,
                gpu_class,
                number,
                name=lambda generation: name_of(
                    self._terms.environment, gpu_class, number, generation
                ),
                token_salt=secrets.token_urlsafe(16),
            )
        found = await self._find(row)
        rented = _oldest([pod for pod in found if pod.name == row.id])
        if rented is None:
            made = await self._rent(row)
            found = [made, *found, *_alive(await self._cloud.find(prefix_of(*self._place(row))))]
            # Somebody else may have rented under this name as well: a worker that was thought dead,
            # or the one that took over from us. All must keep the same one.
            rented = _oldest([pod for pod in found if pod.name == row.id]) or made
        async with self._database.transaction() as session:
            await pods.rented(session, row.id, rented)
        await self._end([pod for pod in found if pod.cloud_id != rented.cloud_id])
        return self._pod(row)

    async def ready(self, pod: Pod) -> Pod:
        """See `PodLauncher.ready`."""
        watch = BootWatch(
            self._cloud,
            self._database,
            pod.pod_id,
            lag_seconds=self._terms.lag_seconds,
            runtime_seconds=self._terms.runtime_seconds,
            every_seconds=self._terms.cloud_seconds,
        )
        while True:
            with contextlib.suppress(ComfyUnavailable, PodGone):
                health = await self._door.health(pod.pod_id)
                if health.can_render and health.is_fit:
                    return await self._prove(pod, health)
            await watch.look()
            await asyncio.sleep(self._terms.look_seconds)

    async def terminate(self, gpu_class: GpuClass, number: int) -> datetime | None:
        """See `PodLauncher.terminate`."""
        async with self._database.transaction() as session:
            row = await pods.open_of(session, gpu_class, number)
        ended = None if row is None else await ended_by_itself(self._cloud, row)
        if row is not None:
            row = await self._known(row)
            async with self._database.transaction() as session:
                await pods.note(session, row.id, PodState.DRAINING)
        taken = await self._return(gpu_class, number, row)
        return ended or taken

    async def _known(self, row: PodRecord) -> PodRecord:
        """The row, with the machine that a create has rented whose outcome nobody has known."""
        if row.cloud_id is not None or row.rented_at is None:
            return row
        found = [pod for pod in await self._find(row) if pod.name == row.id]
        rented = _oldest(found)
        if rented is None:
            return row
        async with self._database.transaction() as session:
            await pods.rented(session, row.id, rented)
            return await pods.by_id(session, row.id) or row

    async def _return(
        self, gpu_class: GpuClass, number: int, row: PodRecord | None
    ) -> datetime | None:
        """End whatever goes by a number, until the cloud confirms that there is nothing.

        Returns:
            When the cloud last took the machine back, which it may confirm much later.
        """
        prefix = prefix_of(self._terms.environment, gpu_class, number)
        taken: datetime | None = None
        if row is not None and row.cloud_id is not None:
            taken = await self._taken(row.cloud_id)  # also while the listing hides it
        pace = self._pauses()
        while left := _alive(await self._cloud.find(prefix)):
            for cloud_id in {pod.cloud_id for pod in left}:
                taken = await self._taken(cloud_id) or taken
            await asyncio.sleep(next(pace))
        while row is not None and row.cloud_id is not None:
            told = await self._cloud.get(row.cloud_id)
            if told is None or told.phase in _OVER:
                break
            taken = await self._taken(row.cloud_id) or taken
            await asyncio.sleep(next(pace))
        return taken

    async def _taken(self, cloud_id: str) -> datetime | None:
        """Give a pod back; when the cloud took it, None when it had done so before."""
        was_there = await self._cloud.terminate(cloud_id)
        _LOG.info("pod_returned", cloud_id=cloud_id, was_there=was_there)
        return datetime.now(UTC) if was_there else None

    async def _find(self, row: PodRecord) -> list[CloudPod]:
        """What goes by this number's name. After a create of unknown outcome, look for a while."""
        prefix = prefix_of(*self._place(row))
        unknown = row.cloud_id is None and row.rented_at is not None
        clock = asyncio.get_running_loop().time
        deadline = clock() + (self._terms.lag_seconds if unknown else 0)
        for pause in self._pauses():
            found = _alive(await self._cloud.find(prefix))
            if row.cloud_id is not None and all(p.cloud_id != row.cloud_id for p in found):
                known = await self._cloud.get(row.cloud_id)
                found += _alive([known] if known else [])
            named = any(pod.name == row.id for pod in found)
            left = deadline - clock()
            if named or left <= 0:
                return found
            await asyncio.sleep(min(pause, left))
        raise AssertionError  # the pauses have no end

    async def _rent(self, row: PodRecord) -> CloudPod:
        """Ask for one candidate after the other.

        Raises:
            NoGpuStock: none can be had now.
            CloudUnavailable: nobody knows whether the last one was rented.
        """
        refusals: list[str] = []
        where = await self._candidates.data_centers()
        for gpu_type in await self._candidates.of(GpuClass(row.gpu_class)):
            async with self._database.transaction() as session:
                await pods.asked(session, row.id, gpu_type)
            try:
                return await self._cloud.create(self._order(row, gpu_type, where))
            except NoGpuStock as refusal:
                refusals.append(f"{gpu_type}: {refusal}")
            except CloudRefused:
                await self._not_rented(row)
                raise
            except CloudUnavailable as error:
                if error.retry_after is not None:
                    await self._not_rented(row)  # it said so before doing anything
                raise
        await self._not_rented(row)
        # Whether it is us or the stock the cloud tells in prose alone: a person has to read it.
        _LOG.warning("no_gpu_to_be_had", pod=row.id, refusals=refusals)
        raise NoGpuStock("; ".join(refusals) or "no GPU type fits")

    async def _not_rented(self, row: PodRecord) -> None:
        async with self._database.transaction() as session:
            await pods.asked(session, row.id, None)

    def _order(self, row: PodRecord, gpu_type: str, where: tuple[str, ...]) -> PodOrder:
        terms = self._terms
        return PodOrder(
            name=row.id,
            image=terms.image,
            gpu_type=gpu_type,
            ports=("8001/http",),
            disk_gb=terms.disk_gb,
            data_centers=where,
            volume_id=terms.volume_id,
            volume_path=terms.volume_path,
            min_cuda=terms.min_cuda,
            env={
                "REKINDLE_POD_TOKEN": token_of(terms.secret_key, row.id, row.token_salt or ""),
                "DEAD_MAN_SECONDS": f"{terms.dead_man_seconds:g}",
                **({"MODELS_PATH": terms.models_path} if terms.models_path else {}),
            },
        )

    async def _prove(self, pod: Pod, health: PodHealth) -> Pod:
        """Which packs it can run, and that it really runs a prompt."""
        comfy = await self._door.comfy(pod.pod_id)
        graphs = await runnable_packs(comfy)
        if not graphs:
            raise PodNotReady("it can run none of the packs")
        await warm_up(comfy)
        machine = health.machine or pod.pod_id
        async with self._database.transaction() as session:
            await pods.booted(session, pod.pod_id, machine=machine, graphs=graphs)
        return pod.model_copy(update={"machine": machine})

    async def _end(self, strays: Sequence[CloudPod]) -> None:
        for cloud_id in {pod.cloud_id for pod in strays}:
            await self._taken(cloud_id)

    def _pauses(self) -> Iterator[float]:
        return pauses(self._terms.look_seconds, self._terms.cloud_seconds)

    def _place(self, row: PodRecord) -> tuple[str, GpuClass, int]:
        return self._terms.environment, GpuClass(row.gpu_class), row.number

    def _pod(self, row: PodRecord) -> Pod:
        return Pod(
            pod_id=row.id,
            gpu_class=GpuClass(row.gpu_class),
            number=row.number,
            generation=row.generation,
            grace_seconds=self._terms.away_seconds,
            boot_seconds=self._terms.boot_seconds,
            age_seconds=self._terms.age_seconds,
            alone_seconds=self._terms.alone_seconds,
        )


def _alive(found: Sequence[CloudPod]) -> list[CloudPod]:
    return [pod for pod in found if pod.phase not in _OVER]


def _oldest(found: Sequence[CloudPod]) -> CloudPod | None:
    dated = sorted(found, key=lambda pod: (pod.created_at is None, pod.created_at, pod.cloud_id))
    return dated[0] if dated else None
