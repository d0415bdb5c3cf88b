"""What a file is, by its content, and whether it is all there, before any decoder sees it."""

from __future__ import annotations

import os
import struct
import zlib
from typing import BinaryIO

from ..report import Format, Refusal, Refused

_HEAD = 64
_PIECE = 1024 * 1024
_PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_HEIC_STILL = {b"heic", b"heix", b"heim", b"heis", b"mif1"}
_HEIC_SEQUENCE = {b"hevc", b"hevx", b"hevm", b"hevs", b"msf1"}
_AVIF = {b"avif", b"avis"}
_MOST_PNG_CHUNKS = 100_000
"""A 50 MB PNG with the smallest data chunks that encoders write (4 KiB) has 13,000."""


def identify(source: BinaryIO) -> Format:
    """The format of the file.

    Raises:
        Refused: none of these, or an image sequence.
    """
    source.seek(0)
    head = source.read(_HEAD)
    if head.startswith(b"\xff\xd8\xff"):
        return "jpeg"
    if head.startswith(_PNG_SIGNATURE):
        return "png"
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        return "webp"
    if head[4:8] == b"ftyp":
        return _heic(head)
    raise Refused(Refusal.UNSUPPORTED)


def _heic(head: bytes) -> Format:
    """ISO base media files say what they are by brands: one major, then compatible ones."""
    end = min(int.from_bytes(head[:4], "big"), len(head))
    major = head[8:12]
    compatible = {head[at : at + 4] for at in range(16, end - 3, 4)}
    if major in _HEIC_SEQUENCE:
        raise Refused(Refusal.ANIMATED)
    if major in _HEIC_STILL and not compatible & _AVIF:
        return "heic"
    raise Refused(Refusal.UNSUPPORTED)


def check_png(source: BinaryIO) -> None:
    """Walk the chunks: Pillow accepts a PNG without its end and does not check the data's sums.

    Raises:
        Refused: a chunk is cut off, a critical one has a wrong checksum, or the end is missing.
    """
    source.seek(len(_PNG_SIGNATURE))
    for _ in range(_MOST_PNG_CHUNKS):
        header = source.read(8)
        if len(header) < 8:
            raise Refused(Refusal.DAMAGED, "PNG without its end chunk")
        length, kind = struct.unpack(">I4s", header)
        if kind[:1].isupper():
            _check_sum(source, kind, length)
        else:
            source.seek(length + 4, os.SEEK_CUR)
        if kind == b"IEND":
            return
    raise Refused(Refusal.DAMAGED, "PNG with too many chunks")


def _check_sum(source: BinaryIO, kind: bytes, length: int) -> None:
    found = zlib.crc32(kind)
    while length > 0 and (piece := source.read(min(length, _PIECE))):
        found = zlib.crc32(piece, found)
        length -= len(piece)
    if source.read(4) != struct.pack(">I", found):
        raise Refused(Refusal.DAMAGED, "PNG chunk with a wrong checksum")
