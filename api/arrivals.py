"""From a photo in the bucket, which a browser put there, to its job."""

import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID

import structlog

from api.idempotency import Claim
from api.intake import Intake
from api.ownership import owned_upload
from api.uploads import largest_photo, photo_too_large
from rekindle.contracts import keys
from rekindle.errors import (
    DamagedPhoto,
    NotFound,
    PhotoError,
    PhotoTooLarge,
    StorageUnavailable,
    UploadAlreadyUsed,
    UploadExpired,
    UploadIncomplete,
    UploadNotFound,
)
from rekindle.models import Job, Upload
from rekindle.ports.identity import Principal
from rekindle.settings import Settings
from rekindle.wiring.api import ApiPorts

_LOG = structlog.get_logger(__name__)

ARRIVAL_ERRORS = (UploadNotFound, UploadIncomplete, UploadAlreadyUsed, UploadExpired)
"""What `Arrivals` raises, beside what `Intake` does."""


class Arrivals:
    """Makes jobs of uploads. An upload is used once, and is used exactly when its job exists."""

    def __init__(self, ports: ApiPorts, settings: Settings) -> None:
        """Work through these ports."""
        self._ports = ports
        self._settings = settings
        self._intake = Intake(ports, settings)

    async def make_job(
        self, upload_id: UUID, email: str, claim: Claim, principal: Principal
    ) -> Job:
        """Make the job of a photo that has arrived, or find the one that an earlier try has made.

        Args:
            upload_id: of an upload of the principal.
            email: where to tell about it.
            claim: names the job.
            principal: whose upload it is.

        Raises:
            UploadNotFound: there is none, or it is somebody else's.
            UploadIncomplete: its photo has not arrived yet.
            UploadExpired: its photo did not arrive in time.
            UploadAlreadyUsed: another job was made of it.
            PhotoError: the photo cannot be used, and is deleted.
            DependencyUnavailable: a part is away; the photo stays for another try.
        """
        job = await self._intake.made(claim, principal)
        if job is None:
            upload = await self._unused(upload_id, principal)
            async with self._arrived(upload) as photo:
                job = await self._intake.take_in(photo, email, claim, principal, upload=upload)
        await self._delete(upload_id)
        return job

    async def _unused(self, upload_id: UUID, principal: Principal) -> Upload:
        async with self._ports.database.transaction() as session:
            upload = await owned_upload(session, upload_id, principal)
        if upload.job_id is not None:
            raise UploadAlreadyUsed
        return upload

    @asynccontextmanager
    async def _arrived(self, upload: Upload) -> AsyncIterator[Path]:
        """What arrived, in a folder of its own; refused inside the block, it is deleted."""
        try:
            await self._look(upload)
            with tempfile.TemporaryDirectory(prefix="rekindle-upload-") as folder:
                photo = Path(folder, "photo")
                await self._fetch(upload, photo)
                yield photo
        except PhotoError:
            await self._delete(upload.id)
            raise

    async def _look(self, upload: Upload) -> None:
        """Stores differ in how well they keep to a form, so nothing is taken for granted."""
        found = await self._ports.objects.head(keys.incoming(upload.id))
        if found is None:
            is_over = upload.expires_at <= datetime.now(UTC)
            raise UploadExpired if is_over else UploadIncomplete
        if found.size_bytes > largest_photo(self._settings):
            raise photo_too_large(self._settings)
        if upload.size_bytes not in (None, found.size_bytes):
            raise DamagedPhoto

    async def _fetch(self, upload: Upload, photo: Path) -> None:
        key, largest = keys.incoming(upload.id), largest_photo(self._settings)
        try:
            await self._ports.objects.fetch_file(key, photo, max_bytes=largest)
        except NotFound as error:  # whoever used it at the same time has just deleted it
            raise UploadIncomplete from error
        except PhotoTooLarge as error:
            raise photo_too_large(self._settings) from error

    async def _delete(self, upload_id: UUID) -> None:
        """Nobody needs it any more; where that fails, the sweep will delete it."""
        try:
            await self._ports.objects.delete(keys.incoming(upload_id))
        except StorageUnavailable as error:
            _LOG.warning("incoming_photo_stays", upload_id=str(upload_id), why=str(error))
