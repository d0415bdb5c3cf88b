"""Files that an adapter wrote."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class MediaFile:
    """A picture or a video that a decoder wrote.

    Attributes:
        path: where it is.
        media_type: such as `image/png` or `video/mp4`.
        width: pixels.
        height: pixels.
        size_bytes: length of the file in bytes.
    """

    path: Path
    media_type: str
    width: int
    height: int
    size_bytes: int
