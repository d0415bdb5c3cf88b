"""Parameters into graphs: checked against the manifest, then put where it says. Pure."""

import math
import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise

from comfy_graphs.coherence import links
from comfy_graphs.manifest import Binding, Blank, Parameter, ParameterType, Target, Value
from comfy_graphs.pack import Graph, GraphPack
from comfy_graphs.sequence import unroll
from comfy_graphs.styles import STYLES
from rekindle.errors import InvalidRequest, ParameterOutOfRange

_PLAIN_NAME = re.compile(r"(?:[A-Za-z0-9][A-Za-z0-9._ ()-]*/)*[A-Za-z0-9][A-Za-z0-9._ ()-]*")


@dataclass(frozen=True)
class BoundGraph:
    """A graph ready to be posted.

    Attributes:
        output_node: the node whose file is the result.
    """

    graph: Graph
    output_node: str


def complete(
    pack: GraphPack, given: Mapping[str, Value], *, seed: int, has_photo: bool = True
) -> dict[str, Value]:
    """The value of every parameter of the pack: as given, else its default.

    Args:
        pack: whose manifest decides.
        given: what the caller set, by name.
        seed: for a parameter without default (drawn at random by the caller).
        has_photo: without one, some parameters of some packs are fixed.

    Raises:
        InvalidRequest: a name the pack does not have, or a value of the wrong type; or the pack
            needs a photo.
        ParameterOutOfRange: a value outside the bounds of its parameter.
    """
    fixed = {} if has_photo else _blank(pack).fixed
    known = {p.name for p in pack.manifest.parameters}
    unknown = sorted(given.keys() - known)
    if unknown:
        raise InvalidRequest(
            f"The graph '{pack.name}' has no parameter '{unknown[0]}'; "
            f"it has: {', '.join(sorted(known))}."
        )
    values: dict[str, Value] = {}
    for parameter in pack.manifest.parameters:
        default = seed if parameter.default is None else parameter.default
        default = fixed.get(parameter.name, default)
        values[parameter.name] = _checked(parameter, given.get(parameter.name, default))
        if parameter.name in fixed and values[parameter.name] != default:
            raise ParameterOutOfRange(
                f"The parameter '{parameter.name}' can only be set for a picture of a photo."
            )
    return values


def bind(
    pack: GraphPack, values: Mapping[str, Value], *, photo: str | None, filename_prefix: str
) -> BoundGraph:
    """A graph of its own with everything filled in; the pack is not changed.

    Args:
        pack: what to bind.
        values: complete, as `complete` makes them.
        photo: the name under which the server knows the uploaded file; None where there is none.
        filename_prefix: of the result; different for every try, because the server's node cache
            otherwise answers with the file of an earlier run.

    Raises:
        InvalidRequest: a parameter is missing, unknown, or of the wrong type; or a name that could
            lead out of the server's folders; or the pack needs a photo.
        ParameterOutOfRange: a value outside the bounds of its parameter.
    """
    missing = [p.name for p in pack.manifest.parameters if p.name not in values]
    if missing:
        raise InvalidRequest(f"The parameter '{missing[0]}' is missing.")
    graph = pack.graph
    checked = complete(pack, values, seed=0, has_photo=photo is not None)
    for parameter in pack.manifest.parameters:
        for binding in parameter.bindings:
            _put(graph, binding, bound_value(binding, checked[parameter.name]))
    if photo is not None:
        _put(graph, pack.manifest.photo, _plain(photo))
    _put(graph, pack.manifest.filename_prefix, _plain(filename_prefix))
    if pack.manifest.sequence is not None:
        graph = unroll(graph, pack.manifest.sequence, checked)
    if pack.manifest.blank is not None:
        graph = _begun(graph, pack, pack.manifest.blank, has_photo=photo is not None)
    return BoundGraph(graph, pack.manifest.output.node)


