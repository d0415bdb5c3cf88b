"""Giving one pod's room to this process for as long as the pod is healthy."""

import asyncio
import contextlib
import time

import structlog
from temporalio import activity

from activities.pods.packs import runnable_packs
from activities.pods.vacating import COMING_SECONDS, is_claimed, prompts_of
from activities.superseded import is_superseded
from rekindle.contracts.pods import Pod, PodEnding
from rekindle.errors import (
    ComfyUnavailable,
    DatabaseUnavailable,
    HandedOver,
    PodGone,
    WorkflowsUnavailable,
)
from rekindle.models.pods import PodState
from rekindle.ports.comfy import Comfy, QueueState
from rekindle.ports.pods import PodDoor, PodOwners, Seats
from rekindle.store import fleet, pods
from rekindle.store.database import Database

_LOG = structlog.get_logger(__name__)
_LOOK_SECONDS = 1.0
_FOLLOWED_SECONDS = 10.0
"""Between two looks at a pod with a prompt of ours: who follows the prompt looks more often, and
looking at 200 pods every second takes a third of this process's time."""
_ASK_SECONDS = 5.0
_NOTE_SECONDS = 60.0
"""How old a row may become that says when the pod was last seen."""


class PodService:
    """Watches one pod's server and opens or closes its seats accordingly."""

    def __init__(
        self,
        pod: Pod,
        *,
        comfy: Comfy,
        door: PodDoor,
        owners: PodOwners,
        seats: Seats,
        database: Database,
        examine_seconds: float = 15.0,
    ) -> None:
        """Prepare; the seats stay closed until the first good look.

        Args:
            comfy: the pod's server.
            door: asked now and then how the pod itself is.
            owners: have the fleet looked at as soon as this pod is lost.
            examine_seconds: between two questions to the pod itself.
        """
        self._examine_seconds = examine_seconds
        self._pod = pod
        self._comfy = comfy
        self._door = door
        self._owners = owners
        self._seats = seats
        self._database = database
        self._state: PodState | None = None
        self._seen: float | None = None
        self._is_well = False
        self._is_rented = pod.boot_seconds is not None
        self._checked = self._is_rented  # it was checked when it was ready
        self._has_opened = False
        self._began = time.monotonic()
        self._heard = self._worked = self._asked = self._examined = self._noted = time.monotonic()

    async def serve(self, leaving: asyncio.Event) -> PodEnding:
        """Look every second or few until drained, leaving, gone, or idle with nobody scaling."""
        try:
            while not leaving.is_set():
                activity.heartbeat()
                pause = _LOOK_SECONDS
                if self._is_followed():
                    pause *= 2  # half as many heartbeats will do
                else:
                    await self._look()
                if await self._is_forgotten():
                    return PodEnding.IDLE
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(leaving.wait(), timeout=pause)
        except asyncio.CancelledError:
            await self._drain()
            raise
        finally:
            self._seats.detach(self._pod.pod_id)
        raise HandedOver

    def _is_followed(self) -> bool:
        """Whether it was well a moment ago and has a prompt of ours, which is followed closely."""
        recent = self._is_well and time.monotonic() - self._heard < _FOLLOWED_SECONDS
        return recent and self._seats.busy(self._pod.pod_id) > 0

    async def _look(self) -> None:
        was_busy = self._seats.busy(self._pod.pod_id)
        try:
            queue = await self._comfy.queue()
            await self._check_packs()
            await self._examine()
            is_kept = not was_busy and (
                await self._has_orphan(queue) or await self._is_claimed_before(queue)
            )
        except (ComfyUnavailable, PodGone) as error:
            await self._close(str(error))
            return
        self._heard = self._seen = time.monotonic()
        self._is_well = True
        # A prompt of ours may have ended since the server answered: it is no orphan.
        busy = was_busy or self._seats.busy(self._pod.pod_id)
        if busy or _any(queue):
            self._worked = time.monotonic()
        if is_kept and not busy:
            self._seats.detach(self._pod.pod_id)
            return
        self._seats.attach(self._pod)
        self._has_opened = True
        await self._note(PodState.READY)

    async def _has_orphan(self, queue: QueueState) -> bool:
        """Whether a prompt of a process that died or leaves is there: its result comes first.

        A rented server is ours alone, and so is all that it has. On a fixed one there may always
        be something of others, or of the other GPU class: ours stands in line with that.
        """
        if self._is_rented or not _any(queue):
            return _any(queue)
        try:
            ours = await prompts_of(self._database, self._pod.pod_id)
        except DatabaseUnavailable:
            return True
        return not ours.isdisjoint(queue.running | queue.pending)

    async def _is_claimed_before(self, queue: QueueState) -> bool:
        """At first: whether who served this pod until now, and leaves, may still post a prompt."""
        served = time.monotonic() - self._began
        if self._has_opened or _any(queue) or not self._is_rented or served > COMING_SECONDS:
            return False
        try:
            return await is_claimed(self._comfy, self._database, self._pod.pod_id)
        except DatabaseUnavailable:
            return False

    async def _close(self, reason: str) -> None:
        self._is_well = False
        self._seats.detach(self._pod.pod_id)
        if self._state is not PodState.UNREACHABLE:
            _LOG.info("pod_unreachable", pod=self._pod.pod_id, reason=reason)
            await self._note(PodState.UNREACHABLE)
            await self._ask_for_another()
        grace = self._pod.grace_seconds
        if grace is not None and time.monotonic() - self._heard > grace:
            raise PodGone(reason)

    async def _examine(self) -> None:
        """Now and then: is a rented pod fit? Raises `ComfyUnavailable` when it says no."""
        now = time.monotonic()
        if not self._is_rented or now - self._examined < self._examine_seconds:
            return
        if not (await self._door.health(self._pod.pod_id)).is_fit:
            raise ComfyUnavailable("it says that it is unhealthy")
        self._examined = now

    async def _ask_for_another(self) -> None:
        if not self._is_rented:
            return
        try:
            await self._owners.look_soon()
        except WorkflowsUnavailable as error:  # then the schedule does, later
            _LOG.info("fleet_not_looked_at", pod=self._pod.pod_id, why=str(error))

    async def _check_packs(self) -> None:
        """Once: which packs a fixed server can run. Nobody else is there to ask it."""
        if self._checked:
            return
        names = await runnable_packs(self._comfy)
        try:
            async with self._database.transaction() as session:
                await pods.note_graphs(session, self._pod.pod_id, names)
        except DatabaseUnavailable as error:
            _LOG.warning("packs_not_written", pod=self._pod.pod_id, error=str(error))
        else:
            self._checked = True

    async def _is_forgotten(self) -> bool:
        """Whether it has been idle for long and nobody decides about the fleet meanwhile."""
        alone, now = self._pod.alone_seconds, time.monotonic()
        if self._seats.busy(self._pod.pod_id):
            self._worked = now  # its prompt is followed, so the pod may not have been looked at
        if alone is None or now - self._worked < alone or now - self._asked < _ASK_SECONDS:
            return False
        self._asked = now
        try:
            async with self._database.transaction() as session:
                return not await fleet.is_scaled(session, self._pod.gpu_class, within=alone)
        except DatabaseUnavailable:
            return False  # nothing is known of the others; the dead man's switch remains

    async def _drain(self) -> None:
        self._seats.detach(self._pod.pod_id)
        details = activity.cancellation_details()
        if details is not None and details.cancel_requested:
            if await is_superseded():
                return  # its owner was reset, and has it served anew
            # It is no capacity any more, while it ends its work.
            await self._note(PodState.DRAINING)
        elif details is not None and details.paused:
            # Nor while it is paused: its work must not wait for it.
            await self._note(PodState.UNREACHABLE)
        vacated = asyncio.create_task(self._seats.vacated(self._pod.pod_id))
        while not vacated.done():
            activity.heartbeat()
            await asyncio.wait({vacated}, timeout=_LOOK_SECONDS)

    async def _note(self, state: PodState) -> None:
        now = time.monotonic()
        if state is self._state and now - self._noted < _NOTE_SECONDS:
            return
        seen_ago = None if self._seen is None else now - self._seen
        try:
            async with self._database.transaction() as session:
                await pods.note(session, self._pod.pod_id, state, seen_ago=seen_ago)
        except DatabaseUnavailable as error:
            _LOG.warning("pod_state_not_written", pod=self._pod.pod_id, error=str(error))
        else:
            self._state, self._noted = state, now


def _any(queue: QueueState) -> bool:
    return bool(queue.running or queue.pending)
