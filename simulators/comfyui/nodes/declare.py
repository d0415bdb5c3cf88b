"""How a node is declared: its inputs, outputs and the function that runs it.

The declarations are the single source of /object_info, of validation and of execution.
ComfyUI has two generations of node classes whose /object_info differs: a V1 node lists the
options of a combo in place of its type and they are validated; a V3 node says ``COMBO`` and
its options are not validated. Which generation a class belongs to is a fact about 0.3.64.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import Any, TypeVar

from simulators.comfyui.folders import Folders
from simulators.comfyui.shelf import ModelShelf

MAX_RESOLUTION = 16384
MAX_SEED = 0xFFFF_FFFF_FFFF_FFFF

Function = TypeVar("Function", bound=Callable[..., Any])
InputInfo = tuple[Any, dict[str, Any]]
"""Type (a word, or the list of a V1 combo's options) and configuration of an input."""


class Schema(Enum):
    """Generation of a node class."""

    V1 = "v1"
    V3 = "v3"


@dataclass(frozen=True)
class Surroundings:
    """What options of an input can depend on: the files that lie around now."""

    folders: Folders
    shelf: ModelShelf


Options = Callable[[Surroundings], list[str]]


@dataclass(frozen=True)
class Input:
    """One declared input.

    Attributes:
        kind: Type word, such as ``IMAGE``, ``INT`` or ``COMBO``.
        options: For a combo: the fixed options, or a function that lists them.
        model_folder: For a combo of model files: the folder they come from.
    """

    name: str
    kind: str
    config: Mapping[str, Any] = field(default_factory=dict)
    required: bool = True
    options: Sequence[str] | Options | None = None
    model_folder: str | None = None

    def info(self, schema: Schema, around: Surroundings) -> InputInfo:
        """Type and configuration as the schema's generation presents them."""
        if self.options is None:
            return self.kind, dict(self.config)
        listed = self.options(around) if callable(self.options) else list(self.options)
        if schema is Schema.V1:
            return listed, dict(self.config)
        return "COMBO", {"multiselect": False, "options": listed, **self.config}


@dataclass(frozen=True)
class NodeClass:
    """One class of nodes.

    Attributes:
        run: Called with the inputs by name; returns one value, a tuple of values or a Result.
        uses_context: ``run`` takes a NodeContext first.
        validate: Custom check of the inputs named in ``validated``, which skip the range and
            list checks; returns True or the sentence of the failure.
        fingerprint: Value that joins the cache key, for nodes that read files.
    """

    name: str
    run: Callable[..., Any]
    inputs: tuple[Input, ...] = ()
    outputs: tuple[str, ...] = ()
    output_names: tuple[str, ...] = ()
    category: str = ""
    module: str = "nodes"
    display: str | None = None
    schema: Schema = Schema.V1
    output_node: bool = False
    hidden: tuple[str, ...] = ()
    uses_context: bool = False
    input_is_list: bool = False
    output_is_list: tuple[bool, ...] = ()
    experimental: bool = False
    validated: frozenset[str] = frozenset()
    validate: Callable[..., bool | str] | None = None
    fingerprint: Callable[..., Any] | None = None

    def input_types(self, around: Surroundings) -> dict[str, tuple[InputInfo, bool]]:
        """Info and required flag of every input, by name, in declared order."""
        return {i.name: (i.info(self.schema, around), i.required) for i in self.inputs}

    def describe(self, around: Surroundings) -> dict[str, Any]:
        """The entry of this class in /object_info."""
        groups = self._groups(around)
        lists = self.output_is_list or (False,) * len(self.outputs)
        entry: dict[str, Any] = {
            "input": groups,
            "input_order": {group: list(names) for group, names in groups.items()},
            "output": list(self.outputs),
            "output_is_list": list(lists),
            "output_name": list(self.output_names or self.outputs),
            "name": self.name,
            "display_name": self.display,
            "description": "",
            "python_module": self.module,
            "category": self.category,
            "output_node": self.output_node,
        }
        if self.schema is Schema.V3:
            entry |= {
                "output_tooltips": [None] * len(self.outputs),
                "deprecated": False,
                "experimental": self.experimental,
                "api_node": False,
            }
        else:
            entry["display_name"] = self.display or self.name
            if self.experimental:
                entry["experimental"] = True
        return entry

    def _groups(self, around: Surroundings) -> dict[str, dict[str, Any]]:
        groups: dict[str, dict[str, Any]] = {"required": {}}
        for declared in self.inputs:
            kind, config = declared.info(self.schema, around)
            bare = self.schema is Schema.V1 and not config
            group = groups.setdefault("required" if declared.required else "optional", {})
            group[declared.name] = [kind] if bare else [kind, config]
        if self.hidden:
            v1 = self.schema is Schema.V1
            groups["hidden"] = {n: n.upper() if v1 else [n.upper()] for n in self.hidden}
        return groups


class NodeSet:
    """The node classes of one theme; ``add`` declares one on its function."""

    def __init__(self, **defaults: Any) -> None:
        self._defaults = defaults
        self.classes: list[NodeClass] = []

    def add(
        self, name: str, *inputs: Input, outputs: Sequence[str] = (), **rest: Any
    ) -> Callable[[Function], Function]:
        """Declare the decorated function as the node class ``name``.

        Args:
            name: Class name as graphs write it.
            inputs: Declared inputs, in order.
            outputs: Output types, in order.
            rest: Further fields of NodeClass; they win over the set's defaults.
        """

        def declare(function: Function) -> Function:
            fields = self._defaults | rest
            self.classes.append(
                NodeClass(name=name, run=function, inputs=inputs, outputs=tuple(outputs), **fields)
            )
            return function

        return declare
