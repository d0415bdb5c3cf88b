"""A photo in a field of a JSON body, in base64."""

import asyncio
import base64
import binascii
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from rekindle.errors import EmptyPhoto, InvalidRequest, PhotoTooLarge
from rekindle.settings import Settings

_DATA_URL = "data:"
ENVELOPE_BYTES = 64 * 1024
"""What a body may be larger than its photo in base64."""


def largest_body(settings: Settings) -> int:
    """The largest body with such a field, bytes."""
    return _encoded_bytes(_most_bytes(settings)) + ENVELOPE_BYTES


def too_large(settings: Settings) -> PhotoTooLarge:
    """The refusal of a larger one."""
    return PhotoTooLarge(f"The image is larger than the allowed {settings.max_image_size_mb} MB.")


@asynccontextmanager
async def decoded_image(text: str, settings: Settings) -> AsyncIterator[Path]:
    """The file that a field holds, alone in a folder; gone afterwards.

    Args:
        text: base64, or a `data:` address with base64 in it. Its media type means nothing: as
            everywhere, the content decides.
        settings: how large the file may be.

    Raises:
        PhotoTooLarge: larger than MAX_IMAGE_SIZE_MB.
        EmptyPhoto: there is nothing in it.
        InvalidRequest: it is not base64.
    """
    with tempfile.TemporaryDirectory(prefix="rekindle-image-") as folder:
        file = Path(folder, "photo")
        await asyncio.to_thread(_write, text, file, settings)
        yield file


def _write(text: str, file: Path, settings: Settings) -> None:
    if text.startswith(_DATA_URL):
        text = text.partition(",")[2]
    if len(text) > _encoded_bytes(_most_bytes(settings)):
        raise too_large(settings)
    try:
        content = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError) as error:
        raise InvalidRequest("The image must be in base64.") from error
    if not content:
        raise EmptyPhoto
    if len(content) > _most_bytes(settings):
        raise too_large(settings)
    file.write_bytes(content)


def _most_bytes(settings: Settings) -> int:
    return settings.max_image_size_mb << 20


def _encoded_bytes(size: int) -> int:
    """How long so many bytes are in base64."""
    return -(-size // 3) * 4
