"""Runs one prompt: which nodes, with what inputs, and what clients hear meanwhile."""

from __future__ import annotations

import time
import traceback
from collections.abc import Callable, Hashable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from simulators.comfyui.engine.cache import Kept, NodeCache, Prompt, make_cache, signatures
from simulators.comfyui.engine.injector import FaultInjector, OutOfMemory
from simulators.comfyui.engine.interrupt import InterruptFlag
from simulators.comfyui.engine.invoke import as_text, invoke
from simulators.comfyui.engine.links import Graph, Node, is_link
from simulators.comfyui.engine.outbox import TEXT_FRAME, Outbox, text_frame
from simulators.comfyui.engine.plan import ExecutionPlan
from simulators.comfyui.engine.progress import ProgressBoard
from simulators.comfyui.engine.prompt_queue import Ending, Item
from simulators.comfyui.engine.validation import full_name
from simulators.comfyui.nodes.context import Interrupted, NodeContext
from simulators.comfyui.nodes.declare import NodeClass, Schema
from simulators.comfyui.nodes.registry import NodeCatalog
from simulators.comfyui.options import Options


@dataclass
class _Job:
    """State of the prompt that runs."""

    prompt_id: str
    graph: Graph
    extra_data: dict[str, Any]
    board: ProgressBoard
    executed: list[str] = field(default_factory=list)
    messages: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    completed: bool = False


@dataclass(eq=False)
class _Failure(Exception):
    """A node raised; carries what clients are told about it."""

    node_id: str
    cause: BaseException
    inputs: dict[str, list[Any]]


