"""Records the histories that `test_histories.py` replays: real workflows, workers and services.

    .venv/bin/python tests/replay/record.py            # all of them, in about two minutes
    .venv/bin/python tests/replay/record.py drained    # those whose story has this in its name

Whatever names a machine or a process is taken out before a history is written.
"""

import asyncio
import json
import re
import shutil
import sys
import tempfile
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import cv2
import httpx
import numpy as np
import record_deletion  # type: ignore[import-not-found]  # beside this script
import record_orders  # type: ignore[import-not-found]  # beside this script
import record_pods  # type: ignore[import-not-found]  # beside this script
import record_webhooks  # type: ignore[import-not-found]  # beside this script
from temporalio.client import Client, WorkflowFailureError, WorkflowHandle
from temporalio.contrib.pydantic import pydantic_data_converter
from temporalio.service import RPCError

from comfy_graphs import complete, load_pack
from deploy.cli.client import ApiClient
from deploy.cli.connection import connect
from deploy.stack.running import running_stack
from deploy.stack.stack import Stack
from deploy.stack.test_cards import drawing_cards
from rekindle.adapters.temporal import TemporalJobs
from rekindle.contracts import jobs, keys, pods, renders
from rekindle.contracts.jobs import AttemptCommand, PhotoJobInput
from rekindle.contracts.statuses import AttemptKind, GpuClass, Stage
from rekindle.errors import RekindleError
from rekindle.settings import Settings
from rekindle.store import attempts
from rekindle.store.database import Database
from rekindle.wiring.parts import object_store

HISTORIES = Path(__file__).with_name("histories")
IDLE_SECONDS = 2.0
LONG = {"limit.historyCount.suggestContinueAsNew": "80"}
SETTINGS = Settings(
    _env_file=None,
    default_graph="restore",
    job_idle_seconds=IDLE_SECONDS,
    allow_private_webhooks=True,
)


class Recorder:
    """One person with one photo, the stack they use, and a place for histories."""

    def __init__(self, stack: Stack, client: Client, api: ApiClient, photo: Path) -> None:
        self.stack, self.client, self._api, self._photo = stack, client, api, photo
        self.commands = TemporalJobs(client)
        self.database = Database(stack.addresses.database)
        self.objects = object_store(stack.settings)

    async def job(self) -> PhotoJobInput:
        """A new job with an uploaded photo."""
        made = await asyncio.to_thread(self._api.upload, self._photo, "someone@example.org")
        job_id = UUID(made["id"])
        return PhotoJobInput(job_id=job_id, fairness_key="0" * 16, idle_seconds=IDLE_SECONDS)

    async def restored(
        self,
        job: PhotoJobInput,
        *,
        attempt_id: UUID | None = None,
        retries: int = 1,
        deadline: float = 120,
    ) -> UUID:
        """A further attempt."""
        pack = load_pack("restore")
        command = AttemptCommand(
            attempt_id=attempt_id or uuid4(),
            kind=AttemptKind.RESTORE,
            graph=pack.name,
            graph_version=pack.manifest.version,
            gpu_class=pack.manifest.gpu_class,
            parameters=complete(pack, {"megapixels": 0.1}, seed=7),
            source_key=keys.working(job.job_id),
            max_retries=retries,
            deadline_seconds=deadline,
        )
        await self.commands.begin(job, command)
        return command.attempt_id

    async def rendering(self, job: PhotoJobInput) -> UUID:
        """An attempt whose prompt stands still on the engine."""
        await self.pace(600)
        attempt_id = await self.restored(job)
        while not await self._sampling():
            await asyncio.sleep(0.05)
        await asyncio.sleep(2.5)  # until a heartbeat that says so has really been sent
        return attempt_id

    async def stage(self, job: PhotoJobInput, attempt_id: UUID, stage: Stage) -> None:
        """Wait until the attempt's row says so."""
        while True:
            async with self.database.transaction() as session:
                row = await attempts.of_job(session, job.job_id, attempt_id)
            if row is not None and row.stage == stage:
                return
            await asyncio.sleep(0.01)

    async def pace(self, seconds: float) -> None:
        """Make every sampler take so long."""
        await self._engine("POST", "/simulator/faults", json={"node_delay": {"KSampler": seconds}})

    async def _sampling(self) -> bool:
        return bool((await self._engine("GET", "/queue"))["queue_running"])

    async def _engine(self, method: str, path: str, **request: Any) -> Any:
        assert self.stack.comfyui is not None
        async with httpx.AsyncClient(base_url=self.stack.comfyui.url) as http:
            return (await http.request(method, path, **request)).json()

    def render(self, attempt_id: UUID) -> WorkflowHandle[Any, Any]:
        return self.client.get_workflow_handle(renders.workflow_id(attempt_id))

    def photo_job(self, job: PhotoJobInput, run_id: str | None = None) -> WorkflowHandle[Any, Any]:
        return self.client.get_workflow_handle(jobs.workflow_id(job.job_id), run_id=run_id)

    async def runs(self, job: PhotoJobInput) -> list[str]:
        """Ids of the runs of a job, oldest first, as soon as one has closed."""
        mine = f"WorkflowId = '{jobs.workflow_id(job.job_id)}'"
        found = [each async for each in self.client.list_workflows(mine)]
        return [each.run_id for each in sorted(found, key=lambda each: each.start_time)]

    async def ended(self, handle: WorkflowHandle[Any, Any]) -> WorkflowHandle[Any, Any]:
        """The same workflow once it has ended, however."""
        async with asyncio.timeout(90):
            while True:
                try:
                    await handle.result()
                except WorkflowFailureError:
                    return handle
                except RPCError:  # accepted, but not started yet
                    await asyncio.sleep(0.05)
                else:
                    return handle

    async def has_scheduled(self, attempt_id: UUID, activity: str) -> None:
        """Wait until the attempt's render has asked for an activity."""
        while True:
            history = await self.render(attempt_id).fetch_history()
            for event in history.events:
                scheduled = event.activity_task_scheduled_event_attributes
                if scheduled.activity_type.name == activity:
                    return
            await asyncio.sleep(0.05)

    async def call(self, action: Callable[[], None]) -> None:
        """Start, stop or kill a process of the stack."""
        await asyncio.to_thread(action)


