"""What is kept and shown of what a graph made, by the kind of the attempt."""

import asyncio
from pathlib import Path
from typing import Protocol

from comfy_graphs import load_pack
from rekindle.contracts import keys
from rekindle.contracts.renders import GraphOutput, RenderInput
from rekindle.ports.objects import ObjectStore
from rekindle.ports.photos import ImageFile, PhotoDecoder
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


class Restored:
    """A picture: its watermarked preview and its thumbnail."""

    def __init__(self, objects: ObjectStore, photos: PhotoDecoder) -> None:
        """Work through these ports."""
        self._objects = objects
        self._photos = photos

    async def __call__(self, render: RenderInput, output: GraphOutput, scratch: Path) -> Result:
        """See `Maker`."""
        master = scratch / "master.png"
        await self._objects.fetch_file(output.key, master)
        made = await self._photos.derive(
            master, scratch, digital_source_type=_source_type(render.graph)
        )
        result = Result(
            key=output.key,
            sha256=output.sha256,
            width=made.master_width,
            height=made.master_height,
            preview_key=keys.restored_preview(render.job_id, render.stamp),
            thumbnail_key=keys.thumbnail(render.job_id, render.stamp),
        )
        await _show(self._objects, result, preview=made.preview, thumbnail=made.thumbnail)
        return result


async def _show(
    objects: ObjectStore, result: Result, *, preview: ImageFile, thumbnail: ImageFile
) -> None:
    files = ((result.preview_key, preview), (result.thumbnail_key, thumbnail))
    await asyncio.gather(
        *(
            objects.put_file(key, file.path, content_type=file.media_type)
            for key, file in files
            if key is not None
        )
    )


def _source_type(graph: str) -> str:
    return load_pack(graph).manifest.digital_source_type
