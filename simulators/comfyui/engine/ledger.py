"""A written record of what became of every prompt; it outlives the engine's own memory.

ComfyUI forgets its queue and history when it dies. A test that kills an engine still has to
know how often a prompt ran, so each run is noted in a file of JSON lines as it happens. Lines
are handed to the kernel one by one, which is enough to survive ``kill -9`` of this process.
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

FILE_NAME = "simulator-ledger.jsonl"
LOST = "lost"


@dataclass
class Run:
    """One acceptance of a prompt; the same prompt id posted twice makes two runs.

    Attributes:
        outcome: None while queued or running; then success, error, interrupted, deleted, or
            lost when the process died first.
        executed: Ids of the nodes that really ran, in order; known once the run has ended.
    """

    run: str
    prompt_id: str
    client_id: str | None
    accepted_at: float
    started_at: float | None = None
    ended_at: float | None = None
    outcome: str | None = None
    executed: list[str] = field(default_factory=list)


class Ledger:
    """Appends to the ledger file and answers from memory. Safe to use from any thread."""

    def __init__(self, base_directory: Path, clock: Callable[[], float] = time.time) -> None:
        self._path = base_directory / FILE_NAME
        self._clock = clock
        self._lock = threading.Lock()
        self._runs: dict[str, Run] = {}
        self._boots = 0
        self._file = open(self._path, "a+b", buffering=0)  # noqa: SIM115  open for life
        for line in self._earlier_lines():
            self._apply(line)
        self._accepted = 0
        self._note("boot")

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def accepted(self, prompt_id: str, client_id: str | None) -> str:
        """Note that a prompt entered the queue; returns the name of this run."""
        with self._lock:
            self._accepted += 1
            run = f"{self._boots}-{self._accepted}"
            self._write("accepted", run=run, prompt_id=prompt_id, client_id=client_id)
        return run

    def started(self, run: str) -> None:
        """Note that a run left the queue for execution."""
        self._note("started", run=run)

    def ended(self, run: str, outcome: str, executed: list[str]) -> None:
        """Note how a run ended."""
        self._note("ended", run=run, outcome=outcome, executed=executed)

    def deleted(self, run: str) -> None:
        """Note that a run was taken out of the queue."""
        self._note("ended", run=run, outcome="deleted", executed=[])

    def runs(self) -> list[dict[str, Any]]:
        """All runs in order of acceptance, those of earlier processes included."""
        with self._lock:
            return [asdict(run) for run in self._runs.values()]

    @property
    def boots(self) -> int:
        """How often an engine was started on this directory."""
        return self._boots

    def _earlier_lines(self) -> Iterator[dict[str, Any]]:
        """Lines of earlier processes; a last one that a crash cut off is cut away."""
        self._file.seek(0)
        whole, newline, _ = self._file.read().rpartition(b"\n")
        self._file.truncate(len(whole) + len(newline))
        for line in whole.splitlines():
            yield json.loads(line)

    def _note(self, event: str, **fields: Any) -> None:
        with self._lock:
            self._write(event, **fields)

    def _write(self, event: str, **fields: Any) -> None:
        line = {"event": event, "at": self._clock(), **fields}
        self._file.write(json.dumps(line).encode() + b"\n")
        self._apply(line)

    def _apply(self, line: dict[str, Any]) -> None:
        event = line["event"]
        if event == "boot":
            self._boots += 1
            for run in self._runs.values():
                run.outcome = run.outcome or LOST
        elif event == "accepted":
            run = Run(line["run"], line["prompt_id"], line["client_id"], line["at"])
            self._runs[run.run] = run
        elif event == "started":
            self._runs[line["run"]].started_at = line["at"]
        elif event == "ended":
            run = self._runs[line["run"]]
            run.ended_at, run.outcome = line["at"], line["outcome"]
            run.executed = line["executed"]