Story = Callable[[Recorder], Awaitable[WorkflowHandle[Any, Any]]]
STORIES: dict[str, Story] = {}


def story(tell: Story) -> Story:
    """A way through a workflow's life; returns the workflow whose history it is."""
    STORIES[tell.__name__] = tell
    return tell


@story
async def photo_job_closed_when_idle(r: Recorder) -> WorkflowHandle[Any, Any]:
    return await r.ended(r.photo_job(await r.job()))


@story
async def photo_job_restored_and_selected(r: Recorder) -> WorkflowHandle[Any, Any]:
    job = await r.job()
    first, second = await r.restored(job), await r.restored(job)
    await asyncio.gather(*(r.ended(r.render(each)) for each in (first, second)))
    await r.commands.select(job, first)
    return await r.ended(r.photo_job(job))


@story
async def photo_job_refused_a_choice(r: Recorder) -> WorkflowHandle[Any, Any]:
    job = await r.job()
    [refused] = await asyncio.gather(r.commands.select(job, uuid4()), return_exceptions=True)
    assert isinstance(refused, RekindleError)
    return await r.ended(r.photo_job(job))


@story
async def photo_job_canceled_an_attempt(r: Recorder) -> WorkflowHandle[Any, Any]:
    job = await r.job()
    attempt_id = await r.rendering(job)
    await r.commands.cancel(job, attempt_id)
    await r.ended(r.render(attempt_id))
    await r.commands.cancel(job, attempt_id)
    await r.commands.cancel(job, uuid4())
    return await r.ended(r.photo_job(job))


@story
async def photo_job_revived(r: Recorder) -> WorkflowHandle[Any, Any]:
    job = await r.job()
    await r.ended(r.photo_job(job))
    await r.ended(r.render(await r.restored(job)))
    return await r.ended(r.photo_job(job))


@story
async def photo_job_revived_with_an_attempt_it_knew(r: Recorder) -> WorkflowHandle[Any, Any]:
    job = await r.job()
    attempt_id = await r.restored(job)
    await r.ended(r.photo_job(job))
    await r.restored(job, attempt_id=attempt_id)
    return await r.ended(r.photo_job(job))


async def _continued(r: Recorder) -> tuple[str, str, PhotoJobInput]:
    job = await r.job()
    attempt_id = await r.rendering(job)
    while len(runs := await r.runs(job)) < 2:
        await r.commands.cancel(job, uuid4())
    await r.commands.cancel(job, attempt_id)
    await r.ended(r.photo_job(job))
    return runs[0], runs[1], job


