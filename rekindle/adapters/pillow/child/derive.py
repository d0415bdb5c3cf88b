"""Make what is shown of a master: a watermarked preview and a thumbnail."""

from __future__ import annotations

from typing import BinaryIO

from PIL import Image

from .order import DeriveOrder, Done, Size
from .origin_label import origin_label
from .reading import read_photo
from .watermark import watermarked

_PREVIEW_QUALITY = 85
_THUMBNAIL_QUALITY = 82


def derive(order: DeriveOrder, source: BinaryIO, preview: BinaryIO, thumbnail: BinaryIO) -> Done:
    """Read the master and write both files.

    Args:
        order: sizes, label and limits.
        source: the master PNG.
        preview: the watermarked JPEG to write.
        thumbnail: the JPEG to write.

    Raises:
        Refused: the master cannot be read.
    """
    master = read_photo(source, {"png"}, order)
    label = origin_label(order.digital_source_type)
    shown = _reduced(master.picture, order.preview_side)
    small = _reduced(master.picture, order.thumbnail_side)
    _write(watermarked(shown), preview, _PREVIEW_QUALITY, label)
    _write(small, thumbnail, _THUMBNAIL_QUALITY, label)
    return Done(master.format, master.stored, (Size(*shown.size), Size(*small.size)))


def _reduced(picture: Image.Image, longest_side: int) -> Image.Image:
    scale = min(1.0, longest_side / max(picture.size))
    width, height = (max(1, round(side * scale)) for side in picture.size)
    return picture.resize((width, height), Image.Resampling.LANCZOS, reducing_gap=3.0)


def _write(picture: Image.Image, target: BinaryIO, quality: int, label: bytes | None) -> None:
    options = {} if label is None else {"xmp": label}
    with target:
        picture.save(target, "JPEG", quality=quality, optimize=True, **options)
