"""Which node runs next."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from simulators.comfyui.engine.links import Graph, links_of


class ExecutionPlan:
    """The nodes that wanted outputs need, released one by one as their inputs are done.

    Among the nodes that could run, one that saves something goes first, then one that feeds
    such a node, then one that feeds the feeder; ties keep the order of discovery. That is the
    order ComfyUI runs nodes in, and clients see it.
    """

    def __init__(
        self,
        graph: Graph,
        outputs: Iterable[str],
        is_cached: Callable[[str], bool],
        is_output: Callable[[str], bool],
    ) -> None:
        self._is_output = is_output
        self._blockers: dict[str, set[str]] = {}
        self._blocks: dict[str, set[str]] = {}
        for output in outputs:
            self._discover(graph, output, is_cached)

    def _discover(self, graph: Graph, output: str, is_cached: Callable[[str], bool]) -> None:
        to_visit = [output]
        while to_visit:
            node_id = to_visit.pop()
            if node_id in self._blockers:
                continue
            sources = [s for s, _ in links_of(graph[node_id]) if not is_cached(s)]
            self._blockers[node_id] = set(sources)
            self._blocks.setdefault(node_id, set())
            for source in sources:
                self._blocks.setdefault(source, set()).add(node_id)
            to_visit.extend(sources)

    def next(self) -> str | None:
        """The node to run now; None when all have run."""
        ready = [node_id for node_id, blockers in self._blockers.items() if not blockers]
        return min(ready, key=self._distance_to_output) if ready else None

    def done(self, node_id: str) -> None:
        """Tell that a node has run."""
        del self._blockers[node_id]
        for blocked in self._blocks.pop(node_id):
            self._blockers[blocked].discard(node_id)

    def _distance_to_output(self, node_id: str) -> int:
        fed = [node_id]
        for distance in range(3):
            if any(self._is_output(other) for other in fed):
                return distance
            fed = [after for other in fed for after in self._blocks.get(other, ())]
        return 3
