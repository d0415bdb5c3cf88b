"""What a running node can ask of the engine, and what it hands back."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from simulators.comfyui.folders import Folders
from simulators.comfyui.shelf import ModelShelf


class Interrupted(Exception):
    """Somebody asked to stop the running prompt."""


@dataclass(frozen=True)
class Result:
    """Outputs of a node together with what it shows to clients.

    Attributes:
        outputs: One value for each declared output.
        ui: Lists by key; ``images`` holds saved files.
    """

    outputs: tuple[Any, ...] = ()
    ui: Mapping[str, list[Any]] = field(default_factory=dict)


@dataclass(frozen=True)
class NodeContext:
    """Given to nodes that declare ``uses_context``.

    Attributes:
        prompt: The whole graph; saving nodes write it into their files.
        extra_pnginfo: Further metadata for files, from the prompt's extra_data.
        write_metadata: False under ``--disable-metadata``.
        step: Tells that step ``value`` of ``maximum`` is done; raises Interrupted.
        send_text: Shows a line of text on the node, to every client.
    """

    node_id: str
    folders: Folders
    shelf: ModelShelf
    prompt: Mapping[str, Any]
    extra_pnginfo: Mapping[str, Any] | None
    write_metadata: bool
    step: Callable[[int, int], None]
    send_text: Callable[[str], None]
