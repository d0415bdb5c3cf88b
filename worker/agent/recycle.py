"""Starting ComfyUI anew, when it has grown too large or does not come out of a prompt."""

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from uuid import UUID

import structlog

from rekindle.errors import ComfyUnavailable, PodGone
from rekindle.ports.comfy import Comfy, QueueState
from worker.agent.gate import PromptGate
from worker.agent.process import ComfyProcess, Incarnation
from worker.agent.watch import ComfyWatch

_LOG = structlog.get_logger(__name__)
_LOOK_SECONDS = 5.0
_ASK_SECONDS = 15.0


class Verdict(Enum):
    """What is to be done about ComfyUI."""

    KEEP = "keep"
    INTERRUPT = "interrupt"
    END_HUNG = "hung"
    END_GROWN = "grown"


@dataclass(frozen=True)
class Limits:
    """When it is enough.

    Attributes:
        growth_mb: own memory beyond what it was when ready.
        hung_seconds: a prompt that runs, or a process that answers nothing, without any sign.
        interrupt_seconds: how long an interrupt may take to show.
        rest_seconds: the queue must have been empty for so long, for results to be fetched.
    """

    growth_mb: int
    hung_seconds: float
    interrupt_seconds: float = 30.0
    rest_seconds: float = 60.0


@dataclass(frozen=True)
class Sight:
    """One look at ComfyUI.

    Attributes:
        at: seconds on the clock, as `last_sign` is.
        queue: None when it did not answer.
        grown_mb: None when nobody can tell.
    """

    at: float
    queue: QueueState | None
    last_sign: float
    grown_mb: int | None


class Judge:
    """Decides from one look after the other. No I/O; one judge for each life of ComfyUI."""

    def __init__(self, limits: Limits, *, at: float) -> None:
        """Begin with a ComfyUI that is fine and idle at that time."""
        self._limits = limits
        self._running: str | None = None
        self._running_since = at
        self._interrupted_at: float | None = None
        self._answered_at = at
        self._busy_at = at

    @property
    def running(self) -> str | None:
        """The prompt that ran at the last look."""
        return self._running

    def verdict(self, sight: Sight) -> Verdict:
        """What to do after this look."""
        if sight.queue is None:
            is_hung = sight.at - max(self._answered_at, sight.last_sign) > self._limits.hung_seconds
            return Verdict.END_HUNG if is_hung else Verdict.KEEP
        self._answered_at = sight.at
        self._note(sight.queue, sight.at)
        if sight.queue.running or sight.queue.pending:
            return self._of_busy(sight)
        return self._of_idle(sight)

    def _note(self, queue: QueueState, at: float) -> None:
        running = min(queue.running, default=None)
        if running != self._running:
            self._running, self._running_since, self._interrupted_at = running, at, None
        if queue.running or queue.pending:
            self._busy_at = at

    def _of_busy(self, sight: Sight) -> Verdict:
        if self._running is None:
            return Verdict.KEEP
        if self._interrupted_at is not None:
            is_late = sight.at - self._interrupted_at > self._limits.interrupt_seconds
            return Verdict.END_HUNG if is_late else Verdict.KEEP
        if sight.at - max(self._running_since, sight.last_sign) <= self._limits.hung_seconds:
            return Verdict.KEEP
        self._interrupted_at = sight.at
        return Verdict.INTERRUPT

    def _of_idle(self, sight: Sight) -> Verdict:
        has_rested = sight.at - self._busy_at >= self._limits.rest_seconds
        has_grown = sight.grown_mb is not None and sight.grown_mb > self._limits.growth_mb
        return Verdict.END_GROWN if has_rested and has_grown else Verdict.KEEP


class Recycler:
    """Looks at ComfyUI, and ends its process when the judge says so; who keeps it starts it again.

    A prompt is never cut off for the memory's sake: the gate is closed and the queue looked at
    once more first, and results have had a while to be fetched.
    """

    def __init__(
        self,
        *,
        comfy: Comfy,
        watch: ComfyWatch,
        process: ComfyProcess,
        gate: PromptGate,
        limits: Limits,
        look_seconds: float = _LOOK_SECONDS,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Look that often.

        Args:
            clock: the one of `watch`.
        """
        self._comfy = comfy
        self._watch = watch
        self._process = process
        self._gate = gate
        self._limits = limits
        self._look_seconds = look_seconds
        self._clock = clock

    async def run(self) -> None:
        """Look for ever."""
        while True:
            await asyncio.sleep(self._look_seconds)
            process = self._process.find()
            if process is not None and self._watch.is_connected:
                await self._accompany(process, self._watch.life)

    async def _accompany(self, process: Incarnation, life: int) -> None:
        """Through one life of ComfyUI."""
        judge = Judge(self._limits, at=self._clock())
        ready_mb = self._process.memory_mb(process)
        _LOG.info("comfy_accompanied", pid=process.pid, memory_mb=ready_mb)
        while self._watch.is_connected and self._watch.life == life:
            verdict = judge.verdict(await self._look(process, ready_mb))
            await self._act(verdict, judge.running, process)
            await asyncio.sleep(self._look_seconds)

    async def _look(self, process: Incarnation, ready_mb: int | None) -> Sight:
        now_mb = self._process.memory_mb(process)
        grown = None if now_mb is None or ready_mb is None else now_mb - ready_mb
        return Sight(self._clock(), await self._queue(), self._watch.last_sign, grown)

    async def _queue(self) -> QueueState | None:
        try:
            async with asyncio.timeout(_ASK_SECONDS):
                return await self._comfy.queue()
        except (ComfyUnavailable, PodGone, TimeoutError):
            return None

    async def _act(self, verdict: Verdict, running: str | None, process: Incarnation) -> None:
        if verdict is Verdict.KEEP:
            return
        _LOG.warning("comfy_recycled", why=verdict.value, prompt=running)
        match verdict:
            case Verdict.INTERRUPT if running is not None:
                await self._interrupt(running)
            case Verdict.END_HUNG:
                await self._process.end(process)
            case Verdict.END_GROWN:
                await self._end_if_idle(process)

    async def _interrupt(self, prompt_id: str) -> None:
        try:
            async with asyncio.timeout(_ASK_SECONDS):
                await self._comfy.cancel(UUID(prompt_id))
        except (ComfyUnavailable, PodGone, TimeoutError, ValueError) as error:
            _LOG.warning("prompt_not_interrupted", prompt=prompt_id, why=repr(error))

    async def _end_if_idle(self, process: Incarnation) -> None:
        with self._gate.closed() as nobody_inside:
            queue = await self._queue() if nobody_inside else None
            if queue is not None and not queue.running and not queue.pending:
                await self._process.end(process)
