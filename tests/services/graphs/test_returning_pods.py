"""A rented pod with a prompt that nobody in this process has a seat for: its return, its room."""

import asyncio
import dataclasses
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from temporalio.client import Client
from temporalio.exceptions import ApplicationError
from temporalio.testing import ActivityEnvironment

from activities.graphs import SlotActivities
from activities.pods import PodActivities, service, vacating
from activities.pods.service import PodService
from rekindle.adapters.temporal import TemporalPodOwners
from rekindle.contracts.pods import EndPod, Pod, PodEnding
from rekindle.contracts.renders import AttachRun, GraphRun, RunBeat
from rekindle.contracts.statuses import AttemptStatus, GpuClass, Stage
from rekindle.errors import GraphStalled, HandedOver
from rekindle.models import PodRecord
from rekindle.models.pods import PodState
from rekindle.ports.comfy import Comfy, Whereabouts
from rekindle.ports.pods import PodHealth
from rekindle.store import attempts, pods, uses
from rekindle.store.uses import Use
from worker.seats import PodSeats

IMAGE = GpuClass.IMAGE
SLOW = {"KSampler": 600.0}
PATIENCE = 1000.0


class OnePod:
    """A cloud of one pod: an engine that somebody can take away (`PodLauncher`, `PodDoor`)."""

    def __init__(self, comfy: Comfy) -> None:
        self.number = uuid4().int % 1_000_000 + 1000  # no other test's
        self.pod_id = f"rk-t-image-{self.number}-1"
        self.is_returned = False
        self._comfy = comfy

    async def launch(self, gpu_class: GpuClass, number: int) -> Pod:
        return Pod(
            pod_id=self.pod_id,
            gpu_class=gpu_class,
            number=self.number,
            generation=1,
            grace_seconds=60.0,
            boot_seconds=60.0,
            machine="m",
        )

    async def ready(self, pod: Pod) -> Pod:
        return pod

    async def terminate(self, gpu_class: GpuClass, number: int) -> datetime | None:
        self.is_returned = True
        return None

    async def comfy(self, pod_id: str) -> Comfy:
        return self._comfy

    async def health(self, pod_id: str) -> PodHealth:
        return PodHealth(can_render=True)

    def is_shared(self, pod_id: str) -> bool:
        return False


class LeftBehind:
    """A prompt whose process has left, and a new process whose owner returns the pod."""

    def __init__(self, bench: Any, pod: OnePod, temporal: Client, run: GraphRun) -> None:
        self.bench, self.pod, self.run = bench, pod, run
        self.leaving = asyncio.Event()
        self.beat: RunBeat | None = None
        self.pod_id = pod.pod_id
        self.looks = 0
        self._owners = TemporalPodOwners(temporal)
        self._activities = PodActivities(
            launcher=pod,
            owners=self._owners,
            door=pod,
            seats={IMAGE: PodSeats()},
            database=bench.database,
            leaving=self.leaving,
            patience_seconds=PATIENCE,
        )

    async def begins(self) -> None:
        """Its prompt runs, and the process leaves."""
        self.bench.engine.delay(**SLOW)
        task = asyncio.create_task(
            self.bench.environment().run(self.bench.activities.run_graph, self.run)
        )
        await self.bench.until(self.run, Whereabouts.RUNNING)
        self.bench.leaving.set()
        with pytest.raises(ApplicationError) as failure:
            await task
        self.bench.leaving.clear()
        self.beat = RunBeat.model_validate(failure.value.details[0])

    def attaches(self) -> "asyncio.Task[Any]":
        """Somebody takes the prompt over."""
        assert self.beat is not None
        attach = AttachRun(run=self.run, beat=self.beat)
        environment = self.bench.environment()
        return asyncio.ensure_future(environment.run(self.bench.activities.attach_graph, attach))

    def returns(
        self, ending: PodEnding = PodEnding.DRAINED, *, since: float = 0.0
    ) -> "asyncio.Task[None]":
        """The pod is returned, as was asked for so many seconds ago."""
        environment = ActivityEnvironment()
        asked_at = datetime.now(UTC) - timedelta(seconds=since)
        environment.info = dataclasses.replace(environment.info, scheduled_time=asked_at)
        end = EndPod(gpu_class=IMAGE, number=self.pod.number, ending=ending)
        return asyncio.ensure_future(environment.run(self._activities.terminate_pod, end))

    async def tells(self, *, try_number: int, stage: Stage, pod_id: str) -> None:
        """The attempt's row says where it is."""
        async with self.bench.database.transaction() as session:
            assert await attempts.advance(
                session,
                self.run.attempt_id,
                try_number=try_number,
                stage=stage,
                progress=0.1,
                pod_id=pod_id,
            )

    async def fails(self) -> None:
        """Its try is over, as a stalled one is that could not be taken off the server."""
        use = Use(self.run.attempt_id, 1, self.pod_id, 1.0, GraphStalled.code, self.run.graph)
        async with self.bench.database.transaction() as session:
            await uses.record(session, use)

    @asynccontextmanager
    async def served(self) -> AsyncIterator[PodSeats]:
        """A new process serves the pod; its seats."""
        seats, leaving = PodSeats(), asyncio.Event()
        service = PodService(
            await self.pod.launch(IMAGE, 0),
            comfy=self.bench.comfy,
            door=self.pod,
            owners=self._owners,
            seats=seats,
            database=self.bench.database,
        )
        environment = ActivityEnvironment()
        environment.on_heartbeat = self._note_look
        serving = asyncio.ensure_future(environment.run(service.serve, leaving))
        try:
            yield seats
        finally:
            leaving.set()
            with pytest.raises(HandedOver):
                await serving

    def _note_look(self, *_: Any) -> None:
        self.looks += 1

    async def until_looked_at(self, times: int) -> None:
        before = self.looks
        async with asyncio.timeout(60):
            while self.looks < before + times:
                await asyncio.sleep(0.005)

    async def row(self) -> PodRecord | None:
        async with self.bench.database.transaction() as session:
            return await pods.open_of(session, IMAGE, self.pod.number)

    async def until_kept(self) -> None:
        """Return when the pod is kept, for somebody who wants it returned."""
        async with asyncio.timeout(60):
            while (row := await self.row()) and row.state != PodState.DRAINING:
                await asyncio.sleep(0.02)
        assert row is not None
        assert not self.pod.is_returned


