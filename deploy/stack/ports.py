"""The ports of a stack: remembered in its folder, so that addresses survive a restart."""

import contextlib
import json
from collections.abc import Mapping
from pathlib import Path

from deploy.embedded.ports import free_port, is_free
from deploy.stack.private_file import write_private

NAMES = (
    *("api", "temporal", "temporal_ui", "postgres", "s3"),
    *("issuer", "comfyui", "runpod", "stripe"),
)

# What people expect these services on; S3 has no customary port that its gRPC twin allows.
CUSTOMARY = {
    "api": 8000,
    "temporal": 7233,
    "temporal_ui": 8233,
    "issuer": 9400,
    "comfyui": 8188,
    "runpod": 8090,
    "stripe": 8092,
}


def choose_ports(
    folder: Path, preferred: Mapping[str, int], demanded: Mapping[str, int]
) -> dict[str, int]:
    """A port for each of `NAMES`, and a note of them for the next time.

    Args:
        folder: the stack's folder; the note is `ports.json` in it.
        preferred: what to take where nothing is noted yet, if nobody else listens there.
        demanded: what to take in any case.

    Returns:
        The demanded port, else the noted one if it is still free, else the preferred one if it
        is free, else any free one.
    """
    note = folder / "ports.json"
    noted = noted_ports(folder)
    ports: dict[str, int] = {}
    for name in NAMES:
        wishes = [book[name] for book in (noted, preferred) if name in book]
        found = demanded.get(name) or next(filter(is_free, wishes), None)
        ports[name] = found or free_port(twin=name == "s3")
    if ports != noted:
        write_private(note, json.dumps(ports, indent=1))
    return ports


def noted_ports(folder: Path) -> dict[str, int]:
    """The ports that a stack in that folder uses or used last, by name; empty without a note."""
    with contextlib.suppress(OSError, ValueError):
        found = json.loads((folder / "ports.json").read_text())
        if isinstance(found, dict) and all(isinstance(port, int) for port in found.values()):
            return found
    return {}
