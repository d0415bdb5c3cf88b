"""Running a graph on a GPU slot, and taking over one that another process had started."""

import asyncio
import tempfile
import time
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager
from pathlib import Path, PurePosixPath
from typing import Any

import structlog
from temporalio import activity

from activities.beating import Beats, beating
from activities.failures import as_failures
from activities.follow import Follow
from activities.forecast import Forecast
from activities.progress import ProgressWriter
from activities.superseded import is_superseded
from activities.traces import unless_erased
from activities.turn import SeatTurn
from activities.uses import TryMeter
from comfy_graphs import BoundGraph, GraphPack, bind, load_pack
from rekindle.contracts.renders import AttachRun, GraphOutput, GraphRun, RunBeat
from rekindle.contracts.statuses import Stage
from rekindle.errors import (
    ComfyUnavailable,
    DeadlineExceeded,
    HandedOver,
    PodGone,
    PromptLost,
    ResultUnreadable,
)
from rekindle.ports.comfy import Comfy, OutputFile, PromptEnd, Whereabouts
from rekindle.ports.objects import ObjectStore, StoredObject
from rekindle.ports.pods import PodDoor, Seats
from rekindle.store import attempts, pods
from rekindle.store.database import Database
from rekindle.store.uses import CANCELED, Use

_LOG = structlog.get_logger(__name__)
_POD, _MACHINE, _PROMPT, _ENGINE_SECONDS = "pod", "machine", "prompt", "engine-seconds"


class GraphActivities:
    """`run_graph` and `attach_graph`: two doors into the same following."""

    def __init__(
        self, *, door: PodDoor, objects: ObjectStore, database: Database, leaving: asyncio.Event
    ) -> None:
        """Work through these ports.

        Args:
            leaving: set when this process is to stop; running prompts are then handed over.
        """
        self._door = door
        self._objects = objects
        self._database = database
        self._leaving = leaving

    @activity.defn
    async def attach_graph(self, attach: AttachRun) -> GraphOutput:
        """Find a prompt that was posted by a process that is gone, and bring its result home.

        Needs no GPU slot. Idempotent: a master already stored is the answer.

        Raises:
            PromptLost: the server does not know the prompt (any more).
            PodGone: the pod cannot be reached.
        """
        run, beat = attach.run, attach.beat
        meter = TryMeter(self._database, run, beat.pod_id, seen_seconds=beat.gpu_seconds)
        async with meter.recording():
            with as_failures(lambda: beat):
                stored = await self._stored(run)
                if stored is not None:
                    return stored
                visit = await self._visit(run, beat.pod_id, beat.machine, meter)
                async with visit.interruptible():
                    with tempfile.TemporaryDirectory(prefix="rekindle-") as scratch:
                        return await self._unless_stored(run, visit.attach(Path(scratch)))

    async def _unless_stored(
        self, run: GraphRun, following: Coroutine[Any, Any, GraphOutput]
    ) -> GraphOutput:
        """Follow a prompt that a process only believed dead may bring home meanwhile."""
        try:
            return await following
        except PromptLost:
            stored = await self._stored(run)
            if stored is None:
                raise
            return stored

    async def _stored(self, run: GraphRun) -> GraphOutput | None:
        """The master if this very try has stored it; that of an earlier try is another picture."""
        stored = await self._objects.head(run.output_key)
        if stored is None or stored.labels.get(_PROMPT) != str(run.prompt_id):
            return None
        return _output(stored, run)

    async def _visit(
        self, run: GraphRun, pod_id: str, machine: str | None, meter: TryMeter
    ) -> "GraphVisit":
        return GraphVisit(
            run=run,
            pod_id=pod_id,
            machine=machine,
            comfy=await self._door.comfy(pod_id),
            is_shared=self._door.is_shared(pod_id),
            objects=self._objects,
            database=self._database,
            progress=ProgressWriter(self._database, run, pod_id),
            meter=meter,
            leaving=self._leaving,
        )


