"""The ComfyUI engine without its HTTP side: prompts run in the test's own thread."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from simulators.comfyui.engine.engine import Engine
from simulators.comfyui.options import Options

Graph = dict[str, Any]


class Recorder:
    """An outbox that keeps everything, and may react to it."""

    def __init__(self) -> None:
        self.client_id: str | None = None
        self.last_node_id: str | None = None
        self.sent: list[tuple[Any, Any, str | None]] = []
        self.react: Callable[[Any, Any], None] = lambda _event, _data: None

    def send(self, event: Any, data: Any, sid: str | None) -> None:
        self.sent.append((event, data, sid))
        self.react(event, data)

    def to(self, sid: str | None) -> list[str]:
        """Names of what one client was sent; None: of what all were sent."""
        return [event for event, _, receiver in self.sent if receiver == sid]


class Bench:
    """An engine whose worker is the test."""

    def __init__(self, options: Options) -> None:
        self.outbox = Recorder()
        self.engine = Engine(options, self.outbox)

    def post(self, graph: Graph, **more: Any) -> str:
        """Queue a graph that has to be accepted."""
        prompt_id = str(more.pop("prompt_id", uuid4()))
        verdict, _, _ = self.engine.submit({"prompt": graph, "prompt_id": prompt_id, **more})
        assert verdict.error is None, verdict
        return prompt_id

    def work(self) -> None:
        """Run the next prompt, as the worker thread does."""
        queued = self.engine.queue.take()
        assert queued is not None
        self.engine._run(queued)

    def run(self, graph: Graph, **more: Any) -> dict[str, Any]:
        """Post a graph, run it, and return its history entry."""
        prompt_id = self.post(graph, **more)
        self.work()
        return dict(self.engine.queue.history_of(prompt_id)[prompt_id])

    def last_message(self, entry: dict[str, Any]) -> tuple[str, dict[str, Any]]:
        """The message that says how a prompt ended."""
        event, data = entry["status"]["messages"][-1]
        return event, data


@pytest.fixture
def make_bench(tmp_path: Path) -> Iterator[Callable[..., Bench]]:
    """Build engines over one folder; ``make_bench(cache=CacheMode.NONE)``."""
    made: list[Bench] = []

    def make(**options: Any) -> Bench:
        made.append(Bench(Options(tmp_path / "base", **options)))
        return made[-1]

    yield make
    for bench in made:
        bench.engine.ledger.close()


@pytest.fixture
def bench(make_bench: Callable[..., Bench]) -> Bench:
    """An engine with default options."""
    return make_bench()


@pytest.fixture
def two_nodes() -> Callable[..., Graph]:
    """A graph that saves a plain picture."""

    def graph(prefix: str = "out", **changes: Any) -> Graph:
        size = {"width": 8, "height": 6, "batch_size": 1, "color": 0} | changes
        return {
            "1": {"class_type": "EmptyImage", "inputs": size},
            "2": {
                "class_type": "SaveImage",
                "inputs": {"images": ["1", 0], "filename_prefix": prefix},
            },
        }

    return graph
