"""The checksum that archives want of a file before its first byte, written beside the object."""

import zlib
from collections.abc import Iterable
from pathlib import Path

LABEL = "crc32"
"""Name of the label of an HD object: CRC-32 of its bytes, eight hex digits."""
_PIECE = 1 << 20


def of_file(path: Path) -> str:
    """The label of a file; it is read in pieces."""
    with path.open("rb") as file:
        return f"{of_pieces(iter(lambda: file.read(_PIECE), b'')):08x}"


def of_pieces(pieces: Iterable[bytes]) -> int:
    """The checksum of a file that comes in pieces."""
    checksum = 0
    for piece in pieces:
        checksum = zlib.crc32(piece, checksum)
    return checksum


def parsed(label: str | None) -> int | None:
    """The checksum that a label names; None without any."""
    try:
        return int(label or "", 16)
    except ValueError:
        return None