class SlotActivities(GraphActivities):
    """What runs on the GPU task queues of a process with seats."""

    def __init__(
        self,
        *,
        seats: Seats,
        door: PodDoor,
        objects: ObjectStore,
        database: Database,
        leaving: asyncio.Event,
    ) -> None:
        """As `GraphActivities`, with the seats of one GPU class."""
        super().__init__(door=door, objects=objects, database=database, leaving=leaving)
        self._seats = seats
        self._forecast = Forecast()

    @activity.defn
    async def run_graph(self, run: GraphRun) -> GraphOutput:
        """Run one try of an attempt's graph on a pod that has room, and store its master.

        Posting is looking up first, so the same try never runs twice on one server. The last
        heartbeat, or the failure's detail, is a `RunBeat` with which `attach_graph` can go on.

        Raises:
            NoPod: no pod has room for it (any more); nothing was begun.
            HandedOver: this process is leaving, or the prompt is on another pod already (this
                workflow was reset, or this activity paused); the prompt, if posted, runs on.
            GraphRejected, ModelMissing: this graph cannot run there.
            GraphFailed, GraphStalled, PromptLost, PodGone: this try is over.
        """
        with as_failures():
            seat = self._seats.claim(run.avoid)
        turn = SeatTurn(seat, self._forecast, run, waits_since=_scheduled_at())
        meter = TryMeter(self._database, run, seat.pod.pod_id)
        async with meter.recording():
            try:
                if run.resumed or activity.info().attempt > 1:
                    stored = await self._found(run, seat.pod.pod_id)
                    if stored is not None:
                        return stored
                with as_failures():
                    visit = await self._visit(run, seat.pod.pod_id, seat.pod.machine, meter)
                with as_failures(lambda: visit.beat):
                    async with visit.interruptible():
                        with tempfile.TemporaryDirectory(prefix="rekindle-") as scratch:
                            following = visit.run_from_start(Path(scratch), turn)
                            return await self._unless_stored(run, following)
            finally:
                turn.over()

    async def _found(self, run: GraphRun, pod_id: str) -> GraphOutput | None:
        """What this very try has made already; None when it may begin, or go on, on this pod.

        Raises:
            HandedOver: its prompt is on another pod, as the failure's detail tells.
        """
        beat: RunBeat | None = None
        with as_failures(lambda: beat):
            stored = await self._stored(run)
            if stored is None:
                beat = await self._elsewhere(run, pod_id)
                if beat is not None:
                    raise HandedOver("its prompt is on another pod")
            return stored

    async def _elsewhere(self, run: GraphRun, pod_id: str) -> RunBeat | None:
        async with self._database.transaction() as session:
            row = await attempts.by_id(session, run.attempt_id)
            if row is None or row.pod_id in (None, pod_id) or row.try_number != run.try_number:
                return None
            pod = await pods.by_id(session, row.pod_id)
        try:
            status = await (await self._door.comfy(row.pod_id)).status(run.prompt_id)
            if status.place is Whereabouts.UNKNOWN:
                return None
        except PodGone:
            return None
        except ComfyUnavailable:
            if pod is None or pod.terminated_at is not None:
                return None
            # It may be there: who attaches to it has the patience to find out.
        return RunBeat(
            pod_id=row.pod_id,
            prompt_id=run.prompt_id,
            stage=Stage.RENDERING,
            fraction=0.0,
            machine=pod.machine if pod else None,
        )


