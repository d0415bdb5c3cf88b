"""One upload as clients see it: the form that sends a photo straight to the bucket."""

from datetime import datetime
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from api import paths
from api.documents import examples
from rekindle.ports.objects import PresignedPost


class UploadLinks(BaseModel):
    """Where to go from an upload."""

    job: str = Field(description="POST there, with `upload_id`, once the photo has been sent.")


class UploadDocument(BaseModel):
    """A form for one photo. Whoever holds it may send that photo: it is as good as a password."""

    model_config = ConfigDict(json_schema_extra={"examples": [examples.UPLOAD]})

    id: UUID
    url: str = Field(description="POST the form there, as multipart/form-data, without a token.")
    fields: dict[str, str] = Field(
        description="Every field of the form as it is, and no other; after them the photo, as "
        "`file`."
    )
    expires_at: datetime = Field(description="The form is taken until then.")
    max_bytes: int = Field(description="Largest photo that the form takes.")
    links: UploadLinks


def upload_document(upload_id: UUID, form: PresignedPost, *, max_bytes: int) -> UploadDocument:
    """The document of an upload.

    Args:
        upload_id: its id.
        form: what it is sent by.
        max_bytes: largest photo that the form takes.
    """
    return UploadDocument(
        id=upload_id,
        url=form.url,
        fields=dict(form.fields),
        expires_at=form.expires_at,
        max_bytes=max_bytes,
        links=UploadLinks(job=paths.JOBS),
    )
