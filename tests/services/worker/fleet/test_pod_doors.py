"""The door to a rented pod: one for everybody who asks."""

import asyncio
from uuid import uuid4

from rekindle.adapters.rented_pods import RentedDoors
from rekindle.adapters.runpod.cloud import RunPodCloud
from rekindle.contracts.statuses import GpuClass
from rekindle.models import PodRecord
from rekindle.models.pods import PodState
from rekindle.store.database import Database


async def test_callers_at_once_share_one_door(database: Database, clean: None) -> None:
    """One that nobody knows of would never be closed."""
    pod = PodRecord(
        id=f"rk-test-image-0-{uuid4()}",
        gpu_class=GpuClass.IMAGE,
        number=0,
        generation=1,
        state=PodState.READY,
        cloud_id="p1",
        token_salt="salt",
    )
    async with database.transaction() as session:
        session.add(pod)
    there = "http://127.0.0.1:9"
    cloud = RunPodCloud(api_url=there, key="k", proxy_url=there + "/{pod_id}/{port}")
    doors = RentedDoors(cloud, database, secret_key="s" * 32, timeout=5.0)
    try:
        found = await asyncio.gather(*(doors.comfy(pod.id) for _ in range(20)))
        assert len({id(comfy) for comfy in found}) == 1
    finally:
        await doors.close()
        await cloud.close()