@story
async def photo_job_continued_with_a_render_in_flight(r: Recorder) -> WorkflowHandle[Any, Any]:
    old, _, job = await _continued(r)
    return r.photo_job(job, old)


@story
async def photo_job_after_it_continued(r: Recorder) -> WorkflowHandle[Any, Any]:
    _, new, job = await _continued(r)
    return r.photo_job(job, new)


@story
async def render_done(r: Recorder) -> WorkflowHandle[Any, Any]:
    return await r.ended(r.render(await r.restored(await r.job())))


@story
async def render_failed_again_and_again(r: Recorder) -> WorkflowHandle[Any, Any]:
    job = await r.job()
    with tempfile.NamedTemporaryFile() as junk:
        junk.write(b"no picture")
        junk.flush()
        key = keys.working(job.job_id)
        await r.objects.put_file(key, Path(junk.name), content_type="image/png")
    return await r.ended(r.render(await r.restored(job)))


@story
async def render_canceled_while_waiting(r: Recorder) -> WorkflowHandle[Any, Any]:
    job = await r.job()
    first = await r.rendering(job)
    waiting = await r.restored(job)
    await r.has_scheduled(waiting, "run_graph")
    await r.commands.cancel(job, waiting)
    await r.ended(r.render(waiting))
    await r.commands.cancel(job, first)
    return r.render(waiting)


@story
async def render_canceled_while_rendering(r: Recorder) -> WorkflowHandle[Any, Any]:
    job = await r.job()
    attempt_id = await r.rendering(job)
    await r.commands.cancel(job, attempt_id)
    return await r.ended(r.render(attempt_id))


@story
async def render_without_a_gpu_in_time(r: Recorder) -> WorkflowHandle[Any, Any]:
    job = await r.job()
    first = await r.rendering(job)
    waiting = await r.restored(job, deadline=2)
    await r.ended(r.render(waiting))
    await r.commands.cancel(job, first)
    return r.render(waiting)


@story
async def render_over_its_deadline(r: Recorder) -> WorkflowHandle[Any, Any]:
    await r.pace(600)
    return await r.ended(r.render(await r.restored(await r.job(), deadline=4)))


@story
async def render_whose_prompt_was_lost(r: Recorder) -> WorkflowHandle[Any, Any]:
    attempt_id = await r.rendering(await r.job())
    assert r.stack.comfyui is not None
    await r.call(r.stack.comfyui.kill)
    await r.call(r.stack.comfyui.start)
    return await r.ended(r.render(attempt_id))


@story
async def render_whose_worker_died(r: Recorder) -> WorkflowHandle[Any, Any]:
    attempt_id = await r.rendering(await r.job())
    await r.call(r.stack.worker.kill)
    await r.pace(0)
    await r.call(r.stack.worker.start)
    return await r.ended(r.render(attempt_id))


@story
async def render_handed_over_by_a_deploy(r: Recorder) -> WorkflowHandle[Any, Any]:
    attempt_id = await r.rendering(await r.job())
    await r.call(r.stack.worker.stop)
    await r.pace(0)
    await r.call(r.stack.worker.start)
    return await r.ended(r.render(attempt_id))


@story
async def render_canceled_after_it_was_handed_over(r: Recorder) -> WorkflowHandle[Any, Any]:
    job = await r.job()
    attempt_id = await r.rendering(job)
    await r.call(r.stack.worker.stop)
    await r.call(r.stack.worker.start)
    await r.has_scheduled(attempt_id, "attach_graph")
    await r.commands.cancel(job, attempt_id)
    return await r.ended(r.render(attempt_id))


@story
async def render_that_waited_for_the_photo_store(r: Recorder) -> WorkflowHandle[Any, Any]:
    job = await r.job()
    await r.call(r.stack.s3.kill)
    attempt_id = await r.restored(job)
    while not await _waits(r, attempt_id):
        await asyncio.sleep(0.05)
    await r.call(r.stack.s3.start)
    return await r.ended(r.render(attempt_id))


async def _waits(r: Recorder, attempt_id: UUID) -> bool:
    try:
        history = await r.render(attempt_id).fetch_history()
    except RPCError:  # accepted, but not started yet
        return False
    return any(event.HasField("timer_started_event_attributes") for event in history.events)


