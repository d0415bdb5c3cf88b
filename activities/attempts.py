"""What happens to an attempt before and after its graph runs."""

import tempfile
from pathlib import Path

import structlog
from temporalio import activity

from activities.beating import beating
from activities.failures import as_failures
from activities.results import Animated, HighDefinition, Maker, Pictured
from activities.traces import unless_erased
from activities.uses import record
from rekindle.contracts import keys
from rekindle.contracts.renders import (
    AdmitAttempt,
    CloseAttempt,
    FinishAttempt,
    GraphOutput,
    RenderInput,
)
from rekindle.contracts.statuses import AttemptKind, AttemptStatus
from rekindle.errors import CloudRefused, CloudUnavailable, ResultUnreadable, error_for
from rekindle.ports.objects import ObjectStore
from rekindle.ports.photos import PhotoDecoder
from rekindle.ports.pods import Capacity
from rekindle.ports.videos import VideoDecoder
from rekindle.store import attempts, jobs
from rekindle.store.attempts import Result
from rekindle.store.database import Database
from rekindle.store.uses import Use

_LOG = structlog.get_logger(__name__)
_TELLING = {AttemptKind.RESTORE: jobs.choose, AttemptKind.ANIMATION: jobs.animated}
"""What a job notes when an attempt of a kind has succeeded."""


class AttemptActivities:
    """Admission, derivatives and records of attempts."""

    def __init__(
        self,
        *,
        database: Database,
        objects: ObjectStore,
        photos: PhotoDecoder,
        videos: VideoDecoder,
        capacity: Capacity,
    ) -> None:
        """Work through these ports."""
        self._database = database
        self._objects = objects
        self._makers: dict[AttemptKind, Maker] = {
            AttemptKind.RESTORE: Pictured(objects, photos, keys.restored_preview),
            AttemptKind.ANIMATION: Animated(objects, videos),
            AttemptKind.GENERATION: Pictured(objects, photos, keys.generated_preview),
            AttemptKind.HD: HighDefinition(objects, photos, videos),
        }
        self._capacity = capacity

    @activity.defn
    async def admit_attempt(self, admitted: AdmitAttempt) -> None:
        """Record the attempt as queued and ask for a GPU. Idempotent."""
        with as_failures():
            async with self._database.transaction() as session:
                await attempts.record(session, attempts.queued(admitted.render))
            try:
                await self._capacity.request(admitted.render.gpu_class)
            except (CloudRefused, CloudUnavailable) as error:
                # It is recorded: it can be canceled, and the schedule asks for it again.
                _LOG.warning("no_pod_asked_for", code=error.code, why=str(error))

    @activity.defn
    async def finish_attempt(self, finished: FinishAttempt) -> None:
        """Make what is shown, or delivered, of a stored output; then record success. Idempotent.

        Raises:
            ResultUnreadable: the output is not what the graph should have made.
            JobNotFound: its job was erased meanwhile; nothing of it is left.
        """
        render, output = finished.render, finished.output
        with as_failures(), tempfile.TemporaryDirectory(prefix="rekindle-") as scratch:
            if not await self._is_recorded(render):
                async with beating():
                    result = await self._make(render, output, Path(scratch))
                await self._record(render, output, result)
            if render.kind is AttemptKind.HD:
                await self._objects.delete(output.key)

    async def _is_recorded(self, render: RenderInput) -> bool:
        """Whether an earlier try of this activity came through, and only its answer was lost."""
        if activity.info().attempt == 1:
            return False
        async with self._database.transaction() as session:
            status = await attempts.status_of(session, render.attempt_id)
        return status is AttemptStatus.SUCCEEDED

    async def _record(self, render: RenderInput, output: GraphOutput, result: Result) -> None:
        async with self._database.transaction() as session:
            recorded = await attempts.succeed(session, render.attempt_id, output, result)
            tell = _TELLING.get(render.kind)
            if recorded and tell:
                await tell(session, render.job_id, render.attempt_id)
        if not recorded:
            stored = (output.key, result.key, result.preview_key, result.thumbnail_key)
            await unless_erased(
                self._database, self._objects, render.job_id, [key for key in stored if key]
            )

    @activity.defn
    async def close_attempt(self, closed: CloseAttempt) -> AttemptStatus:
        """Record an end without a result. Idempotent.

        Returns:
            The status that is recorded: another one when the attempt had already ended.
        """
        failed = closed.status is AttemptStatus.FAILED
        error = error_for(closed.error_code or "") if failed else None
        with as_failures():
            async with self._database.transaction() as session:
                if not await attempts.close(
                    session,
                    closed.attempt_id,
                    closed.status,
                    error_code=error.code if error else None,
                    error_message=error.sentence if error else None,
                ):
                    return await attempts.status_of(session, closed.attempt_id) or closed.status
        return closed.status

    async def _make(self, render: RenderInput, output: GraphOutput, scratch: Path) -> Result:
        try:
            return await self._makers[render.kind](render, output, scratch)
        except ResultUnreadable as error:
            use = Use(
                attempt_id=render.attempt_id,
                try_number=output.try_number,
                pod_id=output.pod_id,
                gpu_seconds=output.engine_seconds,
                error_code=error.code,
                graph=render.graph,
            )
            await record(self._database, use)
            raise
