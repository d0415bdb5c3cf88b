"""Commands of the API reach the real workflow of a job, and its answers come back."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest
from temporalio import workflow
from temporalio.client import Client
from temporalio.service import RPCError

from activities.jobs import JobActivities
from rekindle.adapters.temporal import TemporalJobs
from rekindle.contracts import jobs, keys, queues, renders
from rekindle.contracts.renders import GraphOutput, RenderInput, RenderResult
from rekindle.contracts.statuses import AttemptStatus
from rekindle.store import attempts
from rekindle.store.database import Database
from worker.host import workflow_runner
from worker.polling import Worker
from workflows_temporal.photo_job import PhotoJob


@workflow.defn(name=renders.RENDER, sandboxed=False)
class Rendered:
    """Ends at once, and has nothing to do with any GPU."""

    @workflow.run
    async def run(self, order: RenderInput) -> RenderResult:
        return RenderResult(attempt_id=order.attempt_id, status=AttemptStatus.SUCCEEDED)


@pytest.fixture(autouse=True)
async def worker(temporal: Client, database: Database, world: Any) -> AsyncIterator[None]:
    world.jobs = TemporalJobs(temporal)
    async with Worker(
        temporal,
        task_queue=queues.CONTROL,
        workflows=[PhotoJob, Rendered],
        activities=[JobActivities(database).select_attempt],
        workflow_runner=workflow_runner(),
    ):
        yield


async def restored(http: httpx.AsyncClient, job: dict[str, Any], **wish: Any) -> dict[str, Any]:
    reply = await http.post(job["links"]["restore"], json=wish)
    assert reply.status_code == 202, reply.text
    document: dict[str, Any] = reply.json()
    return document


async def order_of(temporal: Client, attempt: dict[str, Any]) -> RenderInput:
    """What the attempt's render was started with, once it was."""
    handle = temporal.get_workflow_handle(renders.workflow_id(UUID(attempt["id"])))
    async with asyncio.timeout(60):
        while True:
            try:
                history = await handle.fetch_history()
                break
            except RPCError:  # not started yet
                await asyncio.sleep(0.02)
    payloads = history.events[0].workflow_execution_started_event_attributes.input.payloads
    [order] = await temporal.data_converter.decode(payloads, [RenderInput])
    assert isinstance(order, RenderInput)
    return order


async def choose(http: httpx.AsyncClient, job: dict[str, Any], attempt_id: str) -> httpx.Response:
    return await http.post(job["links"]["select"], json={"attempt_id": attempt_id})


async def test_an_upload_opens_the_workflow_of_its_job(
    http: httpx.AsyncClient, upload: Any, temporal: Client
) -> None:
    job = (await upload(http)).json()
    description = await temporal.get_workflow_handle(jobs.workflow_id(UUID(job["id"]))).describe()
    assert description.workflow_type == jobs.PHOTO_JOB


async def test_a_wish_becomes_the_order_of_a_render(
    http: httpx.AsyncClient, job: dict[str, Any], temporal: Client, database: Database
) -> None:
    attempt = await restored(http, job, denoise=0.25, seed=11)
    order = await order_of(temporal, attempt)
    assert order.parameters == attempt["parameters"]
    assert (order.parameters["denoise"], order.parameters["seed"]) == (0.25, 11)
    assert (order.graph, order.graph_version) == (attempt["graph"], attempt["graph_version"])
    assert (order.max_retries, order.deadline_seconds) == (2, 77.0)
    async with database.transaction() as session:
        row = await attempts.of_job(session, UUID(job["id"]), UUID(attempt["id"]))
    assert row is not None
    assert row.stamp == order.stamp
    assert (row.gpu_class, row.priority) == (order.gpu_class, order.priority)


async def test_a_wish_for_a_clip_becomes_the_order_of_a_render_of_the_restoration(
    http: httpx.AsyncClient, job: dict[str, Any], temporal: Client, succeed: Any
) -> None:
    restoration = await restored(http, job)
    await succeed(restoration)
    reply = await http.post(job["links"]["animate"], json={"motion": "drift", "seed": 11})
    assert reply.status_code == 202, reply.text
    clip = reply.json()
    order = await order_of(temporal, clip)
    assert (order.kind, order.gpu_class) == ("animation", "video")
    assert order.source_id == UUID(restoration["id"])
    assert order.source_key == keys.restored_master(UUID(job["id"]), "s")
    assert order.output_key == keys.animated_master(UUID(job["id"]), order.stamp)
    assert order.parameters == clip["parameters"]
    assert order.deadline_seconds == 1200.0
    early = await choose(http, job, clip["id"])
    assert (early.status_code, early.json()["code"]) == (404, "attempt_not_found")


async def test_a_clip_is_cancelled_through_the_workflow_of_its_job(
    http: httpx.AsyncClient, job: dict[str, Any], succeed: Any
) -> None:
    await succeed(await restored(http, job))
    clip = (await http.post(job["links"]["animate"])).json()
    for _ in range(2):
        reply = await http.post(clip["links"]["cancel"])
        assert (reply.status_code, reply.json()["id"]) == (202, clip["id"])


async def test_only_an_attempt_that_succeeded_can_be_chosen(
    http: httpx.AsyncClient, job: dict[str, Any], database: Database
) -> None:
    attempt = await restored(http, job)
    early = await choose(http, job, attempt["id"])
    assert (early.status_code, early.json()["code"]) == (409, "attempt_not_selectable")
    output = GraphOutput(key="m", sha256="0" * 64, size_bytes=1, engine_seconds=1, pod_id="p")
    async with database.transaction() as session:
        await attempts.succeed(
            session,
            UUID(attempt["id"]),
            output,
            attempts.Result(
                key=output.key,
                sha256=output.sha256,
                width=4,
                height=3,
                preview_key="p",
                thumbnail_key="t",
            ),
        )
    chosen = await choose(http, job, attempt["id"])
    assert chosen.status_code == 200
    assert chosen.json()["selected_restore_id"] == attempt["id"]


async def test_an_attempt_that_is_not_of_this_job_cannot_be_chosen(
    http: httpx.AsyncClient, job: dict[str, Any], make_job: Any
) -> None:
    of_another = await restored(http, await make_job(http))
    for attempt_id in (of_another["id"], str(uuid4())):
        reply = await choose(http, job, attempt_id)
        assert (reply.status_code, reply.json()["code"]) == (404, "attempt_not_found")