@pytest.fixture
async def left(bench: Any, temporal: Client, tmp_path: Path) -> AsyncIterator[LeftBehind]:
    pod = OnePod(bench.comfy)
    bench.pods = pod
    bench.activities = SlotActivities(
        seats=bench.seats,
        door=pod,
        objects=bench.objects,
        database=bench.database,
        leaving=bench.leaving,
    )
    async with bench.database.transaction() as session:
        await pods.intend(session, IMAGE, pod.number, name=lambda _: pod.pod_id, token_salt="x")
    left = LeftBehind(bench, pod, temporal, await bench.order(tmp_path))
    yield left
    await bench.comfy.cancel(left.run.prompt_id)
    async with bench.database.transaction() as session:
        await pods.close(session, IMAGE, pod.number, PodEnding.DRAINED)


@pytest.fixture(autouse=True)
def _brisk(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(vacating, "_LOOK_SECONDS", 0.05)
    monkeypatch.setattr(service, "_LOOK_SECONDS", 0.02)


async def test_a_pod_is_returned_when_a_prompt_that_was_taken_over_has_its_result_stored(
    left: LeftBehind,
) -> None:
    await left.begins()
    returning = left.returns()
    await left.until_kept()
    attach = left.attaches()
    left.bench.engine.delay()

    await returning

    assert left.pod.is_returned
    assert await left.bench.objects.head(left.run.output_key) is not None
    output = await attach
    assert output.pod_id == left.pod_id
    assert [r["outcome"] for r in left.bench.engine.runs(left.run.prompt_id)] == ["success"]
    assert (
        await left.bench.row(left.run)
    ).status == AttemptStatus.RUNNING  # what follows needs no pod


async def test_a_process_that_leaves_has_another_one_wait_for_the_prompt(left: LeftBehind) -> None:
    await left.begins()
    returning = left.returns()
    await left.until_kept()
    left.leaving.set()

    with pytest.raises(ApplicationError) as failure:
        await returning

    assert failure.value.type == "handed_over"
    assert not left.pod.is_returned


async def test_a_pod_is_kept_for_a_prompt_on_its_way_until_its_attempt_is_elsewhere(
    left: LeftBehind,
) -> None:
    await left.tells(try_number=1, stage=Stage.STAGING, pod_id=left.pod_id)
    returning = left.returns(since=-3600)  # not over for an hour, however slow this machine is
    await left.until_kept()

    await left.tells(try_number=2, stage=Stage.STAGING, pod_id="another")

    await returning
    assert left.pod.is_returned


async def test_a_prompt_that_outlives_every_deadline_keeps_no_pod(left: LeftBehind) -> None:
    await left.begins()
    await left.returns(since=PATIENCE + 1)
    assert left.pod.is_returned


async def test_a_pod_that_is_gone_is_kept_for_nobody(left: LeftBehind) -> None:
    await left.begins()
    await left.returns(PodEnding.GONE)
    assert left.pod.is_returned


async def test_a_prompt_that_its_server_lost_keeps_no_pod(left: LeftBehind) -> None:
    await left.begins()
    await asyncio.to_thread(left.bench.engine.restart)
    await left.returns(since=60)
    assert left.pod.is_returned


async def test_a_try_that_failed_keeps_no_pod(left: LeftBehind) -> None:
    await left.begins()
    await left.fails()
    await left.returns()
    assert left.pod.is_returned


async def test_the_room_of_a_pod_is_kept_for_a_prompt_that_is_on_its_way(
    left: LeftBehind, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The process that staged its photo has left since, but what it has begun it still posts."""
    monkeypatch.setattr(service, "COMING_SECONDS", 3600.0)
    await left.tells(try_number=1, stage=Stage.STAGING, pod_id=left.pod_id)

    async with left.served() as seats:
        await left.until_looked_at(5)
        before = seats.room
        await left.tells(try_number=2, stage=Stage.STAGING, pod_id="another")
        async with asyncio.timeout(60):
            await seats.promise()

    assert before == 0


async def test_the_room_of_a_pod_is_not_kept_for_long_for_a_prompt_that_does_not_come(
    left: LeftBehind, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(service, "COMING_SECONDS", 0.1)
    await left.tells(try_number=1, stage=Stage.STAGING, pod_id=left.pod_id)

    async with left.served() as seats, asyncio.timeout(60):
        await seats.promise()


async def test_the_room_of_a_pod_is_given_away_while_a_result_waits_there_to_be_fetched(
    left: LeftBehind, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(service, "COMING_SECONDS", 3600.0)
    await left.begins()
    left.bench.engine.delay()
    await left.bench.until(left.run, Whereabouts.ENDED)

    async with left.served() as seats, asyncio.timeout(60):
        await seats.promise()
