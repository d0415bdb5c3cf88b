"""API and worker in this one process, so that what they ask of the services can be counted."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from uuid import UUID

import httpx
from temporalio.client import Client

from api.app import create_app
from deploy.bench.counts import HistorySize, Meter, RestoreCounts
from deploy.bench.visitor import Visitor
from rekindle.contracts import jobs, renders
from rekindle.contracts.statuses import AttemptStatus
from rekindle.settings import Settings
from rekindle.wiring.api import ApiPorts, open_api
from rekindle.wiring.worker import open_worker
from worker.host import WorkerHost

OpenPorts = Callable[[Settings], AbstractAsyncContextManager[ApiPorts]]

_PATIENCE_SECONDS = 90.0
_WISH: dict[str, str | float] = {"graph": "restore", "megapixels": 0.1, "seed": 7}


class MeteredProduct:
    """Restores photos and counts what that takes."""

    def __init__(self, visitor: Visitor, client: Client, meter: Meter) -> None:
        """Use `metered_product` instead."""
        self._visitor = visitor
        self._client = client
        self._meter = meter

    async def counts_a_restoration(self, photo: Path) -> RestoreCounts:
        """Count the second restoration of a photo; in the first, pods are served and pools filled.

        Args:
            photo: what is uploaded first.

        Raises:
            TimeoutError: nothing came of it.
            RuntimeError: it did not succeed.
        """
        async with asyncio.timeout(_PATIENCE_SECONDS):
            job_id = await self._visitor.uploads(photo)
            await self._restores(job_id)
            before = await self._settled(job_id)
            await self._visitor.looks_at_graphs()
            self._meter.reset()
            began = time.monotonic()
            render = await self._restores(job_id)
            seconds = time.monotonic() - began
            job = (await self._settled(job_id)).since(before)
        meter = self._meter
        return RestoreCounts(
            statements=meter.statements,
            progress_writes=meter.progress_writes,
            transactions=meter.transactions,
            requests=dict(meter.requests),
            render=render,
            job=job,
            seconds=seconds,
        )

    async def _restores(self, job_id: UUID) -> HistorySize:
        """The history of an attempt that was asked for and has succeeded."""
        attempt_id = await self._visitor.restores(job_id, **_WISH)
        render = self._client.get_workflow_handle(
            renders.workflow_id(attempt_id), result_type=renders.RenderResult
        )
        result: renders.RenderResult = await render.result()
        if result.status is not AttemptStatus.SUCCEEDED:
            raise RuntimeError(f"the attempt ended as {result.status}")
        return HistorySize.of(await render.fetch_history())

    async def _settled(self, job_id: UUID) -> HistorySize:
        """The job's history once it knows that its attempt has ended and has nothing to do."""
        job = self._client.get_workflow_handle(jobs.workflow_id(job_id))
        while True:
            history = await job.fetch_history()
            if history.events[-1].HasField("timer_started_event_attributes"):
                return HistorySize.of(history)
            await asyncio.sleep(0.02)


@asynccontextmanager
async def metered_product(
    settings: Settings, token: str, *, open_api_ports: OpenPorts = open_api
) -> AsyncIterator[MeteredProduct]:
    """Run API and worker over the services that the settings name, and count.

    Nobody else may use Postgres from this process meanwhile: every pool in it is counted.

    Args:
        settings: of both.
        token: whose bearer uploads and restores.
        open_api_ports: what the API works through.
    """
    meter = Meter()

    @asynccontextmanager
    async def metered_ports(settings: Settings) -> AsyncIterator[ApiPorts]:
        async with open_api_ports(settings) as ports:
            meter.on_objects(ports.objects)
            yield ports

    app = create_app(settings, open_ports=metered_ports)
    async with open_worker(settings) as ports, WorkerHost(ports).running():
        meter.on_objects(ports.objects)
        async with (
            app.router.lifespan_context(app),
            httpx.AsyncClient(
                transport=httpx.ASGITransport(app),
                base_url="http://api.example",
                headers={"Authorization": f"Bearer {token}"},
                timeout=60,
            ) as http,
        ):
            with meter.on_database():
                yield MeteredProduct(Visitor(http), ports.client, meter)
