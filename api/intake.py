"""From an uploaded file to a job: decoded, stored, opened, recorded, in this order.

Or to a job without a photo, which is only recorded.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from uuid import UUID

import structlog

from api.idempotency import Claim
from api.ownership import owned
from api.quotas import Quotas
from rekindle.contracts import keys
from rekindle.contracts.jobs import PhotoJobInput
from rekindle.errors import (
    AnimatedPhoto,
    DamagedPhoto,
    DatabaseUnavailable,
    DecoderBusy,
    EmptyPhoto,
    PhotoTooLarge,
    RekindleError,
    StorageUnavailable,
    TooManyPixels,
    UnsupportedPhotoType,
    UploadAlreadyUsed,
    UploadQuotaExceeded,
    WorkflowsUnavailable,
)
from rekindle.models import Job, Upload
from rekindle.ports.identity import Principal
from rekindle.ports.objects import ObjectStore
from rekindle.ports.photos import IngestedPhoto
from rekindle.rules.identity import fairness_key
from rekindle.settings import Settings
from rekindle.store import jobs, standings, uploads, users
from rekindle.wiring.api import ApiPorts

_LOG = structlog.get_logger(__name__)

INTAKE_ERRORS = (
    EmptyPhoto,
    PhotoTooLarge,
    UnsupportedPhotoType,
    DamagedPhoto,
    TooManyPixels,
    AnimatedPhoto,
    DecoderBusy,
    UploadQuotaExceeded,
    StorageUnavailable,
    DatabaseUnavailable,
    WorkflowsUnavailable,
)
"""What `Intake` raises of photos in requests."""


def job_input(job: Job, settings: Settings) -> PhotoJobInput:
    """What the job's workflow is opened, or revived, with."""
    return PhotoJobInput(
        job_id=job.id,
        fairness_key=fairness_key(job.user_id, settings.secret_key.get_secret_value()),
        idle_seconds=settings.job_idle_seconds,
    )


