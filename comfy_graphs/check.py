"""A pack against a live server: does it have every node, input, range and model? Pure.

The server's answers are given: `/object_info` as it is, and `/models/{folder}` for each folder.
`POST /prompt` itself is no such check: it accepts a graph of which only one branch is valid, and
it does not look at the options of inputs declared in the newer form.
"""

from collections.abc import Iterator, Mapping, Sequence
from enum import StrEnum
from typing import Any

from pydantic import BaseModel, ConfigDict

from comfy_graphs.bind import bound_value
from comfy_graphs.coherence import WEIGHTS, links
from comfy_graphs.manifest import Parameter
from comfy_graphs.pack import Graph, GraphPack

ObjectInfo = Mapping[str, Mapping[str, Any]]
ModelLists = Mapping[str, Sequence[str]]

_NUMBERS = ("INT", "FLOAT")


class FindingKind(StrEnum):
    """What a server lacks."""

    MISSING_CLASS = "missing_class"
    MISSING_OUTPUT = "missing_output"
    UNKNOWN_INPUT = "unknown_input"
    REQUIRED_INPUT = "required_input"
    WRONG_TYPE = "wrong_type"
    OUT_OF_RANGE = "out_of_range"
    NOT_AN_OPTION = "not_an_option"
    MISSING_MODEL = "missing_model"


class Finding(BaseModel):
    """One reason why a server cannot run a pack.

    Attributes:
        node, input: where in the graph; empty for a model.
        detail: a sentence for an operator.
    """

    model_config = ConfigDict(frozen=True)

    kind: FindingKind
    node: str = ""
    input: str = ""
    detail: str


def missing_from(
    object_info: ObjectInfo, model_lists: ModelLists, pack: GraphPack
) -> tuple[Finding, ...]:
    """What the server lacks for this pack; empty when it can run it.

    Args:
        object_info: the server's answer to `GET /object_info`.
        model_lists: file names by folder, the answers to `GET /models/{folder}`.
        pack: what is to run there.
    """
    graph = pack.graph
    found = [f for node in graph for f in _of_node(object_info, graph, node)]
    for parameter in pack.manifest.parameters:
        found += _of_parameter(object_info, graph, parameter)
    for model in pack.manifest.models:
        if model.file not in model_lists.get(model.folder, ()):
            where = f"models/{model.folder}/{model.file}"
            found.append(
                Finding(kind=FindingKind.MISSING_MODEL, detail=f"{where} is not on the server")
            )
    return tuple(found)


def _of_node(object_info: ObjectInfo, graph: Graph, node: str) -> Iterator[Finding]:
    """What one node asks of the server."""
    name, inputs = graph[node]["class_type"], graph[node]["inputs"]
    if name not in object_info:
        detail = f"the server has no node class {name}"
        yield Finding(kind=FindingKind.MISSING_CLASS, node=node, detail=detail)
        return
    required, known = _declared(object_info[name])
    for missing in sorted(required - inputs.keys()):
        detail = f"{name} needs {missing}, which the graph does not give"
        yield Finding(kind=FindingKind.REQUIRED_INPUT, node=node, input=missing, detail=detail)
    sources = {given: (source, index) for given, source, index in links(inputs)}
    for given, value in inputs.items():
        if given not in known:
            detail = f"{name} has no input {given}"
            yield Finding(kind=FindingKind.UNKNOWN_INPUT, node=node, input=given, detail=detail)
        elif given in sources:
            yield from _of_link(object_info, graph, node, given, known[given], *sources[given])
        else:
            yield from _of_value(node, given, known[given], value)


def _of_link(
    object_info: ObjectInfo,
    graph: Graph,
    node: str,
    name: str,
    declaration: Sequence[Any],
    source: str,
    index: int,
) -> Iterator[Finding]:
    """Whether the other node gives what this input takes."""
    giver = graph.get(source, {}).get("class_type", "")
    if giver not in object_info:
        return  # found at that node itself
    outputs = object_info[giver].get("output", [])
    if index >= len(outputs):
        detail = f"{giver} has no output {index}"
        yield Finding(kind=FindingKind.MISSING_OUTPUT, node=node, input=name, detail=detail)
        return
    gives, takes = outputs[index], declaration[0]
    if isinstance(takes, str) and isinstance(gives, str) and not _fits(gives, takes):
        detail = f"{giver} gives {gives} where {takes} is needed"
        yield Finding(kind=FindingKind.WRONG_TYPE, node=node, input=name, detail=detail)


def _fits(gives: str, takes: str) -> bool:
    """Types are lists of names; `*` takes and gives anything."""
    given, taken = set(gives.split(",")), set(takes.split(","))
    return "*" in given | taken or given <= taken


def _of_value(node: str, name: str, declaration: Sequence[Any], value: Any) -> Iterator[Finding]:
    """Whether the server accepts a value that is written in the graph."""
    kind, settings = declaration[0], declaration[1] if len(declaration) > 1 else {}
    uploaded = settings.get("image_upload") or settings.get("video_upload")
    if isinstance(value, str) and (value.endswith(WEIGHTS) or uploaded):
        return  # model files are looked up in their folders, photos and clips are uploaded later
    options = kind if isinstance(kind, list) else settings.get("options")
    if isinstance(options, list):
        if value not in options:
            detail = f"{value!r} is none of {', '.join(map(str, options))}"
            yield Finding(kind=FindingKind.NOT_AN_OPTION, node=node, input=name, detail=detail)
    elif kind in _NUMBERS:
        if isinstance(value, bool) or not isinstance(value, int | float):
            detail = f"{value!r} is not of type {kind}"
            yield Finding(kind=FindingKind.WRONG_TYPE, node=node, input=name, detail=detail)
            return
        low, high = settings.get("min", value), settings.get("max", value)
        if not low <= value <= high:
            detail = f"{value} is outside {low}..{high}"
            yield Finding(kind=FindingKind.OUT_OF_RANGE, node=node, input=name, detail=detail)


def _of_parameter(object_info: ObjectInfo, graph: Graph, parameter: Parameter) -> Iterator[Finding]:
    """Whether everything a caller may set is accepted by the server."""
    for binding in parameter.bindings:
        name = graph[binding.node]["class_type"]
        _, known = _declared(object_info.get(name, {}))
        if binding.input not in known:
            continue  # found at the node itself
        extremes = (parameter.minimum, parameter.maximum)
        values = [bound_value(binding, v) for v in extremes if v is not None]
        values += [y for _, y in binding.curve] + list(binding.choices.values())
        for value in dict.fromkeys(values):
            whole = isinstance(value, float) and value.is_integer()
            yield from _of_value(
                binding.node, binding.input, known[binding.input], int(value) if whole else value
            )


def _declared(info: Mapping[str, Any]) -> tuple[set[str], dict[str, Sequence[Any]]]:
    """The required inputs of a node class, and the declarations of all it takes."""
    inputs = info.get("input", {})
    required = inputs.get("required", {})
    return set(required), {**required, **inputs.get("optional", {})}
