"""Whether a manifest and a graph speak of the same thing. Pure."""

from collections.abc import Iterator, Mapping
from typing import Any

from comfy_graphs.manifest import Manifest, Target

WEIGHTS = (".safetensors", ".ckpt", ".pt", ".pth", ".bin", ".gguf")
"""How the names of weight files end."""

Nodes = Mapping[str, Mapping[str, Any]]


def contradictions(manifest: Manifest, graph: Nodes) -> tuple[str, ...]:
    """Everything in which they disagree; empty for a sound pack."""
    return (
        *_loose_links(graph),
        *_loose_targets(manifest, graph),
        *_loose_prototypes(manifest, graph),
        *_undeclared_models(manifest, graph),
    )


def links(inputs: Mapping[str, Any]) -> Iterator[tuple[str, str, int]]:
    """The inputs of a node that take another node's output: input, node id, output index."""
    for name, value in inputs.items():
        if isinstance(value, list) and len(value) == 2 and isinstance(value[0], str):
            yield name, value[0], int(value[1])


def _loose_links(graph: Nodes) -> Iterator[str]:
    for node, body in graph.items():
        for name, source, _ in links(body["inputs"]):
            if source not in graph:
                yield f"node {node} takes its {name} from node {source}, which is not there"


def _loose_targets(manifest: Manifest, graph: Nodes) -> Iterator[str]:
    targets: list[tuple[str, Target]] = [
        ("the photo", manifest.photo),
        ("the file name prefix", manifest.filename_prefix),
    ]
    if manifest.blank:
        targets.append(("the blank", manifest.blank.into))
        if manifest.blank.node not in graph:
            yield f"without a photo it begins with node {manifest.blank.node}, which is not there"
    targets += [(p.name, binding) for p in manifest.parameters for binding in p.bindings]
    for what, target in targets:
        if target.input not in graph.get(target.node, {}).get("inputs", {}):
            yield f"{what} goes to {target.node}.{target.input}, which is not there"
    if manifest.output.node not in graph:
        yield f"the result comes from node {manifest.output.node}, which is not there"


def _loose_prototypes(manifest: Manifest, graph: Nodes) -> Iterator[str]:
    """Nodes that are copied for every frame depend on one another in one way only."""
    if manifest.sequence is None:
        return
    sequence = manifest.sequence
    canvas, crop, frame, join = sequence.canvas, *sequence.prototypes
    wanted = [(crop, "image", canvas), (frame, "image", crop)]
    wanted += [(join, "image1", frame), (join, "image2", frame)]
    for node, name, source in wanted:
        if graph.get(node, {}).get("inputs", {}).get(name) != [source, 0]:
            yield f"node {node} does not take its {name} from node {source}"
    for node, body in graph.items():
        for name, source, _ in links(body["inputs"]):
            if source in (crop, frame) and node not in sequence.prototypes:
                yield f"node {node} takes its {name} from node {source}, which is copied"
    bound = [manifest.photo, manifest.filename_prefix]
    bound += [binding for p in manifest.parameters for binding in p.bindings]
    for target in bound:
        if target.node in sequence.prototypes:
            yield f"{target.node}.{target.input} is bound, but the node is copied"


def _undeclared_models(manifest: Manifest, graph: Nodes) -> Iterator[str]:
    loaded = {
        value
        for body in graph.values()
        for value in body["inputs"].values()
        if isinstance(value, str) and value.endswith(WEIGHTS)
    }
    declared = {model.file for model in manifest.models}
    for file in sorted(loaded - declared):
        yield f"the graph loads {file}, whose licence is not declared"
    for file in sorted(declared - loaded):
        yield f"{file} is declared but not loaded"
