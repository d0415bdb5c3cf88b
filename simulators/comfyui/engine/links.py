"""What a link between nodes looks like in a graph."""

from __future__ import annotations

from typing import Any, TypeGuard

Node = dict[str, Any]
Graph = dict[str, Node]
"""Nodes by id, in ComfyUI's API format."""


def is_link(value: object) -> TypeGuard[list[Any]]:
    """Whether an input's value is ``[node id, output index]``."""
    return (
        isinstance(value, list)
        and len(value) == 2
        and isinstance(value[0], str)
        and isinstance(value[1], int | float)
    )


def links_of(node: Node) -> list[tuple[str, Any]]:
    """Node id and output index of every link into a node."""
    return [(value[0], value[1]) for value in node["inputs"].values() if is_link(value)]
