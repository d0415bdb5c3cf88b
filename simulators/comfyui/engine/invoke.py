"""Calls the function behind a node."""

from __future__ import annotations

from typing import Any

import numpy as np

from simulators.comfyui.engine.cache import Kept
from simulators.comfyui.nodes.context import NodeContext, Result
from simulators.comfyui.nodes.declare import NodeClass


def invoke(node: NodeClass, inputs: dict[str, list[Any]], context: NodeContext) -> Kept:
    """Run a node once, or once for each value when an input is a list."""
    leading = (context,) if node.uses_context else ()
    if node.input_is_list:
        results = [_as_result(node.run(*leading, **inputs))]
    else:
        times = max((len(values) for values in inputs.values()), default=1)
        results = [
            _as_result(
                node.run(*leading, **{n: v[i if i < len(v) else -1] for n, v in inputs.items()})
            )
            for i in range(times)
        ]
    lists = node.output_is_list or (False,) * len(node.outputs)
    outputs = [
        [v for r in results for v in r.outputs[i]] if is_list else [r.outputs[i] for r in results]
        for i, is_list in enumerate(lists)
    ]
    ui = {key: [shown for r in results for shown in r.ui[key]] for key in results[0].ui}
    return Kept(outputs, ui or None)


def _as_result(returned: Any) -> Result:
    if isinstance(returned, Result):
        return returned
    return Result(returned if isinstance(returned, tuple) else (returned,))


def as_text(value: Any) -> Any:
    """A value as an error message shows it; plain ones stay what they are."""
    if value is None or isinstance(value, int | float | str):
        return value
    if isinstance(value, np.ndarray):
        return f"tensor({np.array2string(value, separator=', ', prefix='tensor(')})"
    return str(value)
