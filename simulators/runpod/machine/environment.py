"""What a pod's command finds around it: variables and folders."""

from __future__ import annotations

import os
import secrets
from collections.abc import Callable, Mapping
from pathlib import Path

from simulators.runpod.cloud.pod import Pod
from simulators.runpod.options import Options

# A container has its own; these come from the machine that stands in for it.
_INHERITED = ("PATH", "LANG", "LC_ALL", "TZ", "PYTHONDONTWRITEBYTECODE", "VIRTUAL_ENV")


def environment(
    pod: Pod, scratch: Path, mounted: Path | None, ports: Mapping[str, int], options: Options
) -> dict[str, str]:
    """A pod's variables: the create call's, and over them the platform's own.

    Args:
        pod: Which.
        scratch: Its folder, which is also its home.
        mounted: Where its volume is.
        ports: Local port by the port that was asked for.
        options: Whose ``pass_env`` names variables of this process that go along.
    """
    names = (*_INHERITED, *options.pass_env)
    inherited = {name: os.environ[name] for name in names if name in os.environ}
    if pod.spec.get("startJupyter"):
        inherited["JUPYTER_PASSWORD"] = secrets.token_urlsafe(12)
    return {
        **inherited,
        "HOME": str(scratch),
        **pod.spec["env"],
        **_platform(pod, mounted, options.url),
        **_ports(ports),
    }


def fill_in(part: str, env: Mapping[str, str]) -> str:
    """Replace ``{NAME}`` in a part of a command by the variable, if the pod has it."""
    for name, value in env.items():
        part = part.replace("{" + name + "}", value)
    return part


def place_mounts(pod: Pod, scratch: Path, volume_path: Callable[[str], Path]) -> Path | None:
    """Make the mounted folder inside the scratch folder; returns where it is.

    A network volume is linked; so is a persistent mount, which outlives the scratch folder.
    """
    mounts = pod.spec["mounts"]
    network, persistent = mounts.get("network"), mounts.get("persistent")
    if not network and not persistent:
        return None
    path = network[0]["path"] if network else persistent["path"]
    place: Path = scratch / str(path).strip("/")
    place.parent.mkdir(parents=True, exist_ok=True)
    kept = volume_path(network[0]["volumeId"]) if network else scratch.parent / "persistent"
    kept.mkdir(parents=True, exist_ok=True)
    place.symlink_to(kept.absolute(), target_is_directory=True)
    return place


def _platform(pod: Pod, mounted: Path | None, url: str) -> dict[str, str]:
    told = {
        "RUNPOD_POD_ID": pod.id,
        "RUNPOD_DC_ID": pod.machine.data_center,
        "RUNPOD_POD_HOSTNAME": pod.machine.name,
        "RUNPOD_API_KEY": pod.key,
        "RUNPOD_API_URL": url,
        "RUNPOD_GPU_COUNT": str(pod.gpu_count),
        "RUNPOD_CPU_COUNT": "4",
        "RUNPOD_PUBLIC_IP": "127.0.0.1",
    }
    if pod.machine.cuda is not None:
        told["CUDA_VERSION"] = pod.machine.cuda
    if pod.volume_id is not None:
        told["RUNPOD_VOLUME_ID"] = pod.volume_id
    if mounted is not None:
        told["RUNPOD_VOLUME_PATH"] = str(mounted)
    return told


def _ports(ports: Mapping[str, int]) -> dict[str, str]:
    told = {}
    for name, local in ports.items():
        port, _, protocol = name.partition("/")
        told[f"RUNPOD_SIMULATED_PORT_{port}"] = str(local)
        if protocol == "tcp":
            told[f"RUNPOD_TCP_PORT_{port}"] = str(local)
    return told
