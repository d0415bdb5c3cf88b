"""What a restoration is measured against: one Temporal round trip, and a plain script."""

import asyncio
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from uuid import UUID, uuid4

from temporalio import activity, workflow
from temporalio.client import Client
from temporalio.worker import Worker

from comfy_graphs import bind, load_pack
from rekindle.adapters.comfyui import ComfyClient
from rekindle.adapters.pillow import PillowPhotoDecoder
from rekindle.contracts.renders import Parameters
from rekindle.ports.comfy import PromptEnd
from rekindle.ports.objects import ObjectStore

_QUEUE = "bench"


@activity.defn
async def nothing() -> None:
    """Do nothing."""


@workflow.defn(sandboxed=False)
class OneActivity:
    """The smallest workflow that does something."""

    @workflow.run
    async def run(self) -> None:
        """Do nothing once."""
        await workflow.execute_activity(nothing, start_to_close_timeout=timedelta(seconds=10))


async def round_trips(client: Client, count: int) -> list[float]:
    """Seconds of one-activity workflows, one after the other (U is their median)."""
    async with round_trip(client) as trip:
        return [await trip() for _ in range(count)]


@asynccontextmanager
async def round_trip(client: Client) -> AsyncIterator[Callable[[], Awaitable[float]]]:
    """What runs a one-activity workflow and tells its seconds, as often as it is called."""

    async def trip() -> float:
        began = time.monotonic()
        await client.execute_workflow(OneActivity.run, id=f"bench-{uuid4()}", task_queue=_QUEUE)
        return time.monotonic() - began

    async with Worker(client, task_queue=_QUEUE, workflows=[OneActivity], activities=[nothing]):
        for _ in range(2):
            await trip()  # fills caches
        yield trip


class Script:
    """The same work as one restoration without anything that makes it durable."""

    def __init__(self, comfy: ComfyClient, objects: ObjectStore) -> None:
        """Work on the same services."""
        self._comfy = comfy
        self._objects = objects
        self._decoder = PillowPhotoDecoder()

    async def run(self, graph: str, values: Parameters, photo_key: str) -> float:
        """Restore one stored photo; seconds it took."""
        began = time.monotonic()
        with tempfile.TemporaryDirectory() as folder:
            await self._restore(Path(folder), graph, values, photo_key)
        return time.monotonic() - began

    async def _restore(self, folder: Path, graph: str, values: Parameters, photo_key: str) -> None:
        name = uuid4()
        await self._objects.fetch_file(photo_key, folder / "photo.png")
        photo = await self._comfy.upload(
            folder / "photo.png", folder=f"script/{name}", name="photo.png"
        )
        bound = bind(load_pack(graph), values, photo=photo, filename_prefix=f"script/{name}/out")
        async with self._comfy.listen(str(name)) as listener:
            await self._comfy.submit(name, bound.graph, client_id=str(name))
            async for _ in listener.fractions(name, bound.graph):
                pass
        end = await self._end(name)
        await self._comfy.fetch(end.files[0], folder / "master.png")
        await self._store(folder, str(name))

    async def _end(self, prompt_id: UUID) -> PromptEnd:
        while True:
            status = await self._comfy.status(prompt_id)
            if status.end is not None:
                return status.end
            await asyncio.sleep(0.005)

    async def _store(self, folder: Path, name: str) -> None:
        master = f"script/{name}_master.png"
        await self._objects.put_file(master, folder / "master.png", content_type="image/png")
        await self._objects.fetch_file(master, folder / "again.png")
        made = await self._decoder.derive(folder / "again.png", folder)
        for image in (made.preview, made.thumbnail):
            await self._objects.put_file(
                f"script/{name}_{image.path.name}", image.path, content_type=image.media_type
            )
