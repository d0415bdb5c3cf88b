"""A GPU slot of a worker on a real engine, store and database."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import cv2
import httpx
import numpy as np
import pytest
from temporalio.testing import ActivityEnvironment

from activities.graphs import SlotActivities
from comfy_graphs import complete, load_pack
from rekindle.adapters.comfyui import ComfyClient
from rekindle.adapters.s3 import S3Store
from rekindle.adapters.static_pods import StaticPods
from rekindle.contracts import keys
from rekindle.contracts.renders import GraphRun, RunBeat
from rekindle.contracts.statuses import GpuClass
from rekindle.models import Attempt
from rekindle.ports.comfy import Whereabouts
from rekindle.store import attempts
from rekindle.store.database import Database
from tests.services.rows import stored_job
from worker.seats import PodSeats


class Bench:
    """One process's GPU slot, with everything it touches."""

    def __init__(self, engine: Any, objects: S3Store, database: Database) -> None:
        self.engine, self.objects, self.database = engine, objects, database
        self.comfy = ComfyClient(engine.url)
        self.seats = PodSeats()
        self.leaving = asyncio.Event()
        self.pods = StaticPods([self.comfy], places=1)
        self.beats: list[RunBeat] = []
        self.activities = SlotActivities(
            seats=self.seats,
            door=self.pods,
            objects=objects,
            database=database,
            leaving=self.leaving,
        )

    async def order(self, tmp_path: Path) -> GraphRun:
        """An attempt that is recorded, with its photo stored and a permit to run it."""
        run = await self._recorded(
            GraphRun(
                job_id=uuid4(),
                attempt_id=uuid4(),
                try_number=1,
                graph="restore",
                graph_version="1",
                parameters=complete(load_pack("restore"), {"megapixels": 0.1}, seed=7),
                source_key="",
                output_key="",
            )
        )
        photo = tmp_path / "photo.png"
        cv2.imwrite(str(photo), np.full((60, 80, 3), 90, np.uint8))
        assert run.source_key is not None
        await self.objects.put_file(run.source_key, photo, content_type="image/png")
        self.seats.attach(await self.pods.launch(GpuClass.IMAGE, 0))
        await self.seats.promise()
        return run

    async def _recorded(self, run: GraphRun) -> GraphRun:
        async with self.database.transaction() as session:
            await stored_job(session, job_id=run.job_id, width=80, height=60)
            await attempts.record(
                session,
                Attempt(
                    id=run.attempt_id,
                    job_id=run.job_id,
                    graph="restore",
                    graph_version="1",
                    gpu_class="image",
                    priority=3,
                    parameters={},
                    stamp="s",
                ),
            )
        return run.model_copy(
            update={
                "source_key": keys.working(run.job_id),
                "output_key": keys.restored_master(run.job_id, "s"),
            }
        )

    def environment(self) -> ActivityEnvironment:
        environment = ActivityEnvironment()
        environment.on_heartbeat = lambda *details: self.beats.extend(details)
        return environment

    async def row(self, run: GraphRun) -> Attempt:
        async with self.database.transaction() as session:
            found = await attempts.of_job(session, run.job_id, run.attempt_id)
        assert found is not None
        return found

    def fault(self, *faults: dict[str, Any]) -> None:
        """Have the engine fail as planned, and in no other way."""
        url = f"{self.engine.url}/simulator/faults"
        httpx.post(url, json={"faults": list(faults)}, timeout=60).raise_for_status()

    async def until(self, run: GraphRun, place: Whereabouts) -> None:
        while (await self.comfy.status(run.prompt_id)).place is not place:
            await asyncio.sleep(0.02)


@pytest.fixture
async def bench(card_engine: Any, objects: S3Store, database: Database) -> AsyncIterator[Bench]:
    bench = Bench(card_engine, objects, database)
    yield bench
    await bench.comfy.close()
