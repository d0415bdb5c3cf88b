"""From untrusted bytes to pixels: one upright 8-bit RGB picture in sRGB, and nothing else."""

from __future__ import annotations

import errno
import warnings
from dataclasses import dataclass
from functools import partial
from typing import BinaryIO

# Imported here, before the child confines itself: Pillow would load them when it meets the format.
from PIL import (
    Image,
    ImageFile,
    JpegImagePlugin,  # noqa: F401
    MpoImagePlugin,  # noqa: F401
    PngImagePlugin,  # noqa: F401
    WebPImagePlugin,  # noqa: F401
)
from pillow_heif import register_heif_opener

from ..confinement import limit_memory
from ..order import PhotoOrder
from ..report import Format, Refusal, Refused, Size
from .colour import eight_bit, opaque, srgb
from .formats import check_png, identify
from .memory import memory_for
from .orientation import upright

_PILLOW_NAMES: dict[Format, str] = {"jpeg": "JPEG", "png": "PNG", "webp": "WEBP", "heic": "HEIF"}

_OURS = {errno.EIO, errno.ENOSYS}
"""The machine's fault: the disk, or a system call that our own filter forgot."""

Image.preinit()
register_heif_opener(thumbnails=False, depth_images=False, aux_images=False, decode_threads=2)


@dataclass(frozen=True)
class Photo:
    """A picture that was read.

    Attributes:
        format: what the file was.
        stored: its size before the orientation was applied.
        picture: upright, opaque, 8-bit RGB in sRGB, without metadata.
    """

    format: Format
    stored: Size
    picture: Image.Image


def read_photo(source: BinaryIO, formats: set[Format], order: PhotoOrder) -> Photo:
    """Read the primary picture of a file completely.

    Args:
        source: the file, seekable.
        formats: what is accepted.
        order: the limits.

    Raises:
        Refused: the file cannot be used.
        MemoryError: reading it needs more memory than a picture of its size may.
    """
    try:
        found = identify(source)
        if found not in formats:
            raise Refused(Refusal.UNSUPPORTED)
        picture: Image.Image = _load(source, found, order)
        stored = Size(*picture.size)
        profile = picture.info.get("icc_profile")
        # One variable, so that at most two copies of the pixels exist at any moment.
        for step in (upright, eight_bit, opaque, partial(srgb, profile=profile)):
            picture = step(picture)
    except (Refused, MemoryError):
        raise
    except Exception as error:
        if isinstance(error, OSError) and error.errno in _OURS:
            raise
        # Decoders raise whatever they meet: OSError, SyntaxError, struct.error, RuntimeError, ...
        raise Refused(Refusal.DAMAGED, repr(error)) from error
    picture.info = {}  # Pillow's encoders would take the user's profile, comment and more from here
    return Photo(found, stored, picture)


def _load(source: BinaryIO, found: Format, order: PhotoOrder) -> ImageFile.ImageFile:
    """Decode the file, if its header and its structure allow that."""
    if found == "png":
        check_png(source)
    opened = _open(source, found, order.max_pixels)
    _check(opened, found, order)
    limit_memory(memory_for(opened.width * opened.height, found))
    opened.load()
    _check(opened, found, order)  # a HEIC may turn out larger than its container said
    return opened


def _open(source: BinaryIO, found: Format, max_pixels: int) -> ImageFile.ImageFile:
    """Open the file by the one opener of its format; Pillow registers 43."""
    # Pillow raises above twice this figure, before it reserves a WebP's canvas. Its warning between
    # once and twice is not ours, nor are those about odd Exif, with which phones abound.
    Image.MAX_IMAGE_PIXELS = (max_pixels + 1) // 2
    warnings.simplefilter("ignore")
    try:
        return Image.open(source, formats=[_PILLOW_NAMES[found]])
    except Image.DecompressionBombError as error:
        raise Refused(Refusal.TOO_MANY_PIXELS, str(error)) from error


def _check(picture: ImageFile.ImageFile, found: Format, order: PhotoOrder) -> None:
    """Refuse by size and number of frames; the header is enough for that."""
    if picture.width * picture.height > order.max_pixels:
        raise Refused(Refusal.TOO_MANY_PIXELS)
    if max(picture.size) > order.max_side:
        raise Refused(Refusal.SIDE_TOO_LONG)
    # Several pictures in a JPEG or HEIC are other views of one moment (depth, HDR gain map); Pillow
    # opens the primary one. In PNG and WebP they are an animation.
    if found in {"png", "webp"} and getattr(picture, "n_frames", 1) > 1:
        raise Refused(Refusal.ANIMATED)
