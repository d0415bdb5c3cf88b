"""Which graphs are offered: those that some pod was found able to run."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

Runnable = Mapping[str, frozenset[str]]
"""Graphs by the GPU class whose pods can run them; a class of which nothing is known is absent."""


@dataclass(frozen=True)
class CheckedPod:
    """What a pod's server said when it was asked.

    Attributes:
        graphs: names of those it can run.
        is_open: whether the pod is there still.
    """

    gpu_class: str
    graphs: frozenset[str]
    is_open: bool


def runnable(pods: Iterable[CheckedPod]) -> Runnable:
    """What the pods of each class can run: those there are, else those seen last."""
    open_pods: dict[str, frozenset[str]] = {}
    ended: dict[str, frozenset[str]] = {}
    for pod in pods:
        found = open_pods if pod.is_open else ended
        found[pod.gpu_class] = found.get(pod.gpu_class, frozenset()) | pod.graphs
    return ended | open_pods


def is_offered(graph: str, gpu_class: str, known: Runnable, *, needs_models: bool) -> bool:
    """Whether a graph can be asked for.

    Args:
        graph: its name.
        gpu_class: on whose pods it runs.
        known: what these can run. While nothing is known of a class it has the benefit of the
            doubt: its first pod comes when somebody asks for it.
        needs_models: one without runs anywhere.
    """
    return not needs_models or gpu_class not in known or graph in known[gpu_class]
