"""An uploaded photo on its way from the socket to a file, never whole in memory."""

import asyncio
import shutil
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Generic, TypeVar

from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, EmailStr, Field, ValidationError
from starlette.datastructures import FormData, UploadFile
from starlette.exceptions import HTTPException
from starlette.requests import Request

from rekindle.errors import InvalidRequest, PhotoTooLarge
from rekindle.settings import Settings

ENVELOPE_BYTES = 64 * 1024
"""What a form may be larger than its photo: boundaries, part headers, the e-mail address."""

FORM = "multipart/form-data"

_LONGEST_FIELD = 1024
_MOST_FIELDS = 2
_PHOTO = "photo"
_PHOTO_SCHEMA = {
    "type": "string",
    "format": "binary",
    "title": "Photo",
    "description": "JPEG, PNG, HEIC or WebP; its content decides.",
}

Fields = TypeVar("Fields", bound=BaseModel)


class UploadFields(BaseModel):
    """What is told with a photo. An address is kept as given but for the case of its domain."""

    email: EmailStr = Field(
        description="Where to tell about the photo.", examples=["ada@example.com"]
    )


def largest_photo(settings: Settings) -> int:
    """The largest photo that may be uploaded, bytes."""
    return settings.max_upload_mb << 20


def photo_too_large(settings: Settings) -> PhotoTooLarge:
    """The refusal of a larger one."""
    return PhotoTooLarge(f"The file is larger than the allowed {settings.max_upload_mb} MB.")


def form_body(fields: type[BaseModel]) -> dict[str, Any]:
    """For `openapi_extra`: forms are read by us, so FastAPI does not know them.

    Args:
        fields: what is told with the photo.
    """
    schema = fields.model_json_schema()
    schema["properties"][_PHOTO] = _PHOTO_SCHEMA
    schema["required"] = [*schema.get("required", ()), _PHOTO]
    return {"requestBody": {"required": True, "content": {FORM: {"schema": schema}}}}


@dataclass(frozen=True)
class Upload(Generic[Fields]):
    """A form that arrived.

    Attributes:
        photo: the file, byte for byte, in a folder of its own. The name it had is not kept.
        fields: what was told with it.
    """

    photo: Path
    fields: Fields


@asynccontextmanager
async def received_upload(request: Request, fields: type[Fields]) -> AsyncIterator[Upload[Fields]]:
    """Receive the form of a request; its files are gone afterwards.

    Args:
        request: whose form it is.
        fields: what may be told with the photo.

    Raises:
        RequestValidationError: a field is missing, unknown or wrong.
        InvalidRequest: it is no multipart form, or more than one photo.
    """
    with tempfile.TemporaryDirectory(prefix="rekindle-upload-") as folder:
        async with received_form(request) as form:
            told, file = _read(form, fields)
            photo = Path(folder, "photo")
            await asyncio.to_thread(_save, file, photo)
        yield Upload(photo, told)


@asynccontextmanager
async def received_form(request: Request) -> AsyncIterator[FormData]:
    """The form of a request, its file in a nameless file on disk beyond the first megabyte.

    Inside it can be asked for again, and is the same: it has been read once.

    Raises:
        InvalidRequest: it is no multipart form, or has too many fields or files.
    """
    content_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if content_type != FORM:
        raise InvalidRequest("Send the photo and its fields as multipart/form-data.")
    limits = {"max_files": 1, "max_fields": _MOST_FIELDS, "max_part_size": _LONGEST_FIELD}
    try:
        async with request.form(**limits) as form:
            yield form
    except HTTPException as error:  # how Starlette reports a form it cannot read
        raise InvalidRequest(
            "The form cannot be read: send one photo and its fields as multipart/form-data."
        ) from error


def _read(form: FormData, fields: type[Fields]) -> tuple[Fields, UploadFile]:
    """Fields and photo of a form; every wrong field is named at once.

    A field without text counts as left out: a form of a web page sends it all the same.
    """
    wrong: list[Any] = [
        {"type": "extra_forbidden", "loc": ("body", name)}
        for name in form
        if name not in (_PHOTO, *fields.model_fields)
    ]
    photo = form.get(_PHOTO)
    if not isinstance(photo, UploadFile):
        wrong.append({"type": "missing", "loc": ("body", _PHOTO)})
    told: Fields | None = None
    try:
        told = fields.model_validate(
            {name: form[name] for name in fields.model_fields if form.get(name)}
        )
    except ValidationError as error:
        wrong += [{**each, "loc": ("body", *each["loc"])} for each in error.errors()]
    if wrong or told is None or not isinstance(photo, UploadFile):
        raise RequestValidationError(wrong)
    return told, photo


def _save(file: UploadFile, target: Path) -> None:
    with target.open("wb") as copy:
        shutil.copyfileobj(file.file, copy, 256 * 1024)
