"""The `PhotoDecoder` port on top of child processes."""

from __future__ import annotations

import asyncio
import hashlib
import math
import shutil
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

from rekindle.adapters.pillow.child.order import (
    DeriveOrder,
    Done,
    IngestOrder,
    Order,
    Refusal,
    Refused,
)
from rekindle.adapters.pillow.child_process import CHILD, run_child
from rekindle.adapters.pillow.refusals import photo_error
from rekindle.errors import DecoderBusy, EmptyPhoto, PhotoTooLarge, ResultUnreadable
from rekindle.ports.photos import (
    PREVIEW_SIDE,
    THUMBNAIL_SIDE,
    Derivatives,
    ImageFile,
    IngestedPhoto,
    PhotoFormat,
    PhotoLimits,
)

_SIGNATURES = {"image/png": b"\x89PNG\r\n\x1a\n", "image/jpeg": b"\xff\xd8\xff"}


class PillowPhotoDecoder:
    """Reads every photo in a child process of its own. One instance serves one event loop."""

    def __init__(self, limits: PhotoLimits | None = None, *, program: Path = CHILD) -> None:
        """Make the decoder.

        Args:
            limits: what one photo may cost; the defaults when absent.
            program: the Python file or folder that is run for every photo.
        """
        self._program = program
        self._limits = limits or PhotoLimits()
        self._turns = asyncio.Semaphore(self._limits.children)
        self._cpu_seconds = math.ceil(self._limits.timeout_seconds)

    async def ingest(self, source: Path, into: Path) -> IngestedPhoto:
        """Verify an upload and write its working copy; see `PhotoDecoder.ingest`."""
        self._check_size(source)
        async with self._turn(into) as room:
            order = IngestOrder(
                working=str(room / "working.png"),
                max_pixels=self._limits.max_pixels,
                max_side=self._limits.max_side,
                cpu_seconds=self._cpu_seconds,
            )
            try:
                done = await self._run(order, source, room)
                [working] = _written(done, {"working.png": "image/png"}, room)
            except Refused as refused:
                raise photo_error(refused, self._limits) from None
            sha256, size_bytes = await asyncio.to_thread(_fingerprint, source)
            return IngestedPhoto(
                format=PhotoFormat(done.format),
                original_width=done.stored.width,
                original_height=done.stored.height,
                sha256=sha256,
                size_bytes=size_bytes,
                working=_kept(working, into),
            )

    async def derive(
        self, master: Path, into: Path, *, digital_source_type: str | None = None
    ) -> Derivatives:
        """Write preview and thumbnail of a master; see `PhotoDecoder.derive`."""
        async with self._turn(into) as room:
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
                preview, thumbnail = _written(done, names, room)
            except Refused as refused:
                raise ResultUnreadable(f"master {refused}") from None
            sha256, size_bytes = await asyncio.to_thread(_fingerprint, master)
            return Derivatives(
                master_width=done.stored.width,
                master_height=done.stored.height,
                master_sha256=sha256,
                master_size_bytes=size_bytes,
                preview=_kept(preview, into),
                thumbnail=_kept(thumbnail, into),
            )

    async def _run(self, order: Order, source: Path, room: Path) -> Done:
        return await run_child(self._program, order, source, room, self._limits.timeout_seconds)

    def _check_size(self, source: Path) -> None:
        size_bytes = source.stat().st_size
        if size_bytes == 0:
            raise EmptyPhoto
        if size_bytes > self._limits.max_bytes:
            allowed = self._limits.max_bytes / (1024 * 1024)
            raise PhotoTooLarge(f"The file is larger than the allowed {allowed:g} MB.")

    @asynccontextmanager
    async def _turn(self, into: Path) -> AsyncIterator[Path]:
        """Wait for a turn; then lend a private directory beside the results."""
        try:
            async with asyncio.timeout(self._limits.queue_seconds):
                await self._turns.acquire()
        except TimeoutError:
            raise DecoderBusy(f"no turn in {self._limits.queue_seconds} s") from None
        try:
            room = Path(tempfile.mkdtemp(prefix=".decoding-", dir=into))
            try:
                yield room
            finally:
                shutil.rmtree(room, ignore_errors=True)
        finally:
            self._turns.release()


def _written(done: Done, media_types: dict[str, str], room: Path) -> list[ImageFile]:
    """The images the child says it wrote, after a look at the files."""
    if len(done.written) != len(media_types):
        raise Refused(Refusal.FATAL, "images are missing")
    images = []
    for (name, media_type), size in zip(media_types.items(), done.written, strict=True):
        path = room / name
        with path.open("rb") as file:
            if not file.read(16).startswith(_SIGNATURES[media_type]):
                raise Refused(Refusal.FATAL, f"{name} is not {media_type}")
        images.append(ImageFile(path, media_type, size.width, size.height, path.stat().st_size))
    return images


def _kept(image: ImageFile, into: Path) -> ImageFile:
    """The image at its final place."""
    return replace(image, path=image.path.replace(into / image.path.name))


def _fingerprint(path: Path) -> tuple[str, int]:
    """The file's sha256 as hex digits, and its length in bytes."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest(), file.tell()
