"""Checks a posted graph, and says what is wrong in ComfyUI's words.

Every output node is checked with all that is upstream of it. One good output is enough for the
prompt to be accepted; the branches that failed are reported and silently dropped.
"""

from __future__ import annotations

import traceback
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from simulators.comfyui.engine.links import Graph, is_link
from simulators.comfyui.nodes.declare import InputInfo, NodeClass
from simulators.comfyui.nodes.registry import NodeCatalog

Problem = dict[str, Any]
_CONVERSIONS: dict[str, Any] = {"INT": int, "FLOAT": float, "STRING": str, "BOOLEAN": bool}
_SHORT_LIST = 20


@dataclass(frozen=True)
class Verdict:
    """What validation found.

    Attributes:
        outputs: Ids of the output nodes that can run, in the order of the graph.
        error: Why nothing can run; None when something can.
        node_errors: Problems by node id, also when the prompt is accepted.
    """

    outputs: list[str] = field(default_factory=list)
    error: Problem | None = None
    node_errors: dict[str, Any] = field(default_factory=dict)


def validate(graph: Any, catalog: NodeCatalog, targets: Iterable[str] | None) -> Verdict:
    """Check a graph, converting its values in place as ComfyUI does.

    Args:
        graph: The decoded ``prompt``; anything but an object of objects raises.
        catalog: Known node classes.
        targets: Ids of the only output nodes to run; None for all.

    Raises:
        Exception: The graph has no shape of a graph; ComfyUI answers 500.
    """
    outputs = []
    for node_id in graph:
        if "class_type" not in graph[node_id]:
            sentence = "Cannot execute because a node is missing the class_type property."
            return _refusal("invalid_prompt", sentence, f"Node ID '#{node_id}'")
        name = graph[node_id]["class_type"]
        node = catalog.get(name)
        if node is None:
            sentence = f"Cannot execute because node {name} does not exist."
            return _refusal("invalid_prompt", sentence, f"Node ID '#{node_id}'")
        if node.output_node and (targets is None or node_id in targets):
            outputs.append(node_id)
    if not outputs:
        return _refusal("prompt_no_outputs", "Prompt has no outputs")
    return _Validation(graph, catalog).judge(outputs)


def _refusal(kind: str, message: str, details: str = "") -> Verdict:
    return Verdict(error=_error(kind, message, details))


def _error(kind: str, message: str, details: str, **extra: Any) -> Problem:
    return {"type": kind, "message": message, "details": details, "extra_info": extra}