def _begun(graph: Graph, pack: GraphPack, blank: Blank, *, has_photo: bool) -> Graph:
    """The graph with one beginning: the photo or the blank, and nothing of the other."""
    if not has_photo:
        graph[blank.into.node]["inputs"][blank.into.input] = [blank.node, 0]
    needed, pending = set[str](), [pack.manifest.output.node]
    while pending:
        node = pending.pop()
        needed.add(node)
        sources = {source for _, source, _ in links(graph[node]["inputs"])}
        pending += sources - needed
    return {node: body for node, body in graph.items() if node in needed}


def _blank(pack: GraphPack) -> Blank:
    if pack.manifest.blank is None:
        raise InvalidRequest(f"The graph '{pack.name}' works on a photo, and there is none.")
    return pack.manifest.blank


def bound_value(binding: Binding, value: Value) -> Value:
    """What the node gets for a parameter's value."""
    if binding.style:
        return STYLES[str(value)].words(binding.style)
    if binding.choices:
        return binding.choices[str(value).lower() if isinstance(value, bool) else str(value)]
    if binding.curve:
        found = _on_curve(binding.curve, float(value))
        return round(found) if binding.whole else found
    return value


def _on_curve(curve: tuple[tuple[float, float], ...], at: float) -> float:
    if at <= curve[0][0]:
        return curve[0][1]
    for (x0, y0), (x1, y1) in pairwise(curve):
        if at <= x1:
            return round(y0 + (y1 - y0) * (at - x0) / (x1 - x0), 6)
    return curve[-1][1]


def _put(graph: Graph, target: Target, value: Value) -> None:
    graph[target.node]["inputs"][target.input] = value


def _plain(name: str) -> str:
    """The name, if it stays inside.

    LoadImage reads any path it is given; SaveImage expands `%...%` and writes where it is told.
    """
    if not _PLAIN_NAME.fullmatch(name) or ".." in name:
        raise InvalidRequest("A file name inside a graph must be plain and relative.")
    return name


def _checked(parameter: Parameter, value: Value) -> Value:
    match parameter.type:
        case ParameterType.BOOLEAN:
            good = isinstance(value, bool)
        case ParameterType.CHOICE | ParameterType.TEXT:
            good = isinstance(value, str)
        case ParameterType.INTEGER:
            good = isinstance(value, int) and not isinstance(value, bool)
        case ParameterType.NUMBER:
            good = isinstance(value, int | float) and not isinstance(value, bool)
    if not good:
        raise InvalidRequest(f"The parameter '{parameter.name}' must be a {parameter.type}.")
    if parameter.type is ParameterType.CHOICE and value not in parameter.options:
        raise ParameterOutOfRange(
            f"The parameter '{parameter.name}' must be one of: {', '.join(parameter.options)}."
        )
    if parameter.max_length is not None:
        _check_text(parameter.name, str(value), parameter.max_length)
    if parameter.minimum is not None and parameter.maximum is not None:
        _check_bounds(parameter.name, _number(value), parameter.minimum, parameter.maximum)
    return float(value) if parameter.type is ParameterType.NUMBER else value


def _check_text(name: str, text: str, longest: int) -> None:
    if len(text) > longest:
        raise ParameterOutOfRange(
            f"The parameter '{name}' must have at most {longest} characters, not {len(text)}."
        )
    # Neither Postgres nor JSON in UTF-8 holds all of them, and no prompt needs one.
    if any(unicodedata.category(each) in ("Cc", "Cs") and each != "\n" for each in text):
        raise InvalidRequest(f"The parameter '{name}' must be text without control characters.")


def _number(value: Value) -> float:
    try:
        return float(value)
    except OverflowError:  # a whole number of more than 308 digits
        return math.copysign(math.inf, 1 if int(value) > 0 else -1)


def _check_bounds(name: str, value: float, low: float, high: float) -> None:
    if not low <= value <= high:  # also refuses NaN
        raise ParameterOutOfRange(
            f"The parameter '{name}' must be between {low:.16g} and {high:.16g}, not {value:.16g}."
        )
