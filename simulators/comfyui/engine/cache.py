"""Results of nodes, kept between prompts by what went into them.

A node's signature is its class, its own inputs and those of everything upstream, with files
replaced by their content hash. Equal signatures mean equal results, so the node is not run
again; a cached saving node therefore names the file that its first run wrote.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from simulators.comfyui.engine.links import Graph, is_link, links_of
from simulators.comfyui.options import CacheMode

Signature = Hashable


@dataclass
class Kept:
    """What a node left behind: its outputs, one list for each, and what it showed."""

    outputs: list[list[Any]] | None
    ui: Mapping[str, list[Any]] | None = None


def signatures(
    graph: Graph,
    fingerprint: Callable[[str], Hashable],
    is_bound_to_id: Callable[[str], bool],
) -> dict[str, Signature]:
    """Signature of every node of a graph.

    Args:
        graph: A validated graph.
        fingerprint: State of the files a node reads, by node id.
        is_bound_to_id: Whether results of the node belong to its id alone.
    """

    def own(node_id: str, order: Mapping[str, int]) -> Hashable:
        node = graph.get(node_id)
        if node is None:
            return object()
        parts: list[Hashable] = [node["class_type"], fingerprint(node_id)]
        if is_bound_to_id(node_id):
            parts.append(node_id)
        for name in sorted(node["inputs"]):
            value = node["inputs"][name]
            linked = is_link(value)
            parts.append((name, ("link", order[value[0]], value[1]) if linked else _frozen(value)))
        return tuple(parts)

    result: dict[str, Signature] = {}
    for node_id in graph:
        order = _ancestors(graph, node_id)
        result[node_id] = (own(node_id, order), *(own(other, order) for other in order))
    return result


def _ancestors(graph: Graph, node_id: str) -> dict[str, int]:
    """Everything upstream of a node, numbered in an order that its inputs alone decide."""
    order: dict[str, int] = {}

    def visit(current: str) -> None:
        node = graph.get(current)
        inputs = {} if node is None else node["inputs"]
        for name in sorted(inputs):
            value = inputs[name]
            if is_link(value) and value[0] not in order:
                order[value[0]] = len(order)
                visit(value[0])

    visit(node_id)
    return order


def _frozen(value: Any) -> Hashable:
    if isinstance(value, Mapping):
        return frozenset((key, _frozen(item)) for key, item in value.items())
    if isinstance(value, Sequence) and not isinstance(value, str):
        return tuple(_frozen(item) for item in value)
    return value if isinstance(value, Hashable) else object()


@dataclass(frozen=True)
class Prompt:
    """The graph to run, with the signatures of its nodes."""

    graph: Graph = field(default_factory=dict)
    keys: Mapping[str, Signature] = field(default_factory=dict)


class NodeCache(Protocol):
    """Where the executor looks results up. Node ids are those of the current prompt."""

    def begin(self, prompt: Prompt) -> None:
        """Start a prompt."""

    def get(self, node_id: str) -> Kept | None:
        """What is kept for a node, or None."""

    def put(self, node_id: str, kept: Kept) -> None:
        """Keep what a node left behind."""


@dataclass
class ClassicCache:
    """Keeps the results that the latest prompt can use."""

    _kept: dict[Signature, Kept] = field(default_factory=dict)
    _prompt: Prompt = field(default_factory=Prompt)

    def begin(self, prompt: Prompt) -> None:
        """Forget everything the new prompt has no use for."""
        wanted = set(prompt.keys.values())
        self._prompt = prompt
        self._kept = {key: kept for key, kept in self._kept.items() if key in wanted}

    def get(self, node_id: str) -> Kept | None:
        """What is kept for a node, or None."""
        return self._kept.get(self._prompt.keys.get(node_id))

    def put(self, node_id: str, kept: Kept) -> None:
        """Keep what a node left behind."""
        self._kept[self._prompt.keys[node_id]] = kept


@dataclass
class LruCache:
    """Keeps results over prompts and drops the least recently used beyond ``size``."""

    size: int
    _kept: dict[Signature, Kept] = field(default_factory=dict)
    _prompt: Prompt = field(default_factory=Prompt)

    def begin(self, prompt: Prompt) -> None:
        """Mark what the new prompt uses as recent, then drop the rest beyond the size."""
        self._prompt = prompt
        wanted = set(prompt.keys.values())
        for key in wanted & self._kept.keys():
            self._kept[key] = self._kept.pop(key)
        for key in list(self._kept):
            if len(self._kept) <= self.size:
                break
            if key not in wanted:
                del self._kept[key]

    def get(self, node_id: str) -> Kept | None:
        """What is kept for a node, or None."""
        return self._kept.get(self._prompt.keys.get(node_id))

    def put(self, node_id: str, kept: Kept) -> None:
        """Keep what a node left behind."""
        self._kept[self._prompt.keys[node_id]] = kept


@dataclass
class NoCache:
    """Keeps outputs only until everything that links to them has run."""

    _kept: dict[str, Kept] = field(default_factory=dict)
    _waiting: dict[str, set[str]] = field(default_factory=dict)
    _prompt: Prompt = field(default_factory=Prompt)

    def begin(self, prompt: Prompt) -> None:
        """Forget the last prompt."""
        self._kept = {}
        self._prompt = prompt
        self._waiting = {}
        for node_id, node in prompt.graph.items():
            for source, _ in links_of(node):
                self._waiting.setdefault(source, set()).add(node_id)

    def get(self, node_id: str) -> Kept | None:
        """What is kept for a node, or None."""
        return self._kept.get(node_id)

    def put(self, node_id: str, kept: Kept) -> None:
        """Keep what a node left behind, and let go of outputs nobody waits for any more."""
        self._kept[node_id] = kept
        for source, _ in links_of(self._prompt.graph[node_id]):
            self._waiting[source].discard(node_id)
            if not self._waiting[source] and source in self._kept:
                self._kept[source].outputs = None


def make_cache(mode: CacheMode, size: int) -> NodeCache:
    """The cache behind ``--cache-classic``, ``--cache-lru`` or ``--cache-none``."""
    if mode is CacheMode.NONE:
        return NoCache()
    return LruCache(size) if mode is CacheMode.LRU else ClassicCache()