class _Validation:
    """One validation; remembers which nodes were judged.

    ``_problems`` holds a list for every judged node. A node can be bad without problems of its
    own, because something upstream is bad or because it is part of a cycle.
    """

    def __init__(self, graph: Graph, catalog: NodeCatalog) -> None:
        self._graph = graph
        self._catalog = catalog
        self._problems: dict[str, list[Problem]] = {}
        self._good: dict[str, bool] = {}
        self._open: set[str] = set()

    def judge(self, outputs: list[str]) -> Verdict:
        good: list[str] = []
        sentences: list[str] = []
        node_errors: dict[str, Any] = {}
        for output in outputs:
            if self._check_output(output):
                good.append(output)
                continue
            sentences += [f"{p['message']}: {p['details']}" for p in self._problems[output]]
            self._report(output, node_errors)
        if good:
            return Verdict(good, None, node_errors)
        message = "Prompt outputs failed validation"
        error = _error("prompt_outputs_failed_validation", message, "\n".join(sentences))
        return Verdict([], error, node_errors)

    def _check_output(self, output: str) -> bool:
        try:
            return self._check(output)
        except Exception as problem:
            self._condemn(output, problem, "exception_during_validation", "node", {})
            return False

    def _condemn(
        self, node_id: str, problem: Exception, kind: str, what: str, extra: dict[str, Any]
    ) -> None:
        self._good[node_id] = False
        message = f"Exception when validating {what}"
        self._problems[node_id] = [
            _error(
                kind,
                message,
                str(problem),
                **extra,
                exception_type=full_name(type(problem)),
                traceback=traceback.format_tb(problem.__traceback__),
            )
        ]

    def _report(self, output: str, node_errors: dict[str, Any]) -> None:
        """Add every bad node known by now; each failed output counts as depending on it."""
        for node_id, problems in self._problems.items():
            if self._good[node_id] or not problems:
                continue
            entry = node_errors.setdefault(
                node_id,
                {
                    "errors": problems,
                    "dependent_outputs": [],
                    "class_type": self._graph[node_id]["class_type"],
                },
            )
            entry["dependent_outputs"].append(output)

    def _check(self, node_id: str) -> bool:
        if node_id in self._good:
            return self._good[node_id]
        if node_id in self._open:  # a cycle: bad, but nobody's own problem
            return False
        self._open.add(node_id)
        inputs = self._graph[node_id]["inputs"]
        node = self._catalog.get(self._graph[node_id]["class_type"])
        if node is None:
            raise KeyError(self._graph[node_id]["class_type"])
        problems: list[Problem] = []
        upstream_good = True
        for name, (info, required) in self._catalog.inputs_of(node).items():
            if name not in inputs:
                if required:
                    message = "Required input is missing"
                    kind = "required_input_missing"
                    problems.append(_error(kind, message, name, input_name=name))
            elif isinstance(inputs[name], list):
                upstream_good &= self._check_link(inputs[name], name, info, problems)
            else:
                self._check_value(node, inputs, name, info, problems)
        self._check_custom(node, inputs, problems)
        self._problems[node_id] = problems
        self._good[node_id] = upstream_good and not problems
        return self._good[node_id]

    def _check_link(
        self, value: list[Any], name: str, info: InputInfo, problems: list[Problem]
    ) -> bool:
        extra: dict[str, Any] = {"input_name": name, "input_config": info}
        if len(value) != 2:
            message = "Bad linked input, must be a length-2 list of [node_id, slot_index]"
            extra["received_value"] = value
            problems.append(_error("bad_linked_input", message, name, **extra))
            return True
        source, slot = value
        linked = self._catalog.get(self._graph[source]["class_type"])
        if linked is None:
            raise KeyError(self._graph[source]["class_type"])
        received = linked.outputs[slot]
        if not _types_agree(received, info[0]):
            details = f"{name}, received_type({received}) mismatch input_type({info[0]})"
            message = "Return type mismatch between linked nodes"
            extra |= {"received_type": received, "linked_node": value}
            problems.append(_error("return_type_mismatch", message, details, **extra))
            return True
        try:
            return self._check(source)
        except Exception as problem:
            extra |= {"exception_message": str(problem), "linked_node": value}
            kind = "exception_during_inner_validation"
            self._condemn(source, problem, kind, "inner node", extra)
            return False

    def _check_value(
        self,
        node: NodeClass,
        inputs: dict[str, Any],
        name: str,
        info: InputInfo,
        problems: list[Problem],
    ) -> None:
        kind, config = info
        value = inputs[name]
        if isinstance(value, dict) and "__value__" in value:
            value = inputs[name] = value["__value__"]
        extra: dict[str, Any] = {"input_name": name, "input_config": info}
        try:
            if isinstance(kind, str) and kind in _CONVERSIONS:
                value = inputs[name] = _CONVERSIONS[kind](value)
        except Exception as problem:
            message = f"Failed to convert an input value to a {kind} value"
            extra |= {"received_value": value, "exception_message": str(problem)}
            details = f"{name}, {value}, {problem}"
            problems.append(_error("invalid_input_type", message, details, **extra))
            return
        if name in node.validated:
            return
        extra["received_value"] = value
        if "min" in config and value < config["min"]:
            message = f"Value {value} smaller than min of {config['min']}"
            problems.append(_error("value_smaller_than_min", message, name, **extra))
        elif "max" in config and value > config["max"]:
            message = f"Value {value} bigger than max of {config['max']}"
            problems.append(_error("value_bigger_than_max", message, name, **extra))
        elif isinstance(kind, list) and value not in kind and not self._is_any_model(node, name):
            problems.append(_not_listed(name, value, info, extra))

    def _is_any_model(self, node: NodeClass, name: str) -> bool:
        """Whether the input names a model file and test cards stand in for all of them."""
        declared = next(i for i in node.inputs if i.name == name)
        return declared.model_folder is not None and self._catalog.around.shelf.accepts_any_name

    def _check_custom(
        self, node: NodeClass, inputs: dict[str, Any], problems: list[Problem]
    ) -> None:
        if node.validate is None:
            return
        # A linked input is not known yet and arrives as None.
        given = {
            name: None if is_link(inputs[name]) else inputs[name]
            for name in inputs
            if name in node.validated
        }
        answer = node.validate(self._catalog.around.folders, **given)
        if answer is True:
            return
        for name in given:
            details = f"{name} - {answer}" if answer is not False else name
            message = "Custom validation failed for node"
            kind = "custom_validation_failed"
            problems.append(_error(kind, message, details, input_name=name))


def _not_listed(name: str, value: Any, info: InputInfo, extra: dict[str, Any]) -> Problem:
    listed: str = str(info[0])
    if len(info[0]) > _SHORT_LIST:
        listed = f"(list of length {len(info[0])})"
        extra = extra | {"input_config": None}
    details = f"{name}: '{value}' not in {listed}"
    return _error("value_not_in_list", "Value not in list", details, **extra)


def _types_agree(received: str, wanted: Any) -> bool:
    """Whether a link fits: equal words, a common word of unions, or ``*``."""
    if received == wanted or "*" in (received, wanted):
        return True
    if not isinstance(wanted, str):
        return False
    words = {word.strip() for word in wanted.split(",")}
    return bool(words & {word.strip() for word in received.split(",")})


def full_name(kind: type) -> str:
    """Dotted name of an exception's class; built-in ones stand alone.

    An exception of our own that stands for one of ComfyUI's says so in ``wire_name``.
    """
    stands_for = getattr(kind, "wire_name", None)
    if isinstance(stands_for, str):
        return stands_for
    if kind.__module__ == "builtins":
        return kind.__qualname__
    return f"{kind.__module__}.{kind.__qualname__}"
