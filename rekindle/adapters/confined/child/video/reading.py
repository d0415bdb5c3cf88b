"""From untrusted bytes to frames, one after the other: a clip is never held as a whole."""

from __future__ import annotations

import errno
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from fractions import Fraction
from typing import BinaryIO

import av

# Imported here, before the child confines itself: PyAV would load it when it meets a stream.
import av.subtitles.stream
from av.container import InputContainer
from av.packet import Packet
from av.stream import Stream
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from ..confinement import limit_memory
from ..order import VideoOrder
from ..report import Refusal, Refused, Size
from .memory import memory_for

_DECODERS = ("h264", "hevc", "vp9", "libdav1d", "aac")
"""What the libraries may open at all; the last only to learn what the sound is."""

_PICTURES = {"h264", "hevc", "vp9", "libdav1d"}
_THREADS = 2
_FASTEST = 240
"""Frames per second."""


@dataclass(frozen=True)
class Clip:
    """A video whose header was read and found inside the limits.

    Attributes:
        container: the open file.
        stream: its picture track.
        stored: size of every frame; the stream itself follows a change on the way.
        fps: frames per second, on average.
        order: the limits.
    """

    container: InputContainer
    stream: VideoStream
    stored: Size
    fps: Fraction
    order: VideoOrder


@dataclass(frozen=True)
class Step:
    """One packet of the file, and what became ready to be shown with it.

    Attributes:
        packet: None at the end.
        frames: none to a few, in the order of their showing.
    """

    packet: Packet[Stream] | None
    frames: list[VideoFrame]


@contextmanager
def open_clip(source: BinaryIO, order: VideoOrder) -> Iterator[Clip]:
    """Read the header.

    Args:
        source: the file, seekable.
        order: the limits.

    Raises:
        Refused: the file cannot be used.
        MemoryError: reading it needs more memory than a video of its size may.
    """
    with blaming_the_file():
        container = av.open(
            source,
            "r",
            format="mov",
            metadata_errors="replace",
            options={"codec_whitelist": ",".join(_DECODERS), **_decoder_options(order)},
        )
    with container:
        with blaming_the_file():
            clip = _checked(container, order)
        limit_memory(memory_for(clip.stored.width * clip.stored.height))
        yield clip


def steps(clip: Clip, *others: Stream) -> Iterator[Step]:
    """Decode the picture track from beginning to end.

    Args:
        clip: the open video.
        others: tracks whose packets are wanted too; they are not decoded.

    Raises:
        Refused: the video is not whole, or is larger than its header said.
        MemoryError: as in `open_clip`.
    """
    with blaming_the_file():
        packets = frames = 0
        for packet in clip.container.demux(clip.stream, *others):
            if packet.stream is not clip.stream:
                if packet.dts is not None:
                    yield Step(packet, [])
                continue
            if packet.is_corrupt:
                raise Refused(Refusal.DAMAGED, "cut off")
            is_flush = packet.size == 0
            ready = clip.stream.decode(None if is_flush else packet)
            packets, frames = packets + (not is_flush), frames + len(ready)
            if frames > clip.order.max_frames:
                raise Refused(Refusal.TOO_LONG, f"more than {frames - 1} frames")
            for frame in ready:
                _check(frame, clip)
            yield Step(None if is_flush else packet, ready)
        if packets < clip.stream.frames or not frames:
            raise Refused(Refusal.DAMAGED, f"{packets} of {clip.stream.frames} frames are there")


@contextmanager
def blaming_the_file() -> Iterator[None]:
    """Whatever the libraries find wrong is the file's fault; what the disk says is ours."""
    try:
        yield
    except (Refused, MemoryError):
        raise
    except (av.FFmpegError, ValueError, ArithmeticError, LookupError) as error:
        raise Refused(Refusal.DAMAGED, repr(error)) from error
    except OSError as error:
        if error.errno == errno.EINVAL:  # the file sent its reader to before its own beginning
            raise Refused(Refusal.DAMAGED, repr(error)) from error
        raise


def _decoder_options(order: VideoOrder) -> dict[str, str]:
    # Without `explode` a decoder would paint over what is missing.
    return {"max_pixels": str(order.max_pixels), "err_detect": "explode"}


def _checked(container: InputContainer, order: VideoOrder) -> Clip:
    stream = container.streams.best("video")
    if not isinstance(stream, VideoStream) or stream.codec_context is None:
        raise Refused(Refusal.UNSUPPORTED, "no picture track that can be decoded")
    if stream.codec_context.name not in _PICTURES:
        raise Refused(Refusal.UNSUPPORTED, stream.codec_context.name)
    fps = stream.average_rate
    if min(stream.width, stream.height) < 1 or not fps or not 0 < fps <= _FASTEST:
        raise Refused(Refusal.DAMAGED, f"{stream.width} x {stream.height} at {fps}")
    check_size(stream.width, stream.height, order)
    if stream.frames < 1:
        raise Refused(Refusal.UNSUPPORTED, "no count of frames, so a missing end would not show")
    length = max(stream.frames / fps, (stream.duration or 0) * (stream.time_base or Fraction(0)))
    if stream.frames > order.max_frames or length > order.max_seconds:
        raise Refused(Refusal.TOO_LONG, f"{stream.frames} frames, {float(length):.1f} s")
    stream.codec_context.thread_count = _THREADS
    stream.codec_context.thread_type = "AUTO"
    stream.codec_context.options = _decoder_options(order)
    stored = Size(stream.width, stream.height)
    return Clip(container, stream, stored, fps.limit_denominator(1001), order)


def _check(frame: VideoFrame, clip: Clip) -> None:
    if frame.is_corrupt:
        raise Refused(Refusal.DAMAGED, "a frame is broken")
    if Size(frame.width, frame.height) != clip.stored:
        raise Refused(Refusal.UNSUPPORTED, "the size of the frames changes")


def check_size(width: int, height: int, order: VideoOrder) -> None:
    """Refuse a frame that is larger than the limits."""
    if width * height > order.max_pixels:
        raise Refused(Refusal.TOO_MANY_PIXELS, f"{width} x {height}")
    if max(width, height) > order.max_side:
        raise Refused(Refusal.SIDE_TOO_LONG, f"{width} x {height}")
