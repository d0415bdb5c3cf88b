"""Small JPEGs of a result: thumbnails, and the previews of still pictures."""

from __future__ import annotations

from typing import BinaryIO

from PIL import Image

THUMBNAIL_QUALITY = 82


def reduced(picture: Image.Image, longest_side: int) -> Image.Image:
    """The picture with no side longer than that, never enlarged, and with no side of zero."""
    scale = min(1.0, longest_side / max(picture.size))
    width, height = (max(1, round(side * scale)) for side in picture.size)
    return picture.resize((width, height), Image.Resampling.LANCZOS, reducing_gap=3.0)


def write_jpeg(picture: Image.Image, target: BinaryIO, quality: int, label: bytes | None) -> None:
    """Write the picture, with the XMP packet of its origin if there is one, and close the file."""
    options = {} if label is None else {"xmp": label}
    with target:
        picture.save(target, "JPEG", quality=quality, optimize=True, **options)
