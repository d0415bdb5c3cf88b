"""Our engine describes its nodes as a real ComfyUI does. Words for people may differ."""

import os
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

REAL = os.environ.get("COMFYUI_URL", "").rstrip("/")
WORDS = {"description", "output_tooltips", "tooltip"}
FILES = {"audio", "file", "image", "video"}
"""Inputs that list what lies in a folder; those of models end in `_name`."""


def lists_files(name: str) -> bool:
    return name in FILES or (name.rstrip("123").endswith("_name") and name != "sampler_name")


def contract(node: dict[str, Any]) -> dict[str, Any]:
    """What a client depends on: no words, no listed files, no empty configuration."""
    bare = {key: value for key, value in node.items() if key not in WORDS}
    return bare | {"input": {group: dict(inputs(of)) for group, of in node["input"].items()}}


def inputs(group: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    for name, told in group.items():
        kind, config = (*told, {})[:2] if isinstance(told, list) else (told, {})
        known = {key: value for key, value in config.items() if key not in WORDS}
        if lists_files(name):
            kind = "COMBO" if isinstance(kind, list) else kind
            known.pop("options", None)
        yield name, (kind, known)


@pytest.mark.skipif(not REAL, reason="compares with the server at COMFYUI_URL")
async def test_engine_describes_its_nodes_as_the_real_server(engine_url: str) -> None:
    async with httpx.AsyncClient(trust_env=False, timeout=90) as http:
        ours = (await http.get(f"{engine_url}/object_info")).json()
        real = (await http.get(f"{REAL}/object_info")).json()
    assert set(ours) <= set(real)
    assert {name: contract(node) for name, node in ours.items()} == {
        name: contract(real[name]) for name in ours
    }
