"""Following one prompt on one server from outside until it ends, is lost, stalls, or we leave."""

import asyncio
import contextlib
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from uuid import UUID

import structlog

from rekindle.errors import (
    ComfyUnavailable,
    GraphStalled,
    HandedOver,
    PodGone,
    PromptLost,
)
from rekindle.ports.comfy import Comfy, Graph, ProgressListener, PromptEnd, Whereabouts

_LOG = structlog.get_logger(__name__)
POLL_SECONDS = 0.5
LISTENING_SECONDS = 5.0
"""Between two looks at a running prompt whose websocket is open, since that tells of its end: a
look takes in the whole graph, and two a second at 200 prompts more than this process has."""
RELISTEN_SECONDS = 5.0
"""How long after a websocket broke another one is opened."""
WAITING_SECONDS = 2.0
"""In a server's own queue, from when on a prompt counts as waiting: before, its turn is near."""
GRACE_SECONDS = 30.0
"""How long a server may stay silent in the middle of a prompt before its pod counts as gone."""


@dataclass
class Follow:
    """One prompt being followed.

    Attributes:
        stall_seconds: without any progress for so long, a running prompt counts as stalled.
        leaving: set when this process is to stop; the prompt is then left running.
        on_tick: awaited at every look, with the fraction so far, and whether the prompt waits in
            the server's queue.
        on_posted: called once, when the server has the prompt.
        on_start: called once, when the server has begun with the prompt.
    """

    comfy: Comfy
    prompt_id: UUID
    graph: Graph
    stall_seconds: float
    leaving: asyncio.Event
    on_tick: Callable[[float, bool], Awaitable[None]]
    on_posted: Callable[[], None] = lambda: None
    on_start: Callable[[], None] = lambda: None
    clock: Callable[[], float] = time.monotonic
    fraction: float = 0.0
    _moved: float = field(init=False)
    _heard: float = field(init=False)
    _silence: asyncio.Event = field(init=False, default_factory=asyncio.Event)
    """The websocket ended: mostly because the prompt left the server."""
    _just_silent: bool = field(init=False, default=False)
    """It did, and nobody has looked since."""
    _started: bool = field(init=False, default=False)
    _pending_since: float | None = field(init=False, default=None)

    def __post_init__(self) -> None:
        """Start both watches now."""
        self._moved = self._heard = self.clock()

    async def until_ended(self, *, submit: bool) -> PromptEnd:
        """Wait for the end of the prompt, posting it first where it is not known yet.

        Args:
            submit: post the prompt when neither queue nor history knows it. Without this an
                unknown prompt is a lost one.

        Raises:
            PromptLost: neither queue nor history knows it.
            PodGone: the server was silent for too long.
            GraphStalled: no progress for too long; the prompt has been cancelled.
            HandedOver: this process is leaving.
        """
        async with self.comfy.listen(str(self.prompt_id)) as listener:
            if submit:
                await self._submit_once()
                self.on_posted()
            watch = asyncio.create_task(self._watch(listener))
            try:
                return await self._poll()
            finally:
                watch.cancel()
                with contextlib.suppress(asyncio.CancelledError):
                    await watch

    async def _submit_once(self) -> None:
        """Post the prompt unless the server has it.

        A post that failed may have been taken all the same, so each is preceded by a look.
        """
        while True:
            try:
                status = await self.comfy.status(self.prompt_id)
                if status.place is Whereabouts.UNKNOWN:
                    await self.comfy.submit(
                        self.prompt_id, self.graph, client_id=str(self.prompt_id)
                    )
            except ComfyUnavailable as error:
                _LOG.info("prompt_not_posted", prompt=str(self.prompt_id), why=str(error))
                self._give_up_on_silence(error)
            else:
                self._moved = self._heard = self.clock()
                return
            await self._tick()
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self.leaving.wait(), POLL_SECONDS)
            if self.leaving.is_set():
                raise HandedOver

    def _give_up_on_silence(self, error: ComfyUnavailable) -> None:
        if self.clock() - self._heard > GRACE_SECONDS:
            raise PodGone("the server stayed silent for too long") from error

    async def _tick(self) -> None:
        since = self._pending_since
        waits = since is not None and self.clock() - since >= WAITING_SECONDS
        await self.on_tick(self.fraction, waits)

    async def _watch(self, listener: ProgressListener) -> None:
        """Take in progress; a prompt whose websocket broke would look as if it stalled."""
        await self._hear(listener)
        while True:
            await asyncio.sleep(RELISTEN_SECONDS)
            async with self.comfy.listen(str(self.prompt_id)) as another:
                await self._hear(another)

    async def _hear(self, listener: ProgressListener) -> None:
        async for fraction in listener.fractions(self.prompt_id, self.graph):
            self._note_start()
            if fraction > self.fraction:
                self.fraction = fraction
                self._moved = self.clock()
        self._just_silent = True
        self._silence.set()

    def _note_start(self) -> None:
        self._pending_since = None
        if not self._started:
            self._started = True
            self.on_start()

    async def _poll(self) -> PromptEnd:
        leaving = asyncio.create_task(self.leaving.wait())
        silence = asyncio.create_task(self._silence.wait())
        try:
            while True:
                await self._tick()
                # Silence is a reason to look at once, but only once.
                hints = {leaving} if silence.done() else {leaving, silence}
                await asyncio.wait(hints, timeout=POLL_SECONDS, return_when="FIRST_COMPLETED")
                end = await self._look() if self._must_look() else None
                if end is not None:
                    return end
                if self.leaving.is_set():
                    raise HandedOver
        finally:
            leaving.cancel()
            silence.cancel()

    def _must_look(self) -> bool:
        """Not yet, while a prompt is known to run and its websocket would tell that it ended."""
        waits = self._started and not self._silence.is_set() and not self.leaving.is_set()
        return not waits or self.clock() - self._heard >= LISTENING_SECONDS

    async def _look(self) -> PromptEnd | None:
        now = self.clock()
        try:
            has_ended, self._just_silent = self._just_silent, False
            status = await self.comfy.status(self.prompt_id, has_ended=has_ended)
        except ComfyUnavailable as error:
            self._give_up_on_silence(error)
            return None
        self._heard = now
        if status.place is Whereabouts.UNKNOWN:
            raise PromptLost
        if status.place is Whereabouts.RUNNING:
            self._note_start()
        if status.place is Whereabouts.PENDING:
            self._moved = now
            if self._pending_since is None:
                self._pending_since = now
        elif status.end is None and now - self._moved > self.stall_seconds:
            try:
                await self.comfy.cancel(self.prompt_id)
            except (ComfyUnavailable, PodGone) as error:
                raise GraphStalled("and it could not be cancelled") from error
            raise GraphStalled
        return status.end
