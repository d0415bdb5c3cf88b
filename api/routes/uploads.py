"""Uploads: forms by which browsers send photos straight to the bucket, past this process."""

from typing import Literal

from fastapi import status
from pydantic import BaseModel, ConfigDict, Field

from api import paths
from api.dependencies import AppSettings, Ports
from api.documents import UploadDocument, upload_document
from api.idempotency import CurrentClaim
from api.identity import CurrentPrincipal, guarded_router
from api.problems import command_problems
from api.quotas import Quotas
from api.uploads import largest_photo, photo_too_large
from rekindle.contracts import keys
from rekindle.errors import DatabaseUnavailable, PhotoTooLarge, UploadQuotaExceeded
from rekindle.models import Upload
from rekindle.store import standings, uploads

router = guarded_router("uploads")


class UploadRequest(BaseModel):
    """What is going to be sent."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={"examples": [{"content_type": "image/jpeg", "size_bytes": 2_480_113}]},
    )

    content_type: Literal["image/jpeg", "image/png", "image/heic", "image/webp"] = Field(
        description="The only one that the form takes; the content decides what the photo is."
    )
    size_bytes: int | None = Field(
        None, ge=1, description="When it is told, the form takes no other size."
    )


@router.post(
    paths.UPLOADS,
    status_code=status.HTTP_201_CREATED,
    responses=command_problems(PhotoTooLarge, UploadQuotaExceeded, DatabaseUnavailable),
)
async def begin_upload(
    wish: UploadRequest,
    principal: CurrentPrincipal,
    claim: CurrentClaim,
    ports: Ports,
    settings: AppSettings,
) -> UploadDocument:
    """Get a form that sends one photo straight to the bucket.

    Then make its job with `POST /api/v1/jobs`. A photo of which no job is made is deleted.
    """
    largest = largest_photo(settings)
    if wish.size_bytes is not None and wish.size_bytes > largest:
        raise photo_too_large(settings)
    upload_id = claim.new_id("upload")
    form = ports.objects.post_form(
        keys.incoming(upload_id),
        content_type=wish.content_type,
        min_bytes=wish.size_bytes or 1,
        max_bytes=wish.size_bytes or largest,
        seconds=settings.upload_url_seconds,
    )
    async with ports.database.transaction() as session:
        standing = await standings.remember(
            session, issuer=principal.issuer, subject=principal.subject
        )
        Quotas(settings).require_upload(standing, wish.size_bytes or 0)
        row = Upload(
            id=upload_id,
            user_id=standing.user_id,
            content_type=wish.content_type,
            size_bytes=wish.size_bytes,
            expires_at=form.expires_at,
        )
        await uploads.record(session, row)
    return upload_document(upload_id, form, max_bytes=wish.size_bytes or largest)
