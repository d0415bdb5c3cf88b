"""Whether packs can run on a live ComfyUI server."""

from collections.abc import Sequence

from comfy_graphs import Finding, GraphPack, missing_from
from rekindle.adapters.comfyui import ComfyClient


async def compare(
    client: ComfyClient, packs: Sequence[GraphPack]
) -> dict[str, tuple[Finding, ...]]:
    """What the server lacks for each pack, by name; empty for a pack that can run there.

    Raises:
        ComfyUnavailable: it does not answer.
    """
    folders = {model.folder for pack in packs for model in pack.manifest.models}
    object_info = await client.object_info()
    models = await client.models_by_folder(folders)
    return {pack.name: missing_from(object_info, models, pack) for pack in packs}
