"""How much address space reading a picture may take."""

from __future__ import annotations

from ..report import Format

_MIB = 1024 * 1024

_BASE_BYTES = 256 * _MIB
"""For the interpreter and the libraries (64 MiB), and for a compressed file of 50 MiB, which the
WebP and HEIC decoders hold twice."""

_BYTES_PER_PIXEL: dict[Format, int] = {"jpeg": 12, "png": 12, "heic": 16, "webp": 20}
"""What reading, turning, converting and writing may need on top.

Measured at 60 megapixels: PNG 4 to 8, baseline JPEG 8, progressive 10, HEIC 8, with alpha 13, WebP
with alpha 16.
"""


def memory_for(pixels: int, found: Format | None = None) -> int:
    """Address space for a picture, in bytes.

    Args:
        pixels: width x height.
        found: its format; the most of any format when it is not known yet.
    """
    per_pixel = _BYTES_PER_PIXEL[found] if found else max(_BYTES_PER_PIXEL.values())
    return _BASE_BYTES + per_pixel * pixels


def file_bytes_for(pixels: int) -> int:
    """More than an RGB PNG that does not compress at all, in bytes."""
    return 4 * pixels + _MIB
