"""One ComfyUI server, in the words of its wire."""

from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from enum import Enum, auto
from pathlib import Path
from typing import Any, Protocol
from uuid import UUID

from rekindle.errors import GraphFailed, GraphInterrupted, ModelMissing

Graph = Mapping[str, Any]
"""An API-format graph: node id -> {class_type, inputs}."""


class Whereabouts(Enum):
    """Where a prompt is. Queue and history are read in that order, so UNKNOWN means lost."""

    PENDING = auto()
    RUNNING = auto()
    ENDED = auto()
    UNKNOWN = auto()


@dataclass(frozen=True)
class OutputFile:
    """One file that a node wrote on the server."""

    node: str
    filename: str
    subfolder: str
    kind: str
    """`output`, `temp` or `input`: the server's own word for the folder."""


@dataclass(frozen=True)
class PromptEnd:
    """How a prompt ended, from `/history`.

    Attributes:
        succeeded: status success.
        interrupted: it was cancelled rather than broken (both read "error" on the wire).
        files: every output of every kind, by the order of the nodes' results.
        engine_seconds: between the server's own start and end stamps.
        failed_node_type: class of the node that raised, if any.
        failure: the server's message; may contain paths, so it is for logs only.
        lacks_model: a loader did not find its file. Not every node is checked when it is posted.
    """

    succeeded: bool
    interrupted: bool
    files: tuple[OutputFile, ...]
    engine_seconds: float
    failed_node_type: str | None = None
    failure: str | None = None
    lacks_model: bool = False

    def demand_success(self) -> None:
        """Return if it succeeded.

        Raises:
            GraphInterrupted: it was cancelled.
            ModelMissing: a model file it names is not installed.
            GraphFailed: a node broke.
        """
        if self.interrupted:
            raise GraphInterrupted
        if not self.succeeded:
            broken = ModelMissing if self.lacks_model else GraphFailed
            raise broken(f"{self.failed_node_type}: {self.failure}")


@dataclass(frozen=True)
class PromptStatus:
    """A prompt's place and, once it ended, how."""

    place: Whereabouts
    end: PromptEnd | None = None


@dataclass(frozen=True)
class QueueState:
    """Ids of what runs and what waits on the server."""

    running: frozenset[str] = field(default_factory=frozenset)
    pending: frozenset[str] = field(default_factory=frozenset)


class ProgressListener(Protocol):
    """What the websocket of one client id tells: a hint, never the truth."""

    def fractions(self, prompt_id: UUID, graph: Graph) -> AsyncIterator[float]:
        """Fractions 0..1 of the prompt; ends when it left the server or the socket broke."""
        ...


class Comfy(Protocol):
    """A client of one server. Every call raises `ComfyUnavailable` when it does not answer.

    Uploading, cancelling and fetching are repeated for a few seconds before.
    """

    async def check(self) -> None:
        """Return when the server is ready to take prompts."""
        ...

    async def queue(self) -> QueueState:
        """What runs and waits now."""
        ...

    async def object_info(self) -> Mapping[str, Any]:
        """Every node class the server offers, with its inputs, as the wire has it."""
        ...

    async def models_by_folder(self, folders: Iterable[str]) -> Mapping[str, Sequence[str]]:
        """The model files in those of the folders that the server knows."""
        ...

    async def upload(self, photo: Path, *, folder: str, name: str) -> str:
        """Put a photo into the input folder; the returned name goes into the graph.

        Idempotent: the same folder and name are overwritten.
        """
        ...

    async def status(self, prompt_id: UUID, *, has_ended: bool = False) -> PromptStatus:
        """Where the prompt is: queue first, then history, so that none slips between.

        Args:
            has_ended: it probably has, so that one look into the history mostly suffices.
        """
        ...

    async def submit(self, prompt_id: UUID, graph: Graph, *, client_id: str) -> None:
        """Queue a prompt. NOT idempotent on a bare server: call `status` first.

        After `ComfyUnavailable` nobody knows whether the server took it: ask `status` again.

        Raises:
            GraphRejected: the graph does not fit the server (also when only one branch does not).
            ModelMissing: a model file it names is not installed. Loaders of the newer kind, such
                as `UpscaleModelLoader`, are not checked here: see `PromptEnd.lacks_model`.
        """
        ...

    def listen(self, client_id: str) -> AbstractAsyncContextManager["ProgressListener"]:
        """Open the websocket before submitting, so that no message is missed.

        Never fails: where no socket can be had the listener ends at once, and polling goes on.
        """
        ...

    async def cancel(self, prompt_id: UUID) -> None:
        """Take the prompt off the queue, or interrupt it if it runs. Idempotent."""
        ...

    async def fetch(self, file: OutputFile, target: Path) -> None:
        """Download one output. Raises `ResultUnreadable` when it is absent or empty."""
        ...

    async def forget(self, prompt_id: UUID) -> None:
        """Drop the prompt's history entry. Idempotent."""
        ...