class Intake:
    """Makes jobs of photos. A job that exists has a photo that can be read."""

    def __init__(self, ports: ApiPorts, settings: Settings) -> None:
        """Work through these ports."""
        self._ports = ports
        self._settings = settings
        self._quotas = Quotas(settings)

    async def take_in(
        self,
        file: Path,
        email: str,
        claim: Claim,
        principal: Principal,
        *,
        upload: Upload | None = None,
        starts_attempt: bool = False,
    ) -> Job:
        """Make the job of an uploaded photo, or find the one that an earlier try has made.

        Args:
            file: the photo, alone in a folder that may be written to.
            email: where to tell about it; may be empty.
            claim: names the job before anything else is done: every key and id is made from it.
            principal: whose job it is.
            upload: the principal's upload that the photo came by; None for one in the request.
            starts_attempt: whether an attempt of the job will be started at once.

        Raises:
            UploadQuotaExceeded: the principal has uploaded enough for a day.
            TooManyOpenAttempts: no attempt could be started.
            PhotoError: the photo cannot be used; nothing was stored.
            UploadAlreadyUsed: another job was made of the upload meanwhile; nothing stays stored.
            DependencyUnavailable: a part is away. What had been stored is deleted again, unless
                the database went away in the very last step.
        """
        job_id = claim.new_id("job")
        if made := await self.made(claim, principal):
            return made
        user_id = None if upload is None else upload.user_id
        if self._quotas.limits_uploads or starts_attempt:
            user_id = await self._admit(_size(file), principal, starts_attempt=starts_attempt)
        photo = await self._ports.photos.ingest(file, file.parent)
        if user_id is None:
            user_id = await self._remember(principal)
        row = _row(job_id, user_id, email, photo)
        stored = (keys.uploaded(job_id, photo.format.extension), keys.working(job_id))
        async with _deleted_on_failure(self._ports.objects, claim, *stored):
            await self._store(stored, file, photo)
            await self._ports.jobs.open(job_input(row, self._settings))
        try:
            return await self._record(row, principal, upload)
        except UploadAlreadyUsed:
            await _delete(self._ports.objects, claim, *stored)
            raise

    async def begin_without_photo(self, claim: Claim, principal: Principal) -> Job:
        """Make a job that has no photo, or find the one that an earlier try has made.

        It counts as an upload of no size. An attempt of it will be started at once, which opens
        its workflow as well.

        Args:
            claim: names the job.
            principal: whose job it is.

        Raises:
            UploadQuotaExceeded: the principal has made enough jobs for a day.
            TooManyOpenAttempts: no attempt could be started.
            DatabaseUnavailable: nothing stays recorded, or the same request will find it.
        """
        if made := await self.made(claim, principal):
            return made
        user_id = await self._admit(0, principal, starts_attempt=True)
        return await self._record(
            Job(id=claim.new_id("job"), user_id=user_id, email=""), principal, None
        )

    async def made(self, claim: Claim, principal: Principal) -> Job | None:
        """The job that an earlier try of the same claim has made."""
        if not claim.is_repeated:
            return None
        job_id = claim.new_id("job")
        async with self._ports.database.transaction() as session:
            return await jobs.of_subject(
                session, job_id, issuer=principal.issuer, subject=principal.subject
            )

    async def _remember(self, principal: Principal) -> UUID:
        # In a transaction of its own, because the workflow's fairness key is made from the id.
        async with self._ports.database.transaction() as session:
            return await users.remember(session, issuer=principal.issuer, subject=principal.subject)

    async def _admit(self, size: int, principal: Principal, *, starts_attempt: bool) -> UUID:
        """As `_remember`, of who may upload so many bytes; before anything is decoded."""
        async with self._ports.database.transaction() as session:
            standing = await standings.remember(
                session, issuer=principal.issuer, subject=principal.subject
            )
        self._quotas.require_upload(standing, size)
        if starts_attempt:
            self._quotas.require_attempt(standing.open_attempts)
        return standing.user_id

    async def _store(self, under: tuple[str, str], original: Path, photo: IngestedPhoto) -> None:
        """Store the original and the working copy side by side, under these keys."""
        put = self._ports.objects.put_file
        outcomes = await asyncio.gather(
            put(under[0], original, content_type=photo.format.media_type),
            put(under[1], photo.working.path, content_type=photo.working.media_type),
            return_exceptions=True,  # both must have ended before either can be deleted
        )
        for outcome in outcomes:
            if isinstance(outcome, BaseException):
                raise outcome

    async def _record(self, row: Job, principal: Principal, upload: Upload | None) -> Job:
        try:
            return await self._write(row, principal, upload)
        except DatabaseUnavailable:
            # The commit may have come through although its answer did not; writing again is safe,
            # and deleting the objects of a recorded job would not be.
            return await self._write(row, principal, upload)

    async def _write(self, row: Job, principal: Principal, upload: Upload | None) -> Job:
        async with self._ports.database.transaction() as session:
            await jobs.record(session, row)
            if upload is not None and not await uploads.use(session, upload.id, row.id):
                raise UploadAlreadyUsed
            return await owned(session, row.id, principal)


@asynccontextmanager
async def _deleted_on_failure(
    objects: ObjectStore, claim: Claim, *stored: str
) -> AsyncIterator[None]:
    """Delete these objects, as well as that goes, when the block fails."""
    try:
        yield
    except BaseException:
        await asyncio.shield(_delete(objects, claim, *stored))
        raise


async def _delete(objects: ObjectStore, claim: Claim, *stored: str) -> None:
    """Delete objects, unless another try has taken over and stores, or has stored, the same."""
    try:
        if await claim.is_held():
            await objects.delete(*stored)
    except RekindleError as error:
        _LOG.warning("objects of a failed upload stay", keys=stored, why=str(error))


def _size(file: Path) -> int:
    return file.stat().st_size


def _row(job_id: UUID, user_id: UUID, email: str, photo: IngestedPhoto) -> Job:
    return Job(
        id=job_id,
        user_id=user_id,
        email=email,
        original_key=keys.uploaded(job_id, photo.format.extension),
        original_media_type=photo.format.media_type,
        original_sha256=photo.sha256,
        original_bytes=photo.size_bytes,
        working_key=keys.working(job_id),
        width=photo.working.width,
        height=photo.working.height,
    )
