"""Make what is shown of a master: a watermarked preview and a thumbnail."""

from __future__ import annotations

from functools import partial
from typing import BinaryIO

from ..order import DeriveOrder
from ..origin_label import origin_label
from ..report import PhotoDone, Size
from ..small import THUMBNAIL_QUALITY, reduced, write_jpeg
from ..task import Task
from ..watermark import watermarked
from .memory import file_bytes_for, memory_for
from .reading import read_photo

_PREVIEW_QUALITY = 85


def prepare(order: DeriveOrder, source: BinaryIO) -> Task:
    """Open what `derive` writes."""
    return Task(
        partial(derive, order, source, open(order.preview, "xb"), open(order.thumbnail, "xb")),
        memory_for(order.max_pixels),
        file_bytes_for(order.max_pixels),
    )


def derive(
    order: DeriveOrder, source: BinaryIO, preview: BinaryIO, thumbnail: BinaryIO
) -> PhotoDone:
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
    shown = reduced(master.picture, order.preview_side)
    small = reduced(master.picture, order.thumbnail_side)
    write_jpeg(watermarked(shown), preview, _PREVIEW_QUALITY, label)
    write_jpeg(small, thumbnail, THUMBNAIL_QUALITY, label)
    return PhotoDone(master.format, master.stored, (Size(*shown.size), Size(*small.size)))
