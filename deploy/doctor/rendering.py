"""The ComfyUI server, and which of our graphs it can run."""

import asyncio
from collections.abc import Sequence

import httpx

from activities.pods.packs import compare
from comfy_graphs import installed_packs, load_pack
from deploy.doctor import graphs
from deploy.doctor.finding import Finding, good, missing
from rekindle.adapters.comfyui import ComfyClient
from rekindle.errors import ComfyUnavailable, PodGone
from rekindle.settings import Settings

_ASK_SECONDS = 10.0


async def comfyui(settings: Settings) -> Sequence[Finding]:
    """Every fixed ComfyUI server: reachable, and able to run the graphs that are set."""
    if settings.rents_pods:
        return []  # the check of the account says whether any can be rented
    if not settings.comfyui_urls:
        mend = "Set COMFYUI_URL (`rekindle dev` runs a small one), or RUNPOD_API_KEY to rent pods."
        return [missing("ComfyUI", "COMFYUI_URL is empty: nothing can be rendered", mend)]
    found = await asyncio.gather(*(_server(settings, url) for url in settings.comfyui_urls))
    return [finding for findings in found for finding in findings]


async def _server(settings: Settings, url: str) -> Sequence[Finding]:
    token = settings.comfyui_token
    try:
        client = ComfyClient(
            url, token=token.get_secret_value() if token else None, timeout=_ASK_SECONDS
        )
    except (httpx.InvalidURL, ValueError):
        return [missing("ComfyUI", "COMFYUI_URL is no address", "It looks like http://host:8188.")]
    try:
        version = (await client.system_stats())["system"]["comfyui_version"]
        lacks = await compare(client, [load_pack(name) for name in installed_packs()])
    except PodGone as error:
        return [missing("ComfyUI", f"{url} says no: {error}", "Correct COMFYUI_TOKEN.")]
    except ComfyUnavailable as error:
        mend = "Start it, or correct COMFYUI_URL."
        return [missing("ComfyUI", f"{url} does not answer: {error}", mend)]
    except (KeyError, TypeError, ValueError):
        return [missing("ComfyUI", f"{url} is no ComfyUI", "Correct COMFYUI_URL.")]
    finally:
        await client.close()
    numbers = {name: len(found) for name, found in lacks.items()}
    return [good("ComfyUI", f"{version} at {url}"), graphs.on_server(settings, numbers)]
