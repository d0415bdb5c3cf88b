"""The `PhotoDecoder` port on top of child processes."""

from __future__ import annotations

import math
from pathlib import Path

from rekindle.adapters.confined.child.order import (
    Decoder,
    DeriveOrder,
    IngestOrder,
    LabelOrder,
    Order,
)
from rekindle.adapters.confined.child.report import PhotoDone, Refused
from rekindle.adapters.confined.child_process import run_child
from rekindle.adapters.confined.outputs import fingerprint, kept, length, written
from rekindle.adapters.confined.template import Template, template_of
from rekindle.adapters.confined.turns import Turns
from rekindle.adapters.pillow.refusals import photo_error
from rekindle.errors import EmptyPhoto, PhotoTooLarge, ResultUnreadable
from rekindle.ports.photos import (
    HD_SCALE,
    PREVIEW_SIDE,
    THUMBNAIL_SIDE,
    Derivatives,
    ImageFile,
    IngestedPhoto,
    PhotoFormat,
    PhotoLimits,
)


class PillowPhotoDecoder:
    """Reads every photo in a child process of its own. One instance serves one event loop."""

    def __init__(
        self, limits: PhotoLimits | None = None, *, template: Template | None = None
    ) -> None:
        """Make the decoder.

        Args:
            limits: what one photo may cost; the defaults when absent.
            template: what a child is forked from for every photo; that of this process when absent.
        """
        self._template = template or template_of(Decoder.PHOTO)
        self._limits = limits or PhotoLimits()
        self._turns = Turns(self._limits.children, queue_seconds=self._limits.queue_seconds)
        self._cpu_seconds = math.ceil(self._limits.timeout_seconds)

    async def ingest(self, source: Path, into: Path) -> IngestedPhoto:
        """Verify an upload and write its working copy; see `PhotoDecoder.ingest`."""
        self._check_size(source)
        async with self._turns.turn(into) as room:
            order = IngestOrder(
                working=str(room / "working.png"),
                max_pixels=self._limits.max_pixels,
                max_side=self._limits.max_side,
                cpu_seconds=self._cpu_seconds,
            )
            try:
                done = await self._run(order, source, room)
                [working] = written(done.written, {"working.png": "image/png"}, room)
            except Refused as refused:
                raise photo_error(refused, self._limits) from None
            sha256, size_bytes = await fingerprint(source)
            return IngestedPhoto(
                format=PhotoFormat(done.format),
                original_width=done.stored.width,
                original_height=done.stored.height,
                sha256=sha256,
                size_bytes=size_bytes,
                working=kept(working, into, ImageFile),
            )

    async def derive(
        self, master: Path, into: Path, *, digital_source_type: str | None = None
    ) -> Derivatives:
        """Write preview and thumbnail of a master; see `PhotoDecoder.derive`."""
        async with self._turns.turn(into) as room:
            order = DeriveOrder(
                preview=str(room / "preview.jpg"),
                thumbnail=str(room / "thumbnail.jpg"),
                preview_side=PREVIEW_SIDE,
                thumbnail_side=THUMBNAIL_SIDE,
                digital_source_type=digital_source_type,
                max_pixels=self._limits.max_pixels,
                max_side=self._limits.max_side,
                cpu_seconds=self._cpu_seconds,
            )
            names = {"preview.jpg": "image/jpeg", "thumbnail.jpg": "image/jpeg"}
            try:
                done = await self._run(order, master, room)
                preview, thumbnail = written(done.written, names, room)
            except Refused as refused:
                raise ResultUnreadable(f"master {refused}") from None
            sha256, size_bytes = await fingerprint(master)
            return Derivatives(
                master_width=done.stored.width,
                master_height=done.stored.height,
                master_sha256=sha256,
                master_size_bytes=size_bytes,
                preview=kept(preview, into, ImageFile),
                thumbnail=kept(thumbnail, into, ImageFile),
            )

    async def label(self, source: Path, into: Path, *, digital_source_type: str) -> ImageFile:
        """Write the same picture with its origin label; see `PhotoDecoder.label`."""
        async with self._turns.turn(into) as room:
            order = LabelOrder(
                labelled=str(room / "labelled.png"),
                digital_source_type=digital_source_type,
                source_bytes=length(source),
                max_pixels=self._limits.max_pixels * HD_SCALE**2,
                max_side=self._limits.max_side * HD_SCALE,
                cpu_seconds=self._cpu_seconds,
            )
            try:
                done = await self._run(order, source, room)
                [labelled] = written(done.written, {"labelled.png": "image/png"}, room)
            except Refused as refused:
                raise ResultUnreadable(f"result {refused}") from None
            return kept(labelled, into, ImageFile)

    async def _run(self, order: Order, source: Path, room: Path) -> PhotoDone:
        return await run_child(
            self._template,
            order,
            source,
            room,
            answer=PhotoDone,
            timeout_seconds=self._limits.timeout_seconds,
        )

    def _check_size(self, source: Path) -> None:
        size_bytes = length(source)
        if size_bytes == 0:
            raise EmptyPhoto
        if size_bytes > self._limits.max_bytes:
            allowed = self._limits.max_bytes / (1024 * 1024)
            raise PhotoTooLarge(f"The file is larger than the allowed {allowed:g} MB.")
