"""Runs packs by hand, on a small engine."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any
from uuid import uuid4

from comfy_graphs import bind, complete, load_pack
from rekindle.adapters.comfyui import ComfyClient

RunPack = Callable[..., Awaitable[Path]]
"""Of a pack's name, a file and parameters: the file that it made of it."""


def pack_runner(url: str, folder: Path) -> RunPack:
    """Runs packs on the engine at that address; what they make is written into the folder."""

    async def run(name: str, source: Path, **given: Any) -> Path:
        pack, prompt_id, comfy = load_pack(name), uuid4(), ComfyClient(url)
        try:
            stored = await comfy.upload(source, folder=f"jobs/{prompt_id}", name=source.name)
            values = complete(pack, given, seed=1)
            bound = bind(pack, values, photo=stored, filename_prefix=f"jobs/{prompt_id}/out")
            await comfy.submit(prompt_id, bound.graph, client_id=str(prompt_id))
            while (end := (await comfy.status(prompt_id)).end) is None:
                await asyncio.sleep(0.05)  # each look costs the engine time
            assert end.succeeded, end.failure
            [file] = [f for f in end.files if f.node == bound.output_node]
            target = folder / f"{prompt_id}{Path(file.filename).suffix}"
            await comfy.fetch(file, target)
            await comfy.forget(prompt_id)
            return target
        finally:
            await comfy.close()

    return run