class Executor:
    """Executes prompts one after the other, in one thread."""

    def __init__(
        self,
        catalog: NodeCatalog,
        outbox: Outbox,
        faults: FaultInjector,
        interrupt: InterruptFlag,
        options: Options,
    ) -> None:
        self._catalog = catalog
        self._outbox = outbox
        self._faults = faults
        self._interrupt = interrupt
        self._options = options
        self._cache = self._new_cache()

    def _new_cache(self) -> NodeCache:
        return make_cache(self._options.cache, self._options.cache_size)

    def forget_results(self) -> None:
        """Empty the node cache, as ``/free`` with ``free_memory`` asks."""
        self._cache = self._new_cache()

    def run(self, item: Item) -> tuple[Ending, list[str]]:
        """Execute a prompt to its end, whatever that is.

        Returns:
            The history entry's content, and the ids of the nodes that really ran.
        """
        _, prompt_id, graph, extra_data, outputs = item
        self._interrupt.lower()
        self._outbox.client_id = extra_data.get("client_id")
        board = ProgressBoard(prompt_id, lambda data: self._send("progress_state", data))
        job = _Job(prompt_id, graph, extra_data, board)
        self._message(job, "execution_start", {"prompt_id": prompt_id})
        keys = signatures(graph, self._fingerprints(graph), self._is_bound(graph))
        self._cache.begin(Prompt(graph, keys))
        cached = [node_id for node_id in graph if self._is_cached(node_id)]
        self._message(job, "execution_cached", {"nodes": cached, "prompt_id": prompt_id})
        self._run_nodes(job, outputs)
        self._outbox.last_node_id = None
        return self._ending(job), job.executed

    def _run_nodes(self, job: _Job, outputs: list[str]) -> None:
        plan = ExecutionPlan(
            job.graph,
            outputs,
            self._is_cached,
            lambda node_id: self._class_of(job.graph[node_id]).output_node,
        )
        try:
            while (node_id := plan.next()) is not None:
                self._run_node(job, node_id)
                plan.done(node_id)
        except _Failure as failure:
            self._report(job, failure)
        else:
            job.completed = True
            self._message(job, "execution_success", {"prompt_id": job.prompt_id})

    def _run_node(self, job: _Job, node_id: str) -> None:
        kept = self._cache.get(node_id)
        if kept is not None and kept.outputs is not None:
            self._tell_executed(job, node_id, kept.ui)
            job.board.finish(node_id)
            return
        inputs: dict[str, list[Any]] = {}
        try:
            kept = self._execute(job, node_id, inputs)
        except Exception as cause:
            raise _Failure(node_id, cause, inputs) from cause
        if kept.ui:
            self._tell_executed(job, node_id, kept.ui)
        self._cache.put(node_id, kept)
        job.board.finish(node_id)
        job.executed.append(node_id)

    def _execute(self, job: _Job, node_id: str, inputs: dict[str, list[Any]]) -> Kept:
        node = self._class_of(job.graph[node_id])
        job.board.start(node_id)
        inputs.update(self._gather(job.graph[node_id], node))
        if self._outbox.client_id is not None:
            self._outbox.last_node_id = node_id
            executing = {"node": node_id, "display_node": node_id, "prompt_id": job.prompt_id}
            self._send("executing", executing)
        self._interrupt.check()
        self._faults.before_node(
            node.name, lambda *done: self._progress(job, node_id, *done), self._interrupt.check
        )
        kept = invoke(node, inputs, self._context(job, node_id))
        self._faults.after_node(node.name, self._written(kept))
        return kept

    def _written(self, kept: Kept) -> list[Path]:
        """The files that a node says it saved."""
        folders = self._catalog.around.folders
        shown = [item for items in (kept.ui or {}).values() for item in items]
        files = [item for item in shown if isinstance(item, dict) and "filename" in item]
        return [
            (folders.by_type(file["type"]) or folders.output) / file["subfolder"] / file["filename"]
            for file in files
        ]

    def _gather(self, given: Node, node: NodeClass) -> dict[str, list[Any]]:
        """Inputs of a node by name, each as a list of values."""
        declared = {i.name for i in node.inputs}
        gathered: dict[str, list[Any]] = {}
        for name, value in given["inputs"].items():
            if is_link(value):
                source = self._cache.get(value[0])
                outputs = source.outputs if source is not None and source.outputs else []
                gathered[name] = outputs[value[1]] if value[1] < len(outputs) else [None]
            elif name in declared:
                gathered[name] = [value]
        return gathered

    def _context(self, job: _Job, node_id: str) -> NodeContext:
        def step(value: int, maximum: int) -> None:
            self._faults.before_step(self._interrupt.check)
            self._progress(job, node_id, value, maximum)

        return NodeContext(
            node_id=node_id,
            folders=self._catalog.around.folders,
            shelf=self._catalog.around.shelf,
            prompt=job.graph,
            extra_pnginfo=job.extra_data.get("extra_pnginfo"),
            write_metadata=not self._options.disable_metadata,
            step=step,
            send_text=lambda text: self._outbox.send(TEXT_FRAME, text_frame(node_id, text), None),
        )

    def _progress(self, job: _Job, node_id: str, value: int, maximum: int) -> None:
        self._interrupt.check()
        job.board.update(node_id, value, maximum)
        self._send(
            "progress",
            {"value": value, "max": maximum, "prompt_id": job.prompt_id, "node": node_id},
        )

    def _report(self, job: _Job, failure: _Failure) -> None:
        node_id = failure.node_id
        told: dict[str, Any] = {
            "prompt_id": job.prompt_id,
            "node_id": node_id,
            "node_type": job.graph[node_id]["class_type"],
            "executed": list(job.executed),
        }
        if isinstance(failure.cause, Interrupted):
            self._message(job, "execution_interrupted", told, to_everyone=True)
            return
        advice = failure.cause.advice if isinstance(failure.cause, OutOfMemory) else ""
        told |= {
            "exception_message": f"{failure.cause}\n{advice}",
            "exception_type": full_name(type(failure.cause)),
            "traceback": traceback.format_tb(failure.cause.__traceback__),
            "current_inputs": self._shown_inputs(job, failure),
            # The ids of all nodes of the graph, not only of those with outputs: measured.
            "current_outputs": list(job.graph),
        }
        self._message(job, "execution_error", told)

    def _shown_inputs(self, job: _Job, failure: _Failure) -> dict[str, list[Any]]:
        """Inputs of the failed node as text; a V1 node counts its hidden ones as well."""
        node = self._class_of(job.graph[failure.node_id])
        given = dict(failure.inputs)
        if given and node.schema is Schema.V1:
            hidden = {
                "prompt": job.graph,
                "extra_pnginfo": job.extra_data.get("extra_pnginfo"),
                "unique_id": failure.node_id,
            }
            given |= {name: [hidden[name]] for name in node.hidden}
        return {name: [as_text(value) for value in values] for name, values in given.items()}

    def _ending(self, job: _Job) -> Ending:
        outputs: dict[str, Any] = {}
        meta: dict[str, Any] = {}
        for node_id in job.graph:
            kept = self._cache.get(node_id)
            if kept is not None and kept.ui:
                outputs[node_id] = kept.ui
                meta[node_id] = {
                    "node_id": node_id,
                    "display_node": node_id,
                    "parent_node": None,
                    "real_node_id": node_id,
                }
        return Ending(outputs, meta, job.messages, job.completed)

    def _tell_executed(self, job: _Job, node_id: str, ui: Any) -> None:
        if self._outbox.client_id is not None:
            told = {"node": node_id, "display_node": node_id, "output": ui or None}
            self._send("executed", {**told, "prompt_id": job.prompt_id})

    def _message(
        self, job: _Job, event: str, data: dict[str, Any], to_everyone: bool = False
    ) -> None:
        """Keep a message for the history; send it unless it belongs to no client."""
        data = {**data, "timestamp": int(time.time() * 1000)}
        job.messages.append((event, data))
        if self._outbox.client_id is not None or to_everyone:
            self._send(event, data)

    def _send(self, event: str, data: dict[str, Any]) -> None:
        """Send to the prompt's client; a prompt without one reaches every client."""
        self._outbox.send(event, data, self._outbox.client_id)

    def _is_cached(self, node_id: str) -> bool:
        kept = self._cache.get(node_id)
        return kept is not None and kept.outputs is not None

    def _class_of(self, node: Node) -> NodeClass:
        found = self._catalog.get(node["class_type"])
        if found is None:
            raise KeyError(node["class_type"])
        return found

    def _is_bound(self, graph: Graph) -> Callable[[str], bool]:
        return lambda node_id: "unique_id" in self._class_of(graph[node_id]).hidden

    def _fingerprints(self, graph: Graph) -> Callable[[str], Hashable]:
        """State of the files nodes read; computed once, and written into the graph.

        ComfyUI leaves ``is_changed`` in the graph too, so it shows in the files' metadata. A
        node whose file cannot be read is never equal to anything, and so never cached.
        """
        known: dict[str, Hashable] = {}

        def fingerprint(node_id: str) -> Hashable:
            node = self._class_of(graph[node_id])
            if node.fingerprint is None:
                return None
            if node_id not in known:
                inputs = graph[node_id]["inputs"]
                given = {n: None if is_link(v) else v for n, v in inputs.items()}
                try:
                    state = node.fingerprint(self._catalog.around.folders, **given)
                    graph[node_id]["is_changed"] = [state]
                    known[node_id] = state
                except Exception:
                    graph[node_id]["is_changed"] = float("nan")
                    known[node_id] = object()
            return known[node_id]

        return fingerprint
