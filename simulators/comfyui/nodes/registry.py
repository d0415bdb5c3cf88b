"""All node classes of the engine by name."""

from __future__ import annotations

from simulators.comfyui.nodes import (
    color,
    filters,
    load,
    mask,
    primitives,
    save,
    scale,
    transform,
    video,
)
from simulators.comfyui.nodes.declare import InputInfo, NodeClass, NodeSet, Surroundings
from simulators.comfyui.nodes.testcard import (
    conditioning,
    latents,
    loaders,
    sampling,
)
from simulators.comfyui.nodes.testcard import (
    video as model_video,
)

_SETS: tuple[NodeSet, ...] = (
    load.nodes,
    save.nodes,
    scale.nodes,
    transform.nodes,
    color.nodes,
    filters.nodes,
    mask.nodes,
    video.nodes,
    primitives.nodes,
    loaders.nodes,
    conditioning.nodes,
    latents.nodes,
    sampling.nodes,
    model_video.nodes,
)


class NodeCatalog:
    """The node classes together with the files their options depend on."""

    def __init__(self, around: Surroundings) -> None:
        self.around = around
        self._classes = {node.name: node for group in _SETS for node in group.classes}

    def get(self, name: str) -> NodeClass | None:
        """The class of that name, or None."""
        return self._classes.get(name)

    def names(self) -> list[str]:
        """Names of all classes."""
        return list(self._classes)

    def inputs_of(self, node: NodeClass) -> dict[str, tuple[InputInfo, bool]]:
        """Info and required flag of every input, with file options read now."""
        return node.input_types(self.around)

    def describe(self, name: str) -> dict[str, object]:
        """The /object_info of one class, or nothing for an unknown name."""
        node = self._classes.get(name)
        return {} if node is None else {name: node.describe(self.around)}

    def describe_all(self) -> dict[str, object]:
        """The whole /object_info."""
        return {name: node.describe(self.around) for name, node in self._classes.items()}
