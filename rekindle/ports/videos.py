"""Videos: what is shown of a clip that a graph made, and its origin label."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from rekindle.ports.files import MediaFile
from rekindle.ports.photos import ImageFile


@dataclass(frozen=True, slots=True)
class VideoLimits:
    """What one video may cost.

    Attributes:
        max_bytes: largest accepted file, in bytes.
        max_pixels: largest accepted width x height of a frame: an HD clip made of the largest
            frames that a pack makes (1280 x 704, each side four times as long) has 14.4 million.
        max_side: longest accepted side, in pixels.
        max_seconds: longest accepted clip.
        max_frames: most accepted frames.
        timeout_seconds: wall-clock time for one video. Its CPU time may be twice that: a child
            uses two threads.
        children: videos read at once by one decoder. A child needs 0.1 GB for frames of 1280 x
            720 pixels and 0.3 to 0.45 GB for the largest that packs make; it never holds a whole
            clip.
        queue_seconds: how long a video waits for its turn before `DecoderBusy`.
    """

    max_bytes: int = 512 * 1024 * 1024
    max_pixels: int = 17_000_000
    max_side: int = 16_384
    max_seconds: float = 60.0
    max_frames: int = 3_600
    timeout_seconds: float = 120.0
    children: int = 2
    queue_seconds: float = 60.0


@dataclass(frozen=True, slots=True)
class VideoFile(MediaFile):
    """A video that the decoder wrote: `video/mp4`."""


@dataclass(frozen=True, slots=True)
class VideoDerivatives:
    """What is shown of a master before it is paid for.

    Attributes:
        master_width: pixels of a frame as a player shows it, upright and with square pixels.
        master_height: pixels, likewise.
        master_seconds: its length.
        master_fps: frames per second, on average.
        master_frames: frames in it.
        master_sha256: of the master file, 64 lower-case hex digits.
        master_size_bytes: length of the master file in bytes.
        preview: watermarked MP4, longest side at most `PREVIEW_SIDE`, never enlarged except that
            both sides are even and at least 2.
        thumbnail: JPEG of one frame without watermark, longest side at most `THUMBNAIL_SIDE`.
    """

    master_width: int
    master_height: int
    master_seconds: float
    master_fps: float
    master_frames: int
    master_sha256: str
    master_size_bytes: int
    preview: VideoFile
    thumbnail: ImageFile


class VideoDecoder(Protocol):
    """Reads videos outside this process. Both operations are idempotent.

    Accepted is an MP4 (or MOV) with one picture track of H.264, HEVC, VP9 or AV1 that decodes from
    its first frame to its last. What it says about itself, the graph and the prompt for example,
    never gets into a file that is written.
    """

    async def derive(
        self, master: Path, into: Path, *, digital_source_type: str | None = None
    ) -> VideoDerivatives:
        """Write `into / "preview.mp4"` and `into / "thumbnail.jpg"` from a master MP4.

        The preview has every frame of the master at an even pace and plays in every browser: H.264
        High, 8-bit 4:2:0, no sound, its index before its data.

        Args:
            master: the MP4 that a graph made.
            into: an existing directory. After an error it holds nothing new.
            digital_source_type: the origin label for the metadata of both files, a word of the
                IPTC vocabulary such as `algorithmicallyEnhanced`; None for no label. In the video
                it is where `label` writes it.

        Raises:
            ResultUnreadable: the master is not a complete video inside the limits.
            DecoderBusy: too many videos are being read; try again.
            PlatformError: the decoder itself failed.
        """
        ...

    async def label(self, source: Path, into: Path, *, digital_source_type: str) -> VideoFile:
        """Write `into / "labelled.mp4"`: the same pictures and sound, not encoded again.

        The label is an XMP packet in a `uuid` box at the end of the file (XMP specification, part
        3), which is where IPTC's Video Metadata Hub puts it, and once more the address of the word
        as the ordinary comment, which `ffprobe` shows and which survives another remux. The index
        stands before the data. Every frame is decoded on the way, so what is delivered is whole.
        Where the video does not say what its colours are, the container says BT.601, as ComfyUI
        makes them: browsers guess otherwise from 720 lines on.

        Args:
            source: the MP4 that a graph made.
            into: an existing directory. After an error it holds nothing new.
            digital_source_type: as in `derive`.

        Raises:
            ResultUnreadable: the source is not a complete video inside the limits.
            DecoderBusy: too many videos are being read; try again.
            PlatformError: the decoder itself failed.
        """
        ...
