"""Packs as they are installed."""

import json
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

from comfy_graphs.coherence import contradictions
from comfy_graphs.manifest import Manifest
from rekindle.errors import UnknownGraph

Graph = dict[str, dict[str, Any]]
"""A graph in ComfyUI's API format: nodes by id, each with `class_type` and `inputs`."""


@dataclass(frozen=True)
class GraphPack:
    """A graph and what its manifest says.

    Attributes:
        graph_text: the graph as it lies in its file, so that nobody can change it for others.
    """

    manifest: Manifest
    graph_text: str

    @property
    def name(self) -> str:
        """The pack's name: the folder it lies in."""
        return self.manifest.name

    @property
    def graph(self) -> Graph:
        """The graph, the caller's own."""
        graph: Graph = json.loads(self.graph_text)
        return graph


def installed_packs() -> tuple[str, ...]:
    """Names of all installed packs, sorted."""
    return tuple(sorted(_installed()))


def load_pack(name: str) -> GraphPack:
    """The pack of that name.

    Raises:
        UnknownGraph: there is none; its text lists those there are.
    """
    if name not in _installed():
        raise UnknownGraph(
            f"There is no graph '{name}'; there are: {', '.join(installed_packs())}."
        )
    return _read(name)


@cache
def _installed() -> frozenset[str]:
    return frozenset(
        folder.name
        for folder in files("comfy_graphs").iterdir()
        if folder.is_dir() and folder.joinpath("manifest.json").is_file()
    )


@cache
def _read(name: str) -> GraphPack:
    folder = files("comfy_graphs").joinpath(name)
    manifest = Manifest.model_validate_json(folder.joinpath("manifest.json").read_text("utf-8"))
    if manifest.name != name:
        raise ValueError(f"the manifest in {name} is of {manifest.name}")
    pack = GraphPack(manifest, folder.joinpath("graph.json").read_text("utf-8"))
    found = contradictions(manifest, pack.graph)
    if found:
        raise ValueError(f"the pack {name} contradicts itself: {'; '.join(found)}")
    return pack
