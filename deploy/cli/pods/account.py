"""The account at the GPU cloud, as the commands `pods`, `gpus` and `volumes` speak to it."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from deploy.cli.failures import CloudSaysNo, Unreachable
from deploy.cli.operating import chosen_settings
from deploy.cli.options import DATA

if TYPE_CHECKING:
    from rekindle.ports.gpu_cloud import GpuCloud, Volume
    from rekindle.settings import Settings

CloudDataOption = Annotated[
    Path | None,
    typer.Option(
        "--data",
        metavar="DIR",
        help="Folder of a running `rekindle dev`. Without it RUNPOD_API_KEY counts if it is set, "
        f"and else what runs in {DATA}.",
    ),
]
VolumeOption = Annotated[
    str | None,
    typer.Option(
        "--volume",
        metavar="ID",
        help="Network volume, by id or name; RUNPOD_NETWORK_VOLUME_ID by default.",
    ),
]


def cloud_settings(data: Path | None) -> "Settings":
    """The settings whose account is meant; see `chosen_settings`."""
    return chosen_settings(data, names_it=lambda given: given.runpod_api_key is not None)


@asynccontextmanager
async def open_account(settings: "Settings") -> AsyncIterator["GpuCloud"]:
    """The account; what it refuses in the block is told as operators need it.

    Raises:
        SettingsInvalid: there is no key.
        Unreachable: the cloud does not answer, or is too busy to.
        CloudSaysNo: it said no, or has no GPU.
    """
    from rekindle.errors import CloudRefused, CloudUnavailable, NoGpuStock, SettingsInvalid
    from rekindle.wiring.parts import open_cloud

    if settings.runpod_api_key is None:
        raise SettingsInvalid(
            "RUNPOD_API_KEY is not set. Make a key in RunPod's console (Settings, API Keys), and "
            "set it in the environment or in .env."
        )
    try:
        async with open_cloud(settings) as cloud:
            yield cloud
    except CloudUnavailable as error:
        later = f" Try again in {error.retry_after:g} s." if error.retry_after else ""
        text = f"RunPod at {settings.runpod_api_url} does not answer: {error}.{later}"
        raise Unreachable(text) from error
    except CloudRefused as error:
        raise CloudSaysNo(error.code, f"RunPod says no: {error}.") from error
    except NoGpuStock as error:
        raise CloudSaysNo(error.code, f"No GPU can be had now: {error}.") from error


async def chosen_volume(
    cloud: "GpuCloud", settings: "Settings", wanted: str | None
) -> "Volume | None":
    """The volume that was named, by id or by name, or else that of the settings; None without.

    Raises:
        CloudSaysNo: the account has no such volume, or several of that name.
    """
    named = wanted or settings.runpod_network_volume_id
    if not named:
        return None
    volumes = await cloud.volumes()
    found = [v for v in volumes if v.volume_id == named] or [v for v in volumes if v.name == named]
    if len(found) == 1:
        return found[0]
    known = ", ".join(v.volume_id for v in (found or volumes)) or "none"
    what = f"{len(found)} volumes are called" if found else "The account has no volume"
    raise CloudSaysNo("unknown_volume", f"{what} {named}; give an id. There are: {known}.")
