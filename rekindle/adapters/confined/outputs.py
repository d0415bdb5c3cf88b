"""What a child wrote: looked at, measured, and moved to its place."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import TypeVar

from rekindle.adapters.confined.child.report import Refusal, Refused, Size
from rekindle.ports.files import MediaFile

_SIGNATURES = {
    # media type: what the file has at which place
    "image/png": (0, b"\x89PNG\r\n\x1a\n"),
    "image/jpeg": (0, b"\xff\xd8\xff"),
    "video/mp4": (4, b"ftyp"),
}

M = TypeVar("M", bound=MediaFile)


def written(sizes: Sequence[Size], media_types: dict[str, str], room: Path) -> list[MediaFile]:
    """The files that the child says it wrote, after a look at them.

    Args:
        sizes: width and height of each, as the child reported them.
        media_types: of each by its name, in the same order.
        room: where they are.

    Raises:
        Refused: a file is missing or is of another kind; whatever made the child lie ended it.
    """
    if len(sizes) != len(media_types):
        raise Refused(Refusal.FATAL, "files are missing")
    files = []
    for (name, media_type), size in zip(media_types.items(), sizes, strict=True):
        path = room / name
        place, signature = _SIGNATURES[media_type]
        with path.open("rb") as file:
            if not file.read(16).startswith(signature, place):
                raise Refused(Refusal.FATAL, f"{name} is not {media_type}")
        files.append(MediaFile(path, media_type, size.width, size.height, path.stat().st_size))
    return files


def kept(file: MediaFile, into: Path, kind: type[M]) -> M:
    """The file at its final place, an atomic replacement of what was there."""
    path = file.path.replace(into / file.path.name)
    return kind(path, file.media_type, file.width, file.height, file.size_bytes)


def length(path: Path) -> int:
    """The file's length in bytes."""
    return path.stat().st_size


async def fingerprint(path: Path) -> tuple[str, int]:
    """The file's sha256 as hex digits, and its length in bytes."""
    return await asyncio.to_thread(_fingerprint, path)


def _fingerprint(path: Path) -> tuple[str, int]:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest(), file.tell()
