"""Make what is shown of a master: a watermarked preview and a thumbnail."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from functools import partial
from typing import BinaryIO

from av.container import OutputContainer
from av.video.frame import VideoFrame
from av.video.reformatter import ColorRange, Colorspace
from av.video.stream import VideoStream
from PIL import Image, ImageFilter, ImageStat

from ..order import VideoDeriveOrder
from ..origin_label import origin_label
from ..report import Size, VideoDone
from ..small import THUMBNAIL_QUALITY, reduced, write_jpeg
from ..task import Task
from ..watermark import Watermark, phase_of
from .memory import memory_for
from .reading import open_clip, steps
from .view import View, view_of
from .writing import Target, mp4, open_target

_ENCODER = {"preset": "veryfast", "crf": "26", "maxrate": "2M", "bufsize": "4M", "profile": "high"}
_BT709 = 1
_LONGEST_GROUP = 2
"""Seconds from one frame to jump to until the next."""
_THREADS = 2
_LARGEST = 64 * 1024 * 1024

Image.preinit()  # the encoder of JPEG is loaded before the child confines itself


def prepare(order: VideoDeriveOrder, source: BinaryIO) -> Task:
    """Open what `derive` writes."""
    return Task(
        partial(derive, order, source, open_target(order.preview), open(order.thumbnail, "xb")),
        memory_for(order.max_pixels),
        _LARGEST,
    )


def derive(
    order: VideoDeriveOrder, source: BinaryIO, preview: Target, thumbnail: BinaryIO
) -> VideoDone:
    """Read the master and write both files.

    Args:
        order: sizes, label and limits.
        source: the master MP4.
        preview: the watermarked MP4 to write.
        thumbnail: the JPEG to write.

    Raises:
        Refused: the master cannot be read.
    """
    label = origin_label(order.digital_source_type)
    with open_clip(source, order) as clip, mp4(preview, order.digital_source_type) as output:
        frames = (frame for step in steps(clip) for frame in step.frames)
        first = next(frames)
        view = view_of(first, clip)
        size = view.small(order.preview_side)
        best = _Best(clip.fps, order.thumbnail_side)
        count = _write(output, clip.fps, size, best.of(_pictures(first, frames, view, size)))
    write_jpeg(best.picture, thumbnail, THUMBNAIL_QUALITY, label)
    sizes = (size, Size(*best.picture.size))
    return VideoDone(view.shown, count, float(clip.fps), sizes)


def _pictures(
    first: VideoFrame, others: Iterator[VideoFrame], view: View, size: Size
) -> Iterator[Image.Image]:
    yield view.picture(first, size)
    for frame in others:
        yield view.picture(frame, size)


class _Best:
    """Finds the frame for the thumbnail: the one with most to see, not a black or blurred one."""

    def __init__(self, fps: Fraction, longest_side: int) -> None:
        self._every = max(1, round(fps / 2))
        self._side = longest_side
        self._most = -1.0
        self.picture = Image.new("RGB", (1, 1))

    def of(self, pictures: Iterator[Image.Image]) -> Iterator[Image.Image]:
        """The same pictures; two in each second are looked at, and the earliest best one kept."""
        for index, picture in enumerate(pictures):
            if index % self._every == 0:
                self._look(reduced(picture, self._side))
            yield picture

    def _look(self, small: Image.Image) -> None:
        edges = ImageStat.Stat(small.convert("L").filter(ImageFilter.FIND_EDGES)).mean[0]
        if edges > self._most:
            self._most, self.picture = edges, small


def _write(
    output: OutputContainer, fps: Fraction, size: Size, pictures: Iterator[Image.Image]
) -> int:
    """Encode the pictures with the mark on them; how many there were."""
    stream = _stream(output, fps, size)
    mark: Watermark | None = None
    count = 0
    for picture in pictures:
        mark = mark or Watermark(picture.size, phase=phase_of(picture))
        output.mux(stream.encode(_frame(mark.on(picture), count, fps)))
        count += 1
    output.mux(stream.encode(None))
    return count


def _stream(output: OutputContainer, fps: Fraction, size: Size) -> VideoStream:
    group = str(max(1, round(fps * _LONGEST_GROUP)))
    stream: VideoStream = output.add_stream("libx264", rate=fps, options={**_ENCODER, "g": group})
    stream.width, stream.height, stream.pix_fmt = size.width, size.height, "yuv420p"
    context = stream.codec_context
    context.time_base, context.thread_count = 1 / fps, _THREADS
    context.colorspace = context.color_primaries = context.color_trc = _BT709
    context.color_range = ColorRange.MPEG
    return stream


def _frame(picture: Image.Image, index: int, fps: Fraction) -> VideoFrame:
    pixels: VideoFrame = VideoFrame.from_image(picture)  # type: ignore[no-untyped-call]
    frame = pixels.reformat(
        format="yuv420p",
        dst_colorspace=Colorspace.ITU709,
        dst_color_range=ColorRange.MPEG,
        threads=1,
    )
    frame.pts, frame.time_base = index, 1 / fps
    return frame
