"""What is kept and shown of what a graph made, by the kind of the attempt."""

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Protocol
from uuid import UUID

from comfy_graphs import load_pack
from comfy_graphs.manifest import MediaKind
from rekindle.contracts import checksums, keys
from rekindle.contracts.renders import GraphOutput, RenderInput
from rekindle.ports.files import MediaFile
from rekindle.ports.objects import ObjectStore
from rekindle.ports.photos import PhotoDecoder
from rekindle.ports.videos import VideoDecoder
from rekindle.store.attempts import Result


class Maker(Protocol):
    """Makes the result of one kind of attempt."""

    async def __call__(self, render: RenderInput, output: GraphOutput, scratch: Path) -> Result:
        """Make and store what is shown of a stored output. Idempotent.

        Args:
            scratch: a private folder that is deleted afterwards.

        Raises:
            ResultUnreadable: the output is not what the graph should have made.
        """
        ...


class Pictured:
    """A picture: its watermarked preview and its thumbnail."""

    def __init__(
        self, objects: ObjectStore, photos: PhotoDecoder, preview_key: Callable[[UUID, str], str]
    ) -> None:
        """Work through these ports.

        Args:
            preview_key: of the preview, by the job's id and the attempt's stamp.
        """
        self._objects = objects
        self._photos = photos
        self._preview_key = preview_key

    async def __call__(self, render: RenderInput, output: GraphOutput, scratch: Path) -> Result:
        """See `Maker`."""
        master = scratch / "master.png"
        await self._objects.fetch_file(output.key, master)
        made = await self._photos.derive(master, scratch, digital_source_type=_source_type(render))
        result = Result(
            key=output.key,
            sha256=output.sha256,
            width=made.master_width,
            height=made.master_height,
            preview_key=self._preview_key(render.job_id, render.stamp),
            thumbnail_key=keys.thumbnail(render.job_id, render.stamp),
        )
        await _show(self._objects, result, preview=made.preview, thumbnail=made.thumbnail)
        return result


class Animated:
    """A clip: its watermarked preview and a thumbnail."""

    def __init__(self, objects: ObjectStore, videos: VideoDecoder) -> None:
        """Work through these ports."""
        self._objects = objects
        self._videos = videos

    async def __call__(self, render: RenderInput, output: GraphOutput, scratch: Path) -> Result:
        """See `Maker`."""
        master = scratch / "master.mp4"
        await self._objects.fetch_file(output.key, master)
        made = await self._videos.derive(master, scratch, digital_source_type=_source_type(render))
        result = Result(
            key=output.key,
            sha256=output.sha256,
            width=made.master_width,
            height=made.master_height,
            preview_key=keys.animated_preview(render.job_id, render.stamp),
            thumbnail_key=keys.thumbnail(render.job_id, render.stamp),
            seconds=made.master_seconds,
            fps=made.master_fps,
        )
        await _show(self._objects, result, preview=made.preview, thumbnail=made.thumbnail)
        return result


class HighDefinition:
    """What is paid for: the graph's own pixels, with their origin label. Nothing of it is shown."""

    def __init__(self, objects: ObjectStore, photos: PhotoDecoder, videos: VideoDecoder) -> None:
        """Work through these ports."""
        self._objects = objects
        self._labels = {MediaKind.IMAGE: photos.label, MediaKind.VIDEO: videos.label}

    async def __call__(self, render: RenderInput, output: GraphOutput, scratch: Path) -> Result:
        """See `Maker`. The unlabelled output stays until success is recorded."""
        manifest = load_pack(render.graph).manifest
        made = scratch / "made"
        await self._objects.fetch_file(output.key, made)
        file = await self._labels[manifest.output.kind](
            made, scratch, digital_source_type=manifest.digital_source_type
        )
        key = keys.labelled(output.key)
        checksum = await asyncio.to_thread(checksums.of_file, file.path)
        stored = await self._objects.put_file(
            key, file.path, content_type=file.media_type, labels={checksums.LABEL: checksum}
        )
        return Result(key=key, sha256=stored.sha256 or "", width=file.width, height=file.height)


async def _show(
    objects: ObjectStore, result: Result, *, preview: MediaFile, thumbnail: MediaFile
) -> None:
    files = ((result.preview_key, preview), (result.thumbnail_key, thumbnail))
    await asyncio.gather(
        *(
            objects.put_file(key, file.path, content_type=file.media_type)
            for key, file in files
            if key is not None
        )
    )


def _source_type(render: RenderInput) -> str:
    return load_pack(render.graph).manifest.origin(has_photo=render.source_key is not None)
