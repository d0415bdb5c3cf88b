"""Which packs a live server can run, and a first prompt that proves that it runs any."""

import asyncio
from collections.abc import Mapping, Sequence
from uuid import UUID, uuid4

import structlog

from comfy_graphs import Finding, GraphPack, installed_packs, load_pack, missing_from
from rekindle.errors import GraphRejected, PodNotReady, ResultUnreadable
from rekindle.ports.comfy import Comfy, Whereabouts

_LOG = structlog.get_logger(__name__)
_POLL_SECONDS = 0.2
_TINY = {
    "1": {
        "class_type": "EmptyImage",
        "inputs": {"width": 64, "height": 64, "batch_size": 1, "color": 0},
    },
    "2": {"class_type": "PreviewImage", "inputs": {"images": ["1", 0]}},
}
"""The smallest graph that makes a picture, without any model."""


async def compare(comfy: Comfy, packs: Sequence[GraphPack]) -> Mapping[str, tuple[Finding, ...]]:
    """What the server lacks for each pack, by name; empty for a pack that can run there.

    Raises:
        ComfyUnavailable: it does not answer.
    """
    folders = {model.folder for pack in packs for model in pack.manifest.models}
    object_info = await comfy.object_info()
    models = await comfy.models_by_folder(folders)
    return {pack.name: missing_from(object_info, models, pack) for pack in packs}


async def runnable_packs(comfy: Comfy) -> list[str]:
    """Names of the installed packs that the server can run; what the others lack is logged.

    Raises:
        ComfyUnavailable: it does not answer.
    """
    lacking = await compare(comfy, [load_pack(name) for name in installed_packs()])
    for name, findings in lacking.items():
        if findings:
            _LOG.info("pack_not_runnable", pack=name, why=[f.detail for f in findings[:3]])
    return sorted(name for name, findings in lacking.items() if not findings)


async def warm_up(comfy: Comfy) -> None:
    """Run a tiny prompt to its end: a server that answers may still be unable to render.

    Raises:
        PodNotReady: the prompt failed.
        ComfyUnavailable: it does not answer.
    """
    prompt_id = uuid4()
    try:
        await comfy.submit(prompt_id, _TINY, client_id=str(prompt_id))
        await _until_ended(comfy, prompt_id)
    except (GraphRejected, ResultUnreadable) as error:
        raise PodNotReady(f"warm-up: {error}") from error
    await comfy.forget(prompt_id)


async def _until_ended(comfy: Comfy, prompt_id: UUID) -> None:
    while True:
        status = await comfy.status(prompt_id)
        if status.place is Whereabouts.UNKNOWN:
            raise PodNotReady("the warm-up prompt was lost")
        if status.end is not None:
            if not status.end.succeeded:
                raise PodNotReady(f"warm-up: {status.end.failure}")
            return
        await asyncio.sleep(_POLL_SECONDS)
