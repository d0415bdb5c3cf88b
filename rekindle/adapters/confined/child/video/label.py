"""Give a video its origin label: the same streams, looked at to the last frame."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import BinaryIO

from av.stream import Stream
from av.video.codeccontext import VideoCodecContext
from av.video.reformatter import ColorRange

from ..order import VideoLabelOrder
from ..report import Size, VideoDone
from ..task import Task
from .memory import memory_for
from .reading import Clip, blaming_the_file, open_clip, steps
from .view import view_of
from .writing import Target, mp4, open_target

_UNSPECIFIED, _BT601, _BT709 = 2, 6, 1
"""Codes of ITU-T H.273; primaries and transfer of BT.709 are the nearest to those of sRGB."""
_ROOM = 16 * 1024 * 1024
"""The index may be written in another way than it was."""


def prepare(order: VideoLabelOrder, source: BinaryIO) -> Task:
    """Open what `label` writes."""
    return Task(
        partial(label, order, source, open_target(order.labelled)),
        memory_for(order.max_pixels),
        order.source_bytes + _ROOM,
    )


def label(order: VideoLabelOrder, source: BinaryIO, labelled: Target) -> VideoDone:
    """Copy pictures and sound and add the label.

    Args:
        order: label and limits.
        source: the MP4.
        labelled: the MP4 to write.

    Raises:
        Refused: the source cannot be read.
    """
    shown: Size | None = None
    count = 0
    with open_clip(source, order) as clip, mp4(labelled, order.digital_source_type) as output:
        tracks: list[Stream] = [clip.stream, *_sound(clip)]
        with blaming_the_file():
            copies = {t.index: output.add_stream_from_template(t, opaque=True) for t in tracks}
            _name_colours(clip, copies[clip.stream.index])
        for step in steps(clip, *tracks[1:]):
            count += len(step.frames)
            if shown is None and step.frames:
                shown = view_of(step.frames[0], clip).shown
            if step.packet is not None:
                step.packet.stream = copies[step.packet.stream.index]
                with blaming_the_file():
                    output.mux(step.packet)
    assert shown is not None  # noqa: S101  steps() yields a frame or raises
    return VideoDone(shown, count, float(clip.fps), (shown,))


def _name_colours(clip: Clip, copy: Stream) -> None:
    """Say in the container which colours the numbers mean, if the video does not say so itself.

    ComfyUI converts by BT.601, the default of FFmpeg, and says nothing; browsers take what says
    nothing and has 720 lines or more for BT.709, so red and green would be off in HD only.
    """
    of, context = clip.stream.codec_context, copy.codec_context
    if isinstance(context, VideoCodecContext) and of.colorspace == _UNSPECIFIED:
        context.colorspace, context.color_range = _BT601, of.color_range or ColorRange.MPEG
        context.color_primaries = context.color_trc = _BT709


def _sound(clip: Clip) -> Sequence[Stream]:
    """The one track of sound that every browser plays in an MP4, if there is one."""
    # PyAV has no context for a codec that FFmpeg does not know.
    known = [s for s in clip.container.streams.audio if s.codec_context is not None]
    return [s for s in known if s.codec_context.name == "aac"][:1]
