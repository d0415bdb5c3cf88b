"""Photos: read a file that nobody trusts, and make what is shown of a result."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Protocol

from rekindle.ports.files import MediaFile

PREVIEW_SIDE = 768
"""Longest side of a watermarked preview, in pixels."""

THUMBNAIL_SIDE = 320
"""Longest side of a thumbnail, in pixels."""

HD_SCALE = 4
"""A side of an HD result is at most so many times its master's."""


class PhotoFormat(StrEnum):
    """The formats a person may upload, as found in the content of the file."""

    JPEG = "jpeg"
    PNG = "png"
    HEIC = "heic"
    WEBP = "webp"

    @property
    def media_type(self) -> str:
        """The media type, such as `image/jpeg`."""
        return f"image/{self.value}"

    @property
    def extension(self) -> str:
        """The file name extension without the dot, such as `jpg`."""
        return "jpg" if self is PhotoFormat.JPEG else self.value


@dataclass(frozen=True, slots=True)
class PhotoLimits:
    """What one photo may cost.

    Attributes:
        max_bytes: largest accepted file, in bytes (50 MiB by default).
        max_pixels: largest accepted width x height, in pixels.
        max_side: longest accepted side, in pixels.
        timeout_seconds: wall-clock time, and CPU time, for one photo.
        children: photos read at once by one decoder. A child needs 0.15 GB for a photo of
            12 megapixels and up to 1 GB at the default pixel limit.
        queue_seconds: how long a photo waits for its turn before `DecoderBusy`.
    """

    max_bytes: int = 50 * 1024 * 1024
    max_pixels: int = 64_000_000
    max_side: int = 30_000
    timeout_seconds: float = 30.0
    children: int = 2
    queue_seconds: float = 15.0


@dataclass(frozen=True, slots=True)
class ImageFile(MediaFile):
    """An image that the decoder wrote: `image/png` or `image/jpeg`."""


@dataclass(frozen=True, slots=True)
class IngestedPhoto:
    """An uploaded photo that was decoded completely.

    Attributes:
        format: what the content of the file is, whatever its name says.
        original_width: stored width in pixels, before the orientation was applied. HEIC
            keeps its orientation in the picture itself, so there it is the upright width.
        original_height: stored height in pixels, likewise.
        sha256: of the uploaded file, 64 lower-case hex digits.
        size_bytes: length of the uploaded file in bytes.
        working: the working copy: PNG, 8-bit RGB, sRGB, upright, without any metadata;
            transparency is laid on white.
    """

    format: PhotoFormat
    original_width: int
    original_height: int
    sha256: str
    size_bytes: int
    working: ImageFile


@dataclass(frozen=True, slots=True)
class Derivatives:
    """What is shown of a master before it is paid for.

    Attributes:
        master_width: pixels.
        master_height: pixels.
        master_sha256: of the master file, 64 lower-case hex digits.
        master_size_bytes: length of the master file in bytes.
        preview: watermarked JPEG, longest side at most `PREVIEW_SIDE`, never enlarged.
        thumbnail: JPEG without watermark, longest side at most `THUMBNAIL_SIDE`.
    """

    master_width: int
    master_height: int
    master_sha256: str
    master_size_bytes: int
    preview: ImageFile
    thumbnail: ImageFile


class PhotoDecoder(Protocol):
    """Reads photos outside this process. All operations are idempotent."""

    async def ingest(self, source: Path, into: Path) -> IngestedPhoto:
        """Verify an upload and write its working copy to `into / "working.png"`.

        Args:
            source: the upload, byte for byte.
            into: an existing directory. After an error it holds nothing new.

        Raises:
            EmptyPhoto: the file has no bytes.
            PhotoTooLarge: the file has more bytes than `PhotoLimits.max_bytes`.
            UnsupportedPhotoType: the content is not JPEG, PNG, HEIC or WebP.
            DamagedPhoto: it is incomplete or broken, or reading it took too long.
            TooManyPixels: it is larger than `PhotoLimits.max_pixels` or `max_side`.
            AnimatedPhoto: it is an animation or an image sequence.
            DecoderBusy: too many photos are being read; try again.
            PlatformError: the decoder itself failed.
        """
        ...

    async def derive(
        self, master: Path, into: Path, *, digital_source_type: str | None = None
    ) -> Derivatives:
        """Write `into / "preview.jpg"` and `into / "thumbnail.jpg"` from a master PNG.

        Args:
            master: the PNG that a graph made.
            into: an existing directory. After an error it holds nothing new.
            digital_source_type: the origin label for the metadata of both files, a word of
                the IPTC vocabulary such as `algorithmicallyEnhanced`; None for no label.

        Raises:
            ResultUnreadable: the master is not a complete still PNG inside the limits.
            DecoderBusy: too many photos are being read; try again.
            PlatformError: the decoder itself failed.
        """
        ...

    async def label(self, source: Path, into: Path, *, digital_source_type: str) -> ImageFile:
        """Write `into / "labelled.png"` from an HD PNG: the same pixels and the origin label.

        Everything but the pixels is left out: text, profiles, times, whatever follows the picture.
        The picture is checked to its last row without being held in memory, so a large one costs
        time but no more memory than a small one.

        Args:
            source: the PNG that a graph made of a master; it may be `HD_SCALE` times as wide and
                as high as a master.
            into: an existing directory. After an error it holds nothing new.
            digital_source_type: as in `derive`.

        Raises:
            ResultUnreadable: the source is not a complete still PNG inside the limits.
            DecoderBusy: too many photos are being read; try again.
            PlatformError: the decoder itself failed.
        """
        ...
