"""What happens to an attempt before and after its graph runs."""

import asyncio
import tempfile
from pathlib import Path

from temporalio import activity

from activities.beating import beating
from activities.failures import as_failures
from activities.uses import record
from comfy_graphs import load_pack
from rekindle.contracts import keys
from rekindle.contracts.renders import AdmitAttempt, CloseAttempt, FinishAttempt
from rekindle.contracts.statuses import AttemptStatus
from rekindle.errors import ResultUnreadable, error_for
from rekindle.ports.objects import ObjectStore
from rekindle.ports.photos import Derivatives, ImageFile, PhotoDecoder
from rekindle.ports.pods import Capacity
from rekindle.store import attempts, jobs
from rekindle.store.database import Database
from rekindle.store.uses import Use


class AttemptActivities:
    """Admission, derivatives and records of attempts."""

    def __init__(
        self,
        *,
        database: Database,
        objects: ObjectStore,
        photos: PhotoDecoder,
        capacity: Capacity,
    ) -> None:
        """Work through these ports."""
        self._database = database
        self._objects = objects
        self._photos = photos
        self._capacity = capacity

    @activity.defn
    async def admit_attempt(self, admitted: AdmitAttempt) -> None:
        """Record the attempt as queued and ask for a GPU. Idempotent."""
        with as_failures():
            async with self._database.transaction() as session:
                await attempts.record(session, attempts.queued(admitted.render))
            await self._capacity.request(admitted.render.gpu_class)

    @activity.defn
    async def finish_attempt(self, finished: FinishAttempt) -> None:
        """Make preview and thumbnail of the stored master, then record success. Idempotent.

        Raises:
            ResultUnreadable: the master is no picture.
        """
        render, output = finished.render, finished.output
        preview_key = keys.restored_preview(render.job_id, render.stamp)
        thumbnail_key = keys.thumbnail(render.job_id, render.stamp)
        with as_failures(), tempfile.TemporaryDirectory(prefix="rekindle-") as scratch:
            async with beating():
                master = Path(scratch, "master.png")
                await self._objects.fetch_file(output.master_key, master)
                made = await self._derive(finished, master, Path(scratch))
                await asyncio.gather(
                    self._put(preview_key, made.preview),
                    self._put(thumbnail_key, made.thumbnail),
                )
            async with self._database.transaction() as session:
                recorded = await attempts.succeed(
                    session,
                    render.attempt_id,
                    output,
                    width=made.master_width,
                    height=made.master_height,
                    preview_key=preview_key,
                    thumbnail_key=thumbnail_key,
                )
                if recorded:
                    await jobs.choose(session, render.job_id, render.attempt_id)

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

    async def _derive(self, finished: FinishAttempt, master: Path, scratch: Path) -> Derivatives:
        render, output = finished.render, finished.output
        source_type = load_pack(render.graph).manifest.digital_source_type
        try:
            return await self._photos.derive(master, scratch, digital_source_type=source_type)
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

    async def _put(self, key: str, image: ImageFile) -> None:
        await self._objects.put_file(key, image.path, content_type=image.media_type)
