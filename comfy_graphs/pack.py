"""Packs as they are installed: those of this release, and those of folders that were added."""

import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from comfy_graphs.coherence import contradictions
from comfy_graphs.manifest import Manifest
from rekindle.errors import SettingsInvalid, UnknownGraph

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


_folders: list[Path] = [Path(__file__).parent]


def installed_packs() -> tuple[str, ...]:
    """Names of all installed packs, sorted."""
    return tuple(sorted(_installed()))


def load_pack(name: str) -> GraphPack:
    """The pack of that name.

    Raises:
        UnknownGraph: there is none; its text lists those there are.
    """
    folder = _installed().get(name)
    if folder is None:
        raise UnknownGraph(
            f"There is no graph '{name}'; there are: {', '.join(installed_packs())}."
        )
    return _read(folder)


def add_packs(path: str) -> None:
    """Have the packs in a folder installed as well, in this process. Idempotent.

    Every process that names graphs has to be told of the same folder: API, worker, agent.

    Args:
        path: of a folder with a folder for each pack; empty adds nothing.

    Raises:
        SettingsInvalid: there is no such folder, a pack in it has the name of another one, or a
            pack cannot be read or contradicts itself. Then nothing was added.
    """
    added = Path(path).absolute()
    if not path or added in _folders:
        return
    if not added.is_dir():
        raise SettingsInvalid(f"WORKFLOWS_PATH: there is no folder {added}.")
    packs = _packs_in(added)
    if twice := sorted(packs.keys() & _installed().keys()):
        raise SettingsInvalid(f"WORKFLOWS_PATH: there is a pack {twice[0]} already.")
    for folder in packs.values():
        try:
            _read(folder)
        except ValidationError as error:
            first = error.errors(include_url=False)[0]
            place = ".".join(map(str, first["loc"])) or "manifest.json"
            raise SettingsInvalid(
                f"WORKFLOWS_PATH: {folder.name}: {place}: {first['msg']}"
            ) from None
        except (ValueError, OSError) as error:
            raise SettingsInvalid(f"WORKFLOWS_PATH: {folder.name}: {error}") from error
    _folders.append(added)
    _installed.cache_clear()


@cache
def _installed() -> dict[str, Path]:
    return {name: pack for folder in _folders for name, pack in _packs_in(folder).items()}


def _packs_in(folder: Path) -> dict[str, Path]:
    return {
        pack.name: pack
        for pack in folder.iterdir()
        if pack.is_dir() and pack.joinpath("manifest.json").is_file()
    }


@cache
def _read(folder: Path) -> GraphPack:
    manifest = Manifest.model_validate_json(folder.joinpath("manifest.json").read_text("utf-8"))
    if manifest.name != folder.name:
        raise ValueError(f"the manifest in {folder.name} is of {manifest.name}")
    pack = GraphPack(manifest, folder.joinpath("graph.json").read_text("utf-8"))
    found = contradictions(manifest, pack.graph)
    if found:
        raise ValueError(f"the pack {folder.name} contradicts itself: {'; '.join(found)}")
    return pack
