"""A small pack of our own, so that these tests know every node of it."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from comfy_graphs import GraphPack, Manifest

GRAPH = {
    "1": {"class_type": "LoadImage", "inputs": {"image": "photo.png"}},
    "2": {"class_type": "UNETLoader", "inputs": {"unet_name": "a.safetensors"}},
    "3": {
        "class_type": "Sampler",
        "inputs": {"model": ["2", 0], "image": ["1", 0], "strength": 0.5, "seed": 0, "text": "t"},
    },
    "4": {"class_type": "SaveImage", "inputs": {"images": ["3", 0], "filename_prefix": "p"}},
}

MANIFEST = {
    "name": "small",
    "title": "Small",
    "description": "A pack for tests.",
    "version": "1",
    "purpose": "restore",
    "gpu_class": "image",
    "photo": {"node": "1", "input": "image"},
    "filename_prefix": {"node": "4", "input": "filename_prefix"},
    "output": {"node": "4", "kind": "image"},
    "parameters": [
        {
            "name": "denoise",
            "type": "number",
            "description": "d",
            "default": 0.7,
            "minimum": 0,
            "maximum": 1,
            "bindings": [{"node": "3", "input": "strength"}],
        },
        {
            "name": "seed",
            "type": "integer",
            "description": "s",
            "minimum": 0,
            "maximum": 100,
            "bindings": [{"node": "3", "input": "seed"}],
        },
        {
            "name": "colorize",
            "type": "boolean",
            "description": "c",
            "default": False,
            "bindings": [
                {"node": "3", "input": "text", "choices": {"true": "colour", "false": "as it is"}}
            ],
        },
        {
            "name": "mode",
            "type": "choice",
            "description": "m",
            "default": "faithful",
            "options": ["faithful", "enhanced"],
            "recorded_only": True,
        },
    ],
    "models": [
        {
            "folder": "diffusion_models",
            "file": "a.safetensors",
            "sha256": None,
            "verified": False,
            "licence": "Apache-2.0",
            "verdict": "allowed",
            "source": "somewhere",
        }
    ],
    "vram_gb": 1,
    "typical_seconds": 1,
    "load_seconds": 1,
    "stall_seconds": 1,
    "digital_source_type": "compositeWithTrainedAlgorithmicMedia",
}


@pytest.fixture
def manifest() -> dict[str, Any]:
    """What the small pack's manifest says, free to change."""
    copy: dict[str, Any] = json.loads(json.dumps(MANIFEST))
    return copy


@pytest.fixture
def make_pack() -> Callable[..., GraphPack]:
    """The small pack, with other parts where they are given."""

    def make(manifest: Any = MANIFEST, graph: Any = GRAPH) -> GraphPack:
        return GraphPack(Manifest.model_validate_json(json.dumps(manifest)), json.dumps(graph))

    return make


@pytest.fixture
def pack(make_pack: Callable[..., GraphPack]) -> GraphPack:
    """The small pack as it is."""
    return make_pack()
