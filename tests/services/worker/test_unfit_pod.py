"""A pod whose server answers, but which says itself that it should be given no work."""

import asyncio
from typing import Any

import pytest
from temporalio.client import Client
from temporalio.testing import ActivityEnvironment

from activities.pods.service import PodService
from rekindle.adapters.comfyui import ComfyClient
from rekindle.adapters.temporal import TemporalPodOwners
from rekindle.contracts.pods import Pod
from rekindle.contracts.statuses import GpuClass
from rekindle.errors import PodGone
from rekindle.ports.comfy import Comfy
from rekindle.ports.pods import PodHealth
from rekindle.store.database import Database
from worker.seats import PodSeats


class FullDisk:
    """The door to a pod that is fit until its disk is full."""

    def __init__(self, comfy: Comfy) -> None:
        self.is_fit = True
        self._comfy = comfy

    async def comfy(self, pod_id: str) -> Comfy:
        return self._comfy

    async def health(self, pod_id: str) -> PodHealth:
        return PodHealth(can_render=True, is_fit=self.is_fit)

    def is_shared(self, pod_id: str) -> bool:
        return False


async def test_a_pod_that_says_it_is_unfit_gets_no_prompt_and_is_given_up_after_its_grace(
    temporal: Client, database: Database, card_engine: Any
) -> None:
    comfy = ComfyClient(card_engine.url)
    door, seats = FullDisk(comfy), PodSeats()
    pod = Pod(
        pod_id="rk-t-image-0-1",
        gpu_class=GpuClass.IMAGE,
        number=0,
        generation=1,
        grace_seconds=0.5,
        boot_seconds=60.0,
        machine="m",
    )
    service = PodService(
        pod,
        comfy=comfy,
        door=door,
        owners=TemporalPodOwners(temporal),
        seats=seats,
        database=database,
        examine_seconds=0.0,
    )
    serving = asyncio.ensure_future(ActivityEnvironment().run(service.serve, asyncio.Event()))
    async with asyncio.timeout(30):
        await seats.promise()  # returns when it has room
        door.is_fit = False

        with pytest.raises(PodGone, match="unhealthy"):
            await serving

    assert seats.room <= 0
    await comfy.close()
