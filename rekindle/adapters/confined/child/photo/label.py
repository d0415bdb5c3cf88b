"""Give a PNG its origin label: the same pixels, checked to the last row, and nothing else.

The picture is never held in memory. Its compressed rows are inflated piece by piece only to see
that all of them are there, and are copied as they are: decoding and compressing 64 megapixels anew
would take half a gigabyte and many seconds to arrive at the same pixels.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator
from functools import partial
from typing import BinaryIO

from ..order import LabelOrder
from ..origin_label import origin_label
from ..report import PhotoDone, Refusal, Refused, Size
from ..task import Task

_MIB = 1024 * 1024
_MEMORY = 160 * _MIB
"""The interpreter, its libraries and a few small pieces, whatever the size of the picture."""

_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_HEADER = ">IIBBBBB"
_SAMPLES = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}
"""Samples of a pixel by colour type."""
_DEPTHS = {0: {1, 2, 4, 8, 16}, 2: {8, 16}, 3: {1, 2, 4, 8}, 4: {8, 16}, 6: {8, 16}}
_LAST_FILTER = 4
_PIECE = 256 * 1024
_MOST_CHUNKS = 1_000_000


def prepare(order: LabelOrder, source: BinaryIO) -> Task:
    """Open what `label` writes."""
    return Task(
        partial(label, order, source, open(order.labelled, "xb")),
        _MEMORY,
        order.source_bytes + _MIB,
    )


def label(order: LabelOrder, source: BinaryIO, labelled: BinaryIO) -> PhotoDone:
    """Copy the picture and add the label.

    Args:
        order: label and limits.
        source: the PNG.
        labelled: the PNG to write.

    Raises:
        Refused: the source is not a complete still PNG inside the limits.
    """
    packet = origin_label(order.digital_source_type)
    if source.read(len(_SIGNATURE)) != _SIGNATURE:
        raise Refused(Refusal.UNSUPPORTED)
    with labelled:
        size = _copy(source, labelled, packet or b"", order)
    return PhotoDone("png", size, (size,))


def _copy(source: BinaryIO, target: BinaryIO, packet: bytes, order: LabelOrder) -> Size:
    target.write(_SIGNATURE)
    rows: _Rows | None = None
    for kind, length in _chunks(source):
        if (kind == b"IHDR") != (rows is None):
            raise Refused(Refusal.DAMAGED, "PNG header missing or repeated")
        if rows is None:
            header = _checked(source, kind, length)
            rows = _Rows(header, order)
            _write(target, kind, header)
            _write(target, b"iTXt", b"XML:com.adobe.xmp\0\0\0\0\0" + packet)
        elif kind == b"IDAT":
            _copy_rows(source, target, length, rows)
        elif kind in {b"PLTE", b"tRNS"}:
            _write(target, kind, _checked(source, kind, length))
        elif kind == b"acTL":
            raise Refused(Refusal.ANIMATED)
        elif kind == b"IEND":
            _checked(source, kind, length)
            rows.end()
            _write(target, kind, b"")
            return rows.size
        elif kind[:1].isupper():
            raise Refused(Refusal.UNSUPPORTED, "PNG with an unknown critical chunk")
        else:
            source.seek(length + 4, 1)
    raise Refused(Refusal.DAMAGED, "PNG with too many chunks")


def _chunks(source: BinaryIO) -> Iterator[tuple[bytes, int]]:
    """Kind and length of each chunk; who takes one reads its data and its checksum."""
    for _ in range(_MOST_CHUNKS):
        head = source.read(8)
        if len(head) < 8:
            raise Refused(Refusal.DAMAGED, "PNG without its end chunk")
        length, kind = struct.unpack(">I4s", head)
        yield kind, length


def _checked(source: BinaryIO, kind: bytes, length: int) -> bytes:
    """The data of a small chunk; the longest that is kept is a palette."""
    if length > 768:
        raise Refused(Refusal.DAMAGED, "PNG chunk too long")
    data = source.read(length)
    _compare(source, zlib.crc32(data, zlib.crc32(kind)))
    return data


def _copy_rows(source: BinaryIO, target: BinaryIO, length: int, rows: _Rows) -> None:
    target.write(struct.pack(">I4s", length, b"IDAT"))
    checksum = zlib.crc32(b"IDAT")
    while length > 0:
        piece = source.read(min(length, _PIECE))
        if not piece:
            raise Refused(Refusal.DAMAGED, "PNG cut off")
        rows.take(piece)
        checksum = zlib.crc32(piece, checksum)
        target.write(piece)
        length -= len(piece)
    _compare(source, checksum)
    target.write(struct.pack(">I", checksum))


def _compare(source: BinaryIO, checksum: int) -> None:
    if source.read(4) != struct.pack(">I", checksum):
        raise Refused(Refusal.DAMAGED, "PNG chunk with a wrong checksum")


def _write(target: BinaryIO, kind: bytes, data: bytes) -> None:
    checksum = zlib.crc32(data, zlib.crc32(kind))
    target.write(struct.pack(">I4s", len(data), kind) + data + struct.pack(">I", checksum))


class _Rows:
    """Counts the rows that come out of the compressed data, and looks at how each begins."""

    def __init__(self, header: bytes, order: LabelOrder) -> None:
        if len(header) != struct.calcsize(_HEADER):
            raise Refused(Refusal.DAMAGED, "PNG header of a wrong length")
        width, height, depth, colour, *methods = struct.unpack(_HEADER, header)
        if width * height == 0 or depth not in _DEPTHS.get(colour, ()):
            raise Refused(Refusal.DAMAGED, "PNG header that makes no sense")
        if any(methods):
            raise Refused(Refusal.UNSUPPORTED, "interlaced PNG, or of an unknown compression")
        if width * height > order.max_pixels:
            raise Refused(Refusal.TOO_MANY_PIXELS)
        if max(width, height) > order.max_side:
            raise Refused(Refusal.SIDE_TOO_LONG)
        self.size = Size(width, height)
        self._row = 1 + (width * depth * _SAMPLES[colour] + 7) // 8
        self._expected = self._row * height
        self._found = 0
        self._inflate = zlib.decompressobj()

    def take(self, piece: bytes) -> None:
        """Inflate a piece, a bounded part at a time."""
        try:
            while piece:
                self._look(self._inflate.decompress(piece, _PIECE))
                piece = self._inflate.unconsumed_tail
        except zlib.error as error:
            raise Refused(Refusal.DAMAGED, repr(error)) from error
        if self._inflate.unused_data:
            raise Refused(Refusal.DAMAGED, "PNG with data after its picture")

    def end(self) -> None:
        """Refuse a picture that is not all there."""
        if not self._inflate.eof or self._found != self._expected:
            raise Refused(Refusal.DAMAGED, "PNG with missing rows")

    def _look(self, part: bytes) -> None:
        starts = part[-self._found % self._row :: self._row]
        self._found += len(part)
        if self._found > self._expected:
            raise Refused(Refusal.DAMAGED, "PNG with more rows than it says")
        if starts and max(starts) > _LAST_FILTER:
            raise Refused(Refusal.DAMAGED, "PNG with an unknown filter")
