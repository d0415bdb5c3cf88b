"""Reads a workflow file."""

import json
from pathlib import Path
from typing import Any

from deploy.cli.failures import FileUnusable

_HOW_TO_EXPORT = (
    "In ComfyUI, open it and choose Workflow > Export (API) "
    '(in older versions: turn on the dev mode options, then "Save (API Format)").'
)


def read_graph(file: Path) -> dict[str, Any]:
    """The API-format graph in a file: node id to `class_type` and `inputs`.

    A whole body of `POST /prompt`, with the graph under `prompt`, will do as well.

    Raises:
        FileUnusable: the file cannot be read, or holds something else.
    """
    try:
        found = json.loads(file.read_text("utf-8"))
    except OSError as error:
        raise FileUnusable(f"{file} cannot be read: {error.strerror}") from error
    except (ValueError, RecursionError) as error:
        raise FileUnusable(f"{file} is not JSON: {error}") from error
    if isinstance(found, dict) and isinstance(found.get("nodes"), list):
        raise FileUnusable(
            f"{file} is a workflow as ComfyUI's editor saves it; needed is the API format. "
            f"{_HOW_TO_EXPORT}"
        )
    if isinstance(found, dict) and isinstance(found.get("prompt"), dict):
        found = found["prompt"]
    if not isinstance(found, dict) or not found or not all(map(_is_node, found.values())):
        raise FileUnusable(
            f"{file} is no graph in API format, which is an object of nodes that each have "
            f'"class_type" and "inputs". {_HOW_TO_EXPORT}'
        )
    return found


def _is_node(node: object) -> bool:
    return (
        isinstance(node, dict)
        and isinstance(node.get("class_type"), str)
        and isinstance(node.get("inputs"), dict)
    )
