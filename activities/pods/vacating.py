"""Whose prompts are on a pod, asked before it is returned and before its room is given away.

The seats of this process do not tell that. When the process that posted a prompt dies or leaves,
`attach_graph` follows the prompt in any process, without a seat. What every process can see are the
attempts' rows, which name the pod before a prompt is posted there, and the pod's own server.
"""

import asyncio
import contextlib
import time
from datetime import UTC, datetime
from enum import Enum, auto

import structlog
from temporalio import activity

from rekindle.contracts.renders import prompt_of
from rekindle.contracts.statuses import GpuClass, Stage
from rekindle.errors import ComfyUnavailable, HandedOver, PodGone
from rekindle.models import PodRecord
from rekindle.models.pods import PodState
from rekindle.ports.comfy import Comfy, Whereabouts
from rekindle.ports.pods import PodDoor
from rekindle.store import pods
from rekindle.store.database import Database
from rekindle.store.pods import PodTry

_LOG = structlog.get_logger(__name__)
_LOOK_SECONDS = 2.0
COMING_SECONDS = 5.0
"""So long a prompt that the server does not know may be on its way there. After that it was lost,
or never posted, and its row names the pod only until it runs elsewhere: nothing to be paid for."""
_STEP_SECONDS = 180.0
"""The step of the workflow has five minutes, in which the pod has to be returned as well."""


class Vacating:
    """Keeps a rented pod until the prompts of open attempts have left it with their results."""

    def __init__(
        self,
        *,
        door: PodDoor,
        database: Database,
        leaving: asyncio.Event,
        patience_seconds: float,
    ) -> None:
        """Look at rows and servers.

        Args:
            leaving: set when this process is to stop; another one then waits on.
            patience_seconds: how long a prompt may keep a pod; from then on money comes first.
        """
        self._door = door
        self._database = database
        self._leaving = leaving
        self._patience_seconds = patience_seconds

    async def vacated(self, gpu_class: GpuClass, number: int) -> None:
        """Return when the open pod of a number may be returned. To be called in an activity.

        Patience counts from when the activity was scheduled, whichever process began to wait. A
        fixed server, which goes on, is not waited for.

        Raises:
            HandedOver: there is a prompt still, and another process, or this one anew, waits on.
            DatabaseUnavailable: nobody knows.
        """
        async with self._database.transaction() as session:
            row = await pods.open_of(session, gpu_class, number)
        if row is None or row.token_salt is None:
            return
        began, is_noted = time.monotonic(), False
        while await self._must_wait(row.id):
            if not is_noted:
                await self._note(row)
                is_noted = True
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._leaving.wait(), timeout=_LOOK_SECONDS)
            if self._leaving.is_set() or time.monotonic() - began > _STEP_SECONDS:
                raise HandedOver("somebody's prompt is on the pod")

    async def _must_wait(self, pod_id: str) -> bool:
        if _waited_seconds() > self._patience_seconds:
            _LOG.warning("pod_not_waited_for", pod=pod_id)
            return False
        return await self._is_used(pod_id)

    async def _note(self, row: PodRecord) -> None:
        """It is no capacity any more, while it ends its work."""
        _LOG.info("pod_kept_for_prompt", pod=row.id)
        async with self._database.transaction() as session:
            await pods.note(session, row.id, PodState.DRAINING)

    async def _is_used(self, pod_id: str) -> bool:
        async with self._database.transaction() as session:
            tries = await pods.open_tries(session, pod_id)
        if not tries:
            return False
        try:
            comfy = await self._door.comfy(pod_id)
            coming = _waited_seconds() < COMING_SECONDS
            found = [await _found(comfy, each) for each in tries]
        except PodGone:
            return False
        except ComfyUnavailable:
            return True  # who follows the prompt has the patience to find out
        kept_for = {_Found.PROMPT, _Found.RESULT} | ({_Found.COMING} if coming else set())
        return not kept_for.isdisjoint(found)


async def is_claimed(comfy: Comfy, database: Database, pod_id: str) -> bool:
    """Whether an attempt's prompt is on the pod, or its row says that it may be on its way there.

    Raises:
        ComfyUnavailable, PodGone: its server does not answer.
        DatabaseUnavailable: nobody knows.
    """
    async with database.transaction() as session:
        tries = await pods.open_tries(session, pod_id)
    found = [await _found(comfy, each) for each in tries]
    return not {_Found.PROMPT, _Found.COMING}.isdisjoint(found)


async def prompts_of(database: Database, pod_id: str) -> frozenset[str]:
    """The prompts that attempts' rows say are on the pod, or on their way there.

    Raises:
        DatabaseUnavailable: nobody knows.
    """
    async with database.transaction() as session:
        tries = await pods.open_tries(session, pod_id)
    return frozenset(str(prompt_of(each.attempt_id, each.try_number)) for each in tries)


class _Found(Enum):
    """What a try has on its pod's server."""

    COMING = auto()
    """No prompt yet, as far as the server knows."""
    PROMPT = auto()
    """A prompt that waits or runs."""
    RESULT = auto()
    """A result that nobody has fetched."""
    NOTHING = auto()
    """Nothing any more."""


async def _found(comfy: Comfy, each: PodTry) -> _Found:
    status = await comfy.status(prompt_of(each.attempt_id, each.try_number))
    if status.place is Whereabouts.UNKNOWN:  # once its result is stored a prompt is forgotten
        return _Found.NOTHING if each.stage is Stage.FINALIZING else _Found.COMING
    if status.end is None:
        return _Found.PROMPT
    return _Found.RESULT if status.end.succeeded else _Found.NOTHING


def _waited_seconds() -> float:
    return (datetime.now(UTC) - activity.info().scheduled_time).total_seconds()
