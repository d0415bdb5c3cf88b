"""The commands of each workflow, in their order in the code, are those that were recorded.

    .venv/bin/python tests/replay/test_fingerprints.py    # writes them anew

Replay finds a change only on the ways that were recorded; this finds it everywhere.
"""

import ast
import json
from collections.abc import Iterator
from pathlib import Path

import workflows_temporal

RECORDED = Path(__file__).with_name("fingerprints.json")
ROOM = Path(workflows_temporal.__file__).parent
COMMANDS = {
    "execute_activity_method",
    "start_activity_method",
    "start_child_workflow",
    "execute_child_workflow",
    "wait_condition",
    "sleep",
    "continue_as_new",
    "upsert_search_attributes",
    "upsert_memo",
    "get_external_workflow_handle",
    "patched",
    "deprecate_patch",
    "uuid4",
    "random",
}
"""Calls of `temporalio.workflow` that make a command, or draw from what replay must repeat.

Also `cancel` and `signal` of a handle, told by what they are called on.
"""
WHAT_TO_DO = """
The commands of a workflow have changed, so histories of running workflows may no longer replay.
Until the first release: record both anew, and look at the difference:
    .venv/bin/python tests/replay/record.py && .venv/bin/python tests/replay/test_fingerprints.py
After it: keep the old commands behind `workflow.patched`, or release a new pinned version."""

Fingerprints = dict[str, dict[str, list[str]]]


def fingerprints() -> Fingerprints:
    """By module and function: its commands, and its calls of functions of ours that have some."""
    modules = {path.stem: ast.parse(path.read_text()) for path in sorted(ROOM.glob("*.py"))}
    functions = {
        (module, name): list(_calls(body))
        for module, tree in modules.items()
        for name, body in _functions(tree)
    }
    having: set[str] = set()
    while having != (more := _short({k for k, calls in functions.items() if _told(calls, having)})):
        having = more
    found: Fingerprints = {}
    for (module, name), calls in functions.items():
        if told := _told(calls, having):
            found.setdefault(module, {})[name] = told
    return found


def _functions(
    node: ast.AST, within: str = ""
) -> Iterator[tuple[str, ast.FunctionDef | ast.AsyncFunctionDef]]:
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.ClassDef):
            yield from _functions(child, f"{within}{child.name}.")
        elif isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef):
            yield f"{within}{child.name}", child


def _calls(function: ast.AST) -> Iterator[tuple[str, str]]:
    """What is called, and the call as it is told, in the order of the source."""
    calls = [node for node in ast.walk(function) if isinstance(node, ast.Call)]
    for call in sorted(calls, key=lambda each: (each.lineno, each.col_offset)):
        called = ast.unparse(call.func)
        names = {word.arg: ast.unparse(word.value) for word in call.keywords if word.arg}
        what = ast.unparse(call.args[0]) if call.args else ""
        kept = [
            f"{name}={names[name]}" for name in ("task_queue", "id", "timeout") if name in names
        ]
        yield called, f"{called}({', '.join([what, *kept] if what else kept)})"


def _told(calls: list[tuple[str, str]], having: set[str]) -> list[str]:
    told = []
    for called, text in calls:
        owner, _, name = called.rpartition(".")
        if (owner == "workflow" and name in COMMANDS) or (owner == "render" and name == "cancel"):
            told.append(text)
        elif name in having and owner in ("self", "self._renders", ""):
            told.append(called)
    return told


def _short(names: set[tuple[str, str]]) -> set[str]:
    return {name.rpartition(".")[2] for _, name in names}


def test_the_commands_of_every_workflow_are_those_that_were_recorded() -> None:
    assert fingerprints() == json.loads(RECORDED.read_text()), WHAT_TO_DO


def test_every_workflow_has_commands() -> None:
    told = fingerprints()
    assert "execute_activity_method" in str(told["render"]["Render._finish"])
    assert told["render"]["Render._succeed"] == [
        "self._master",
        "self._finish",
        "self._prepare_next",
    ]
    assert {"gpu_pod", "photo_job", "render", "renders"} <= told.keys()


if __name__ == "__main__":
    RECORDED.write_text(json.dumps(fingerprints(), indent=1) + "\n")
