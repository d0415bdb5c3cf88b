"""Progress of an attempt on its way to Postgres: at most two writes a second, never essential."""

import asyncio
import time

import structlog

from rekindle.contracts.renders import GraphRun
from rekindle.contracts.statuses import AttemptStatus, Stage
from rekindle.errors import DatabaseUnavailable
from rekindle.rules.progress import overall
from rekindle.store import attempts
from rekindle.store.database import Database
from rekindle.store.uses import Use

_LOG = structlog.get_logger(__name__)
_GAP_SECONDS = 0.5
_KNOWN_SECONDS = 2.0
_AGAIN_SECONDS = 0.05


class ProgressWriter:
    """Writes what changed, when enough time has passed or the stage has changed.

    Nobody waits for it: a write goes on beside the work it tells of, one after the other.
    """

    def __init__(self, database: Database, run: GraphRun, pod_id: str) -> None:
        """Write for one try on one pod."""
        self._database = database
        self._run = run
        self._pod_id = pod_id
        self._told: tuple[Stage, float] | None = None
        self._told_at = float("-inf")
        self._writing: asyncio.Task[None] | None = None
        self._is_known = False

    def tell(self, stage: Stage, fraction: float, use: Use | None = None) -> None:
        """Note where the attempt is; a lost write is only a late one.

        Args:
            use: what the try used, written along when its graph has ended.
        """
        now = time.monotonic()
        changed_stage = self._told is None or self._told[0] is not stage
        if (stage, fraction) == self._told:
            return
        if not changed_stage and now - self._told_at < _GAP_SECONDS:
            return
        self._told, self._told_at = (stage, fraction), now
        self._writing = asyncio.create_task(self._write(self._writing, stage, fraction, use))

    async def known(self) -> None:
        """Return when the attempt's row names this try and its pod, or after some seconds.

        What comes after this process finds the prompt by that, so it is awaited before there is
        one. While the attempt is being admitted its row may be missing.
        """
        try:
            async with asyncio.timeout(_KNOWN_SECONDS):
                await self._until_known()
        except TimeoutError:
            _LOG.warning("pod_not_noted", attempt=str(self._run.attempt_id), pod=self._pod_id)

    async def _until_known(self) -> None:
        await self.written()
        while self._told and not (self._is_known or await self._is_told()):
            await asyncio.sleep(_AGAIN_SECONDS)
            self._writing = asyncio.create_task(self._write(self._writing, *self._told, None))
            await self.written()

    async def _is_told(self) -> bool:
        """Whether the row says so already, or can say nothing more."""
        try:
            async with self._database.transaction() as session:
                row = await attempts.by_id(session, self._run.attempt_id)
        except DatabaseUnavailable:
            return False
        if row is None:
            return False
        this = (self._run.try_number, self._pod_id)
        return AttemptStatus(row.status).is_final or (row.try_number, row.pod_id) == this

    async def written(self) -> None:
        """Return when everything told so far has been written, or could not be."""
        if self._writing is not None:
            await asyncio.shield(self._writing)

    async def _write(
        self,
        earlier: "asyncio.Task[None] | None",
        stage: Stage,
        fraction: float,
        use: Use | None,
    ) -> None:
        if earlier is not None:
            await earlier
        try:
            async with self._database.transaction() as session:
                changed = await attempts.advance(
                    session,
                    self._run.attempt_id,
                    try_number=self._run.try_number,
                    stage=stage,
                    progress=overall(stage, fraction),
                    pod_id=self._pod_id,
                    use=use,
                )
            self._is_known |= changed
        except DatabaseUnavailable as error:
            _LOG.warning("progress_not_written", error=str(error))
