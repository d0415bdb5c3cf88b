"""What a try uses of a GPU: measured while it runs, recorded when it ends."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import structlog
from temporalio.exceptions import ApplicationError

from rekindle.contracts.renders import GraphRun
from rekindle.errors import (
    ComfyUnavailable,
    DatabaseUnavailable,
    HandedOver,
    InputError,
    MachineAvoided,
    NoPod,
    PlatformError,
    StorageUnavailable,
    error_for,
)
from rekindle.ports.comfy import PromptEnd
from rekindle.store import uses
from rekindle.store.database import Database
from rekindle.store.uses import Use

_LOG = structlog.get_logger(__name__)
_PATIENCE_SECONDS = 5.0
_NOT_ITS_END = (
    HandedOver,
    StorageUnavailable,
    ComfyUnavailable,
    DatabaseUnavailable,
    NoPod,
    MachineAvoided,
)
"""After these the same try goes on, somewhere or sometime."""


class TryMeter:
    """How long one try occupies a GPU.

    A graph that succeeded is recorded along with the attempt's progress and its success. Only the
    other ends cost a statement of their own, and none waits long for it.
    """

    def __init__(
        self, database: Database, run: GraphRun, pod_id: str, *, seen_seconds: float = 0.0
    ) -> None:
        """Measure one try on one pod.

        Args:
            seen_seconds: for how long another process had seen it run.
        """
        self._database = database
        self._run = run
        self._pod_id = pod_id
        self._seen = seen_seconds
        self._started: float | None = None
        self._engine_seconds: float | None = None
        self._stopped: str | None = None

    @property
    def seconds(self) -> float:
        """By the server's own stamps once it has ended; until then as long as it was seen."""
        if self._engine_seconds is not None:
            return self._engine_seconds
        return self._seen + (time.monotonic() - self._started if self._started else 0.0)

    def started(self) -> None:
        """The server has begun with the prompt. Idempotent."""
        self._started = self._started or time.monotonic()

    def ended(self, end: PromptEnd) -> None:
        """The server tells how long it took."""
        self._engine_seconds = end.engine_seconds

    def stopped(self, code: str) -> None:
        """We took the prompt off the server; the cancellation that follows is the try's end."""
        self._stopped = code

    def use(self, error_code: str | None = None) -> Use:
        """The try's row as of now."""
        return Use(
            attempt_id=self._run.attempt_id,
            try_number=self._run.try_number,
            pod_id=self._pod_id,
            gpu_seconds=self.seconds,
            error_code=error_code,
            graph=self._run.graph,
        )

    @asynccontextmanager
    async def recording(self) -> AsyncIterator[None]:
        """Record the try if it ends badly within the block; the end itself passes through."""
        try:
            yield
        except asyncio.CancelledError:
            if self._stopped is not None and self.seconds:
                await asyncio.shield(record(self._database, self.use(self._stopped)))
            raise
        except ApplicationError as failure:
            error = error_for(failure.type or "")
            if not isinstance(error, (*_NOT_ITS_END, InputError)):
                await record(self._database, self.use(error.code))
            raise
        except Exception:
            await record(self._database, self.use(PlatformError.code))
            raise


async def record(database: Database, use: Use) -> None:
    """Write a row of use. Where that fails, the log has it: an attempt never waits for a ledger."""
    try:
        async with asyncio.timeout(_PATIENCE_SECONDS), database.transaction() as session:
            await uses.record(session, use)
    except (DatabaseUnavailable, TimeoutError) as error:
        _LOG.warning("gpu_use_not_written", why=repr(error), **vars(use))
