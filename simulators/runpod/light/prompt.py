"""One prompt of a light pod, and how it looks in the queue and the history."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

Graph = dict[str, Any]
_SUFFIXES = {"SaveVideo": ".mp4", "SaveWEBM": ".webm"}


@dataclass
class Prompt:
    """A prompt from acceptance to its end.

    Attributes:
        targets: Ids of the nodes whose outputs are kept.
        outcome: None until it ended; then success, interrupted, deleted or lost.
    """

    id: str
    number: int
    graph: Graph
    extra_data: dict[str, Any]
    targets: list[str]
    accepted_at: float
    started_at: float | None = None
    ended_at: float | None = None
    outcome: str | None = None
    messages: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    outputs: dict[str, Any] = field(default_factory=dict)

    @property
    def client_id(self) -> str | None:
        """Whose socket hears of it."""
        return self.extra_data.get("client_id")

    @property
    def first_node(self) -> str:
        """The node that is said to take all the time."""
        return next((node for node in self.graph if node not in self.targets), self.targets[0])

    def item(self) -> list[Any]:
        """The prompt as ``GET /queue`` shows it."""
        return [self.number, self.id, self.graph, self.extra_data, self.targets]

    def entry(self) -> dict[str, Any]:
        """The prompt as ``GET /history/{id}`` shows it."""
        is_success = self.outcome == "success"
        return {
            "prompt": self.item(),
            "outputs": self.outputs,
            "status": {
                "status_str": "success" if is_success else "error",
                "completed": is_success,
                "messages": self.messages,
            },
            "meta": {
                node: {
                    "node_id": node,
                    "display_node": node,
                    "parent_node": None,
                    "real_node_id": node,
                }
                for node in self.outputs
            },
        }

    def run_json(self, pod: str) -> dict[str, Any]:
        """The prompt as ``GET /simulator/runs`` shows it."""
        return {
            "pod": pod,
            "prompt_id": self.id,
            "accepted_at": self.accepted_at,
            "started_at": self.started_at,
            "ended_at": self.ended_at,
            "outcome": self.outcome,
        }


def targets_of(graph: Graph, object_info: Mapping[str, Any]) -> list[str]:
    """The nodes that keep what they make: as the catalogue says, else by their name."""
    return [node for node, body in graph.items() if _keeps(body, object_info)]


def output_of(body: dict[str, Any], number: int) -> dict[str, Any]:
    """What a saving node reports: one file with a number in its name.

    Args:
        body: The node.
        number: Of the file among those of its prefix.
    """
    class_type = body["class_type"]
    prefix = str(body.get("inputs", {}).get("filename_prefix", "ComfyUI"))
    subfolder, _, name = prefix.rpartition("/")
    suffix = _SUFFIXES.get(class_type, ".png")
    file = {
        "filename": f"{name}_{number:05d}_{suffix}",
        "subfolder": subfolder,
        "type": "temp" if class_type == "PreviewImage" else "output",
    }
    is_video = suffix != ".png"
    return {"images": [file], "animated": [True]} if is_video else {"images": [file]}


def _keeps(body: object, object_info: Mapping[str, Any]) -> bool:
    if not isinstance(body, dict):
        return False
    class_type = str(body.get("class_type", ""))
    known = object_info.get(class_type)
    if known is not None:
        return bool(known.get("output_node"))
    return class_type.startswith(("Save", "Preview"))