class GraphVisit:
    """One try on one pod, from staging to the stored master."""

    def __init__(
        self,
        *,
        run: GraphRun,
        pod_id: str,
        machine: str | None,
        comfy: Comfy,
        is_shared: bool,
        objects: ObjectStore,
        database: Database,
        progress: ProgressWriter,
        meter: TryMeter,
        leaving: asyncio.Event,
    ) -> None:
        """Prepare; nothing happens yet.

        Args:
            is_shared: whether unknown work may be before this on the server.
        """
        self._run = run
        self._comfy = comfy
        self._is_shared = is_shared
        self._objects = objects
        self._database = database
        self._progress = progress
        self._meter = meter
        self._leaving = leaving
        self._beats = Beats()
        self._pack: GraphPack = load_pack(run.graph)
        self.beat = RunBeat(
            pod_id=pod_id,
            prompt_id=run.prompt_id,
            stage=Stage.STAGING,
            fraction=0.0,
            machine=machine,
        )

    async def run_from_start(self, scratch: Path, turn: SeatTurn) -> GraphOutput:
        """Stage the photo, post the prompt, follow it, store the result.

        Args:
            scratch: a private folder that is deleted afterwards.
            turn: told when the prompt is posted, starts, and has left the GPU.
        """
        await self._tell(Stage.STAGING, 0.0)
        try:
            async with beating(lambda: self.beat):
                photo = await self._stage(scratch)
        except ComfyUnavailable as error:
            raise PodGone("the server cannot be reached") from error
        await self._progress.known()
        end = await self._follow(self._bind(photo), turn)
        turn.ended(end)
        return await self._bring_home(end, scratch / "master")

    async def attach(self, scratch: Path) -> GraphOutput:
        """Follow the prompt that is already there, store the result."""
        end = await self._follow(self._bind(self._unknown_photo()))
        return await self._bring_home(end, scratch / "master")

    async def _stage(self, scratch: Path) -> str | None:
        """Have the pod know the photo, if the run has one; by which name."""
        if self._run.source_key is None:
            return None
        local = scratch / f"source{PurePosixPath(self._run.source_key).suffix}"
        await self._objects.fetch_file(self._run.source_key, local)
        return await self._comfy.upload(
            local, folder=f"jobs/{self._run.job_id}", name=f"{self._run.attempt_id}{local.suffix}"
        )

    def _unknown_photo(self) -> str | None:
        """A name for the photo of a prompt that was posted by somebody else."""
        return None if self._run.source_key is None else "unknown.png"

    def _bind(self, photo: str | None) -> BoundGraph:
        # A prefix of its own: the node cache would otherwise name another attempt's file.
        prefix = f"jobs/{self._run.attempt_id}/{self._run.try_number}/out"
        return bind(self._pack, self._run.parameters, photo=photo, filename_prefix=prefix)

    async def _follow(self, bound: BoundGraph, turn: SeatTurn | None = None) -> PromptEnd:
        """Post the prompt if it is somebody's turn, follow it to its end."""
        await self._tell(Stage.RENDERING, 0.0)  # known before it is posted

        def posted() -> None:
            if turn is not None:
                turn.posted()

        def begun() -> None:
            self._meter.started()
            if turn is not None:
                turn.started()

        follow = Follow(
            comfy=self._comfy,
            prompt_id=self._run.prompt_id,
            graph=bound.graph,
            stall_seconds=max(self._pack.manifest.stall_seconds, self._pack.manifest.load_seconds),
            leaving=self._leaving,
            on_tick=self._tell_how_far,
            on_posted=posted,
            on_start=begun,
        )
        end = await follow.until_ended(submit=turn is not None)
        self._meter.ended(end)
        return end

    @asynccontextmanager
    async def interruptible(self) -> AsyncIterator[None]:
        """A cancelled attempt stops its prompt; a leaving worker hands it over running.

        Cancel, reset, pause, deploy and a server that gave up on us all arrive as the same
        exception. A server that gave up on us (after an outage, say) has somebody else follow the
        prompt by now, as has one that reset us, so it runs on; unless the deadline is why.
        """
        try:
            yield
        except asyncio.CancelledError:
            details = activity.cancellation_details()
            if details is not None and details.worker_shutdown:
                raise HandedOver from None
            cancelled = details is not None and details.cancel_requested
            if cancelled and await is_superseded():
                raise
            if cancelled or (details is not None and _too_late()):
                await asyncio.shield(self._stop())
                self._meter.stopped(CANCELED if cancelled else DeadlineExceeded.code)
            raise

    async def _stop(self) -> None:
        """Cancel the prompt. Where that fails the attempt is cancelled all the same."""
        try:
            await self._comfy.cancel(self._run.prompt_id)
        except (ComfyUnavailable, PodGone) as error:
            _LOG.warning("prompt_not_cancelled", prompt=str(self._run.prompt_id), why=str(error))

    async def _bring_home(self, end: PromptEnd, local: Path) -> GraphOutput:
        await self._tell(Stage.FINALIZING, 0.0, self._meter.use() if end.succeeded else None)
        labels = {
            _POD: self.beat.pod_id,
            **({_MACHINE: self.beat.machine} if self.beat.machine else {}),
            _PROMPT: str(self._run.prompt_id),
            _ENGINE_SECONDS: f"{end.engine_seconds:.3f}",
        }
        output = self._pack.manifest.output
        async with beating(lambda: self.beat):
            await self._comfy.fetch(self._result(end), local)
            stored = await self._objects.put_file(
                self._run.output_key, local, content_type=output.content_type, labels=labels
            )
            await asyncio.gather(
                self._forget(),
                self._progress.written(),
                unless_erased(
                    self._database, self._objects, self._run.job_id, [self._run.output_key]
                ),
            )
        return _output(stored, self._run)

    async def _forget(self) -> None:
        """Free the server's memory of the prompt. The master is safe, so this may fail."""
        try:
            await self._comfy.forget(self._run.prompt_id)
        except (ComfyUnavailable, PodGone) as error:
            _LOG.info("prompt_not_forgotten", prompt=str(self._run.prompt_id), why=str(error))

    def _result(self, end: PromptEnd) -> OutputFile:
        end.demand_success()
        wanted = [f for f in end.files if f.node == self._pack.manifest.output.node]
        if not wanted:
            raise ResultUnreadable("the graph ended without its output")
        return wanted[0]

    async def _tell_how_far(self, fraction: float, waits: bool) -> None:
        """Note how far the prompt is, and whether it still stands in line behind unknown work.

        A server of ours has at most its prompt's successor in line, whose wait can be foreseen.
        """
        self._beat(Stage.RENDERING, fraction)
        stands_in_line = waits and self._is_shared
        self._progress.tell(Stage.QUEUED if stands_in_line else Stage.RENDERING, fraction)

    async def _tell(self, stage: Stage, fraction: float, use: Use | None = None) -> None:
        self._beat(stage, fraction)
        self._progress.tell(stage, fraction, use)

    def _beat(self, stage: Stage, fraction: float) -> None:
        seconds = round(self._meter.seconds, 3)
        self.beat = self.beat.model_copy(
            update={"stage": stage, "fraction": fraction, "gpu_seconds": seconds}
        )
        self._beats.beat(self.beat, phase=(stage, seconds > 0))


def _scheduled_at() -> float:
    """When the server had this work to give, on the monotonic clock."""
    ago = time.time() - activity.info().current_attempt_scheduled_time.timestamp()
    return time.monotonic() - max(ago, 0.0)


def _too_late() -> bool:
    """Whether the time that the whole activity was given is over."""
    info = activity.info()
    if info.schedule_to_close_timeout is None:
        return False
    ends_at = info.scheduled_time + info.schedule_to_close_timeout
    return time.time() >= ends_at.timestamp()


def _output(stored: StoredObject, run: GraphRun) -> GraphOutput:
    return GraphOutput(
        key=stored.key,
        sha256=stored.sha256 or "",
        size_bytes=stored.size_bytes,
        engine_seconds=float(stored.labels[_ENGINE_SECONDS]),
        pod_id=stored.labels[_POD],
        machine=stored.labels.get(_MACHINE),
        try_number=run.try_number,
    )
