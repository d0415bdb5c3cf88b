"""Nodes that carry a single value."""

from __future__ import annotations

import json
from typing import Any

from simulators.comfyui.nodes.context import Result
from simulators.comfyui.nodes.declare import Input, NodeSet, Schema
from simulators.comfyui.nodes.inputs import flag, socket, text

nodes = NodeSet(category="utils/primitive", module="comfy_extras.nodes_primitive", schema=Schema.V3)

_LARGEST = 2**63 - 1
_WHOLE = Input("value", "INT", {"min": -_LARGEST, "max": _LARGEST, "control_after_generate": True})
_REAL = Input("value", "FLOAT", {"min": -_LARGEST, "max": _LARGEST})


@nodes.add("PrimitiveInt", _WHOLE, outputs=["INT"], display="Int")
@nodes.add("PrimitiveFloat", _REAL, outputs=["FLOAT"], display="Float")
@nodes.add("PrimitiveBoolean", flag("value"), outputs=["BOOLEAN"], display="Boolean")
@nodes.add("PrimitiveString", text("value", multiline=False), outputs=["STRING"], display="String")
@nodes.add(
    "PrimitiveStringMultiline",
    text("value", multiline=True),
    outputs=["STRING"],
    display="String (Multiline)",
)
def primitive(value: Any) -> Any:
    """Hand the value on."""
    return value


@nodes.add(
    "StringConcatenate",
    text("string_a", multiline=True),
    text("string_b", multiline=True),
    text("delimiter", "", multiline=False),
    outputs=["STRING"],
    display="Concatenate",
    category="utils/string",
    module="comfy_extras.nodes_string",
)
def string_concatenate(string_a: str, string_b: str, delimiter: str) -> str:
    """Join two strings."""
    return delimiter.join((string_a, string_b))


@nodes.add(
    "PreviewAny",
    socket("source", "*"),
    display="Preview Any",
    category="utils",
    module="comfy_extras.nodes_preview_any",
    schema=Schema.V1,
    output_node=True,
)
def preview_any(source: Any = None) -> Result:
    """Show any value as text."""
    if isinstance(source, str | int | float):
        shown = str(source)
    else:
        try:
            shown = json.dumps(source) if source is not None else "None"
        except (TypeError, ValueError):
            shown = str(source)
    return Result(ui={"text": [shown]})
