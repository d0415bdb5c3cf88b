"""The picture that every light pod makes: a small grey PNG, written without a library."""

from __future__ import annotations

import struct
import zlib

SIDE = 64  # pixels


def grey_png(side: int = SIDE) -> bytes:
    """A square RGB picture of one grey."""
    row = b"\0" + bytes([128, 128, 128]) * side
    size = struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0)
    chunks = [(b"IHDR", size), (b"IDAT", zlib.compress(row * side)), (b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(_chunk(kind, data) for kind, data in chunks)


def _chunk(kind: bytes, data: bytes) -> bytes:
    checksum = zlib.crc32(kind + data)
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", checksum)
