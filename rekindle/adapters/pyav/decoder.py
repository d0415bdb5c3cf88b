"""The `VideoDecoder` port on top of child processes."""

from __future__ import annotations

import math
from pathlib import Path
from typing import TypedDict

from rekindle.adapters.confined.child.order import Decoder, Order, VideoDeriveOrder, VideoLabelOrder
from rekindle.adapters.confined.child.report import Refused, VideoDone
from rekindle.adapters.confined.child_process import run_child
from rekindle.adapters.confined.outputs import fingerprint, kept, length, written
from rekindle.adapters.confined.template import Template, template_of
from rekindle.adapters.confined.turns import Turns
from rekindle.errors import ResultUnreadable
from rekindle.ports.photos import PREVIEW_SIDE, THUMBNAIL_SIDE, ImageFile
from rekindle.ports.videos import VideoDerivatives, VideoFile, VideoLimits

_THREADS = 2
"""Of the decoder, and of the encoder; a child is as busy as two processors let it."""


class _Limits(TypedDict):
    max_pixels: int
    max_side: int
    max_seconds: float
    max_frames: int
    cpu_seconds: int


class PyAvVideoDecoder:
    """Reads every video in a child process of its own. One instance serves one event loop."""

    def __init__(
        self, limits: VideoLimits | None = None, *, template: Template | None = None
    ) -> None:
        """Make the decoder.

        Args:
            limits: what one video may cost; the defaults when absent.
            template: what a child is forked from for every video; that of this process when absent.
        """
        self._template = template or template_of(Decoder.VIDEO)
        self._limits = limits or VideoLimits()
        self._turns = Turns(self._limits.children, queue_seconds=self._limits.queue_seconds)
        self._order_limits = _Limits(
            max_pixels=self._limits.max_pixels,
            max_side=self._limits.max_side,
            max_seconds=self._limits.max_seconds,
            max_frames=self._limits.max_frames,
            cpu_seconds=math.ceil(self._limits.timeout_seconds * _THREADS),
        )

    async def derive(
        self, master: Path, into: Path, *, digital_source_type: str | None = None
    ) -> VideoDerivatives:
        """Write preview and thumbnail of a master; see `VideoDecoder.derive`."""
        self._check_size(master)
        async with self._turns.turn(into) as room:
            order = VideoDeriveOrder(
                preview=str(room / "preview.mp4"),
                thumbnail=str(room / "thumbnail.jpg"),
                preview_side=PREVIEW_SIDE,
                thumbnail_side=THUMBNAIL_SIDE,
                digital_source_type=digital_source_type,
                **self._order_limits,
            )
            names = {"preview.mp4": "video/mp4", "thumbnail.jpg": "image/jpeg"}
            try:
                done = await self._run(order, master, room)
                preview, thumbnail = written(done.written, names, room)
            except Refused as refused:
                raise ResultUnreadable(f"master {refused}") from None
            sha256, size_bytes = await fingerprint(master)
            return VideoDerivatives(
                master_width=done.shown.width,
                master_height=done.shown.height,
                master_seconds=done.frames / done.fps,
                master_fps=done.fps,
                master_frames=done.frames,
                master_sha256=sha256,
                master_size_bytes=size_bytes,
                preview=kept(preview, into, VideoFile),
                thumbnail=kept(thumbnail, into, ImageFile),
            )

    async def label(self, source: Path, into: Path, *, digital_source_type: str) -> VideoFile:
        """Write the same video with its origin label; see `VideoDecoder.label`."""
        self._check_size(source)
        async with self._turns.turn(into) as room:
            order = VideoLabelOrder(
                labelled=str(room / "labelled.mp4"),
                digital_source_type=digital_source_type,
                source_bytes=length(source),
                **self._order_limits,
            )
            try:
                done = await self._run(order, source, room)
                [labelled] = written(done.written, {"labelled.mp4": "video/mp4"}, room)
            except Refused as refused:
                raise ResultUnreadable(f"result {refused}") from None
            return kept(labelled, into, VideoFile)

    async def _run(self, order: Order, source: Path, room: Path) -> VideoDone:
        return await run_child(
            self._template,
            order,
            source,
            room,
            answer=VideoDone,
            timeout_seconds=self._limits.timeout_seconds,
        )

    def _check_size(self, source: Path) -> None:
        if length(source) > self._limits.max_bytes:
            raise ResultUnreadable(f"more than {self._limits.max_bytes} bytes")
