"""The room `comfy_graphs`: recipes, which are graph packs and the pure functions that bind them.

What belongs here: a folder for each pack with an API-format `graph.json` and a `manifest.json`;
binding parameters, checking a pack against a server's answers, judging its licences. What does
not: talking to a server, storing anything, or reading more than packs.
"""

from comfy_graphs.bind import BoundGraph, bind, complete
from comfy_graphs.check import Finding, FindingKind, missing_from
from comfy_graphs.licences import require_licensed, restricted_models
from comfy_graphs.manifest import Manifest, ModelFile, Parameter
from comfy_graphs.pack import GraphPack, add_packs, installed_packs, load_pack

__all__ = [
    "BoundGraph",
    "Finding",
    "FindingKind",
    "GraphPack",
    "Manifest",
    "ModelFile",
    "Parameter",
    "add_packs",
    "bind",
    "complete",
    "installed_packs",
    "load_pack",
    "missing_from",
    "require_licensed",
    "restricted_models",
]