@story
async def render_whose_result_had_to_wait_for_the_photo_store(
    r: Recorder,
) -> WorkflowHandle[Any, Any]:
    attempt_id = await r.rendering(await r.job())
    await r.call(r.stack.s3.kill)
    await r.pace(0)
    await r.has_scheduled(attempt_id, "attach_graph")
    await r.call(r.stack.s3.start)
    return await r.ended(r.render(attempt_id))


@story
async def gpu_pod_drained(r: Recorder) -> WorkflowHandle[Any, Any]:
    pod = await _serving_pod(r)
    await pod.signal(pods.DRAIN)
    return await r.ended(pod)


@story
async def gpu_pod_canceled(r: Recorder) -> WorkflowHandle[Any, Any]:
    pod = await _serving_pod(r)
    await pod.cancel()
    return await r.ended(pod)


@story
async def gpu_pod_serving(r: Recorder) -> WorkflowHandle[Any, Any]:
    return await _serving_pod(r)


async def _serving_pod(r: Recorder) -> WorkflowHandle[Any, Any]:
    """The pod that has just rendered something, by its present run."""
    await r.ended(r.render(await r.restored(await r.job())))
    handle = r.client.get_workflow_handle(pods.workflow_id(GpuClass.IMAGE, 0))
    run_id = (await handle.describe()).run_id
    return r.client.get_workflow_handle(handle.id, run_id=run_id)


PROCESS = re.compile(r"\b\d+@[\w.-]+")


def anonymous(history: Any) -> Any:
    """The history without what names a machine, a process or a line of code."""
    if isinstance(history, dict):
        hidden = {"stackTrace", "binaryChecksum", "workerControlTaskQueue", "workerInstanceKey"}
        return {key: anonymous(value) for key, value in history.items() if key not in hidden}
    if isinstance(history, list):
        return [anonymous(value) for value in history]
    return PROCESS.sub("0@worker", history) if isinstance(history, str) else history


async def record(wanted: list[str]) -> None:
    """Tell the stories on one stack, one after the other, and write their histories."""
    with (
        tempfile.TemporaryDirectory(prefix="rekindle-record-") as folder,
        running_stack(
            Path(folder, "stack"),
            settings=SETTINGS,
            comfyui_arguments=drawing_cards("restore"),
            temporal_config=LONG,
        ) as stack,
        ApiClient(connect(None, None, stack.data)) as api,
    ):
        photo = Path(folder, "photo.png")
        cv2.imwrite(str(photo), np.full((60, 80, 3), 90, np.uint8))
        client = await Client.connect(
            stack.addresses.temporal, data_converter=pydantic_data_converter
        )
        recorder = Recorder(stack, client, api, photo)
        for name in wanted:
            await recorder.pace(0)
            await keep(name, await _told(name, recorder))
        await recorder.database.close()


async def _told(name: str, recorder: Recorder) -> WorkflowHandle[Any, Any]:
    if name in record_orders.STORIES:
        return await record_orders.tell(name, recorder)  # type: ignore[no-any-return]
    if name in record_deletion.STORIES:
        return await record_deletion.STORIES[name](recorder)  # type: ignore[no-any-return]
    if name in record_webhooks.STORIES:
        return await record_webhooks.STORIES[name](recorder)  # type: ignore[no-any-return]
    return await STORIES[name](recorder)


async def keep(name: str, handle: WorkflowHandle[Any, Any]) -> None:
    """Write the history of a workflow."""
    document = anonymous((await handle.fetch_history()).to_json_dict())
    text = json.dumps(document, separators=(",", ":"), sort_keys=True) + "\n"
    (HISTORIES / f"{name}.json").write_text(text)
    print(f"{name}: {len(document['events'])} events, {len(text)} bytes", flush=True)


def main() -> None:
    """Record the stories whose names hold a given word, or all of them anew."""
    words = sys.argv[1:]
    if not words:
        shutil.rmtree(HISTORIES, ignore_errors=True)
    HISTORIES.mkdir(exist_ok=True)
    others = (record_orders.STORIES, record_deletion.STORIES, record_webhooks.STORIES)
    if wanted := _named({**STORIES, **{k: v for each in others for k, v in each.items()}}, words):
        asyncio.run(record(wanted))
    if wanted := _named(record_pods.STORIES, words):
        asyncio.run(record_pods.record_pods(wanted, keep))


def _named(stories: Mapping[str, object], words: list[str]) -> list[str]:
    return [name for name in stories if not words or any(word in name for word in words)]


if __name__ == "__main__":
    main()
