"""The account at RunPod: its key, whether it answers, and the volume with the models."""

import asyncio
from collections.abc import Sequence

from deploy.doctor.finding import Finding, good, missing, warning
from rekindle.errors import CloudRefused, CloudUnavailable, RekindleError, SettingsInvalid
from rekindle.ports.gpu_cloud import GpuCloud
from rekindle.settings import Settings
from rekindle.wiring.parts import open_cloud, volume_store

_SUBJECT = "RunPod"
_SECONDS = 5.0
_NO_KEY = "Make a key in RunPod's console (Settings, API Keys), and set RUNPOD_API_KEY."


async def runpod(settings: Settings) -> Sequence[Finding]:
    """Whether pods can be rented. Nothing is said where nobody means to rent any."""
    if settings.runpod_api_key is None:
        if settings.runpod_network_volume_id is None:
            return []
        text = "RUNPOD_NETWORK_VOLUME_ID is set, but RUNPOD_API_KEY is not"
        return [warning(_SUBJECT, text, _NO_KEY)]
    where = settings.runpod_api_url
    try:
        async with open_cloud(settings) as cloud:
            pods = await cloud.find("")
            account = good(_SUBJECT, f"{where}, {len(pods)} pods on the account")
            return [account, *await _volume(cloud, settings)]
    except SettingsInvalid as error:
        return [missing(_SUBJECT, str(error), "Correct it.")]
    except CloudRefused as error:
        text = f"{where} says no: {error}"
        return [missing(_SUBJECT, text, f"Correct RUNPOD_API_KEY, or its rights. {_NO_KEY}")]
    except CloudUnavailable as error:
        mend = "Correct RUNPOD_API_URL, or try again: more than 60 calls a minute are refused."
        return [missing(_SUBJECT, f"{where} does not answer: {error}", mend)]


async def _volume(cloud: GpuCloud, settings: Settings) -> Sequence[Finding]:
    """The network volume: there, and with GPUs in its data centre."""
    subject, wanted = "RunPod volume", settings.runpod_network_volume_id
    if not wanted:
        text = "RUNPOD_NETWORK_VOLUME_ID is empty: a pod has the models of its image alone"
        return [warning(subject, text, "Set it; `rekindle volumes` lists the account's.")]
    volumes = await cloud.volumes()
    found = next((volume for volume in volumes if volume.volume_id == wanted), None)
    if found is None:
        known = ", ".join(volume.volume_id for volume in volumes) or "none"
        text = f"the account has no volume {wanted}; there are: {known}"
        return [missing(subject, text, "Correct RUNPOD_NETWORK_VOLUME_ID.")]
    files = await _files(settings, found.data_center)
    text = f"{found.name or wanted}, {found.size_gb} GB in {found.data_center}"
    offers = await cloud.offers(data_center=found.data_center)
    if not any(offer.stock for offer in offers):
        mend = "Pods can only be where their volume is: wait, or copy it to another data centre."
        return [warning(subject, f"{text}, where no GPU is in stock now", mend), *files]
    return [good(subject, text), *files]


async def _files(settings: Settings, data_center: str) -> Sequence[Finding]:
    """The volume's S3 door, where keys to it are set."""
    subject = "RunPod volume's S3"
    if settings.runpod_s3_access_key is None and settings.runpod_s3_secret_key is None:
        return []
    mend = "Correct RUNPOD_S3_*: a key pair of its own, the data centre's address and id."
    try:
        store = await asyncio.to_thread(
            volume_store, settings, data_center=data_center, timeout=_SECONDS
        )
        if store is None:
            return [warning(subject, "one half of its key pair is not set", mend)]
        models = await store.find("models/", after=None, most=1000)
    except (RekindleError, ValueError) as error:
        return [missing(subject, f"the files cannot be listed: {error}", mend)]
    if not models:
        return [warning(subject, "there is no file below models/", "Put the models there.")]
    count = "1000 files or more" if len(models) == 1000 else f"{len(models)} files"
    return [good(subject, f"{count} below models/")]
