"""What one restoration asks of Postgres, S3 and Temporal, counted: exact on any machine."""

from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from sqlalchemy import event
from sqlalchemy.engine import Engine
from temporalio.client import WorkflowHistory

from deploy.bench.measures import Measure
from rekindle.adapters.s3 import S3Store
from rekindle.contracts.events import EventKind
from rekindle.ports.objects import ObjectStore


class Meter:
    """What this process asked of Postgres and S3 since it was last reset.

    Progress is counted apart: how often it is written depends on how long a graph takes.
    """

    def __init__(self) -> None:
        """Nothing was asked yet."""
        self.statements = self.progress_writes = self.transactions = 0
        self.requests: Counter[str] = Counter()

    def reset(self) -> None:
        """Count from zero."""
        self.statements = self.progress_writes = self.transactions = 0
        self.requests.clear()

    @contextmanager
    def on_database(self) -> Iterator[None]:
        """Count the statements and commits of every pool of this process while the block runs."""
        watched = {
            "before_cursor_execute": self._note_statement,
            "commit": self._note_commit,
        }
        for name, note in watched.items():
            event.listen(Engine, name, note)
        try:
            yield
        finally:
            for name, note in watched.items():
                event.remove(Engine, name, note)

    def on_objects(self, store: ObjectStore) -> None:
        """Count the requests of an S3 store from now on.

        Raises:
            TypeError: the store does not speak S3.
        """
        if not isinstance(store, S3Store):
            raise TypeError(f"{type(store).__name__} sends no S3 requests")
        # How many requests a store sends is nobody's business but a bench's: no port has it.
        store._client.meta.events.register("before-send.s3", self._note_request)

    def _note_request(self, event_name: str, **_: Any) -> None:
        self.requests[event_name.rpartition(".")[2]] += 1

    def _note_statement(
        self, _connection: Any, _cursor: Any, _sql: str, given: Any, *_: Any
    ) -> None:
        values = given.values() if isinstance(given, Mapping) else given
        if EventKind.ATTEMPT_PROGRESS in values:
            self.progress_writes += 1
        else:
            self.statements += 1

    def _note_commit(self, *_: Any) -> None:
        self.transactions += 1


@dataclass(frozen=True)
class HistorySize:
    """How long a workflow's history is."""

    events: int
    bytes: int
    activities: int

    @classmethod
    def of(cls, history: WorkflowHistory) -> "HistorySize":
        """Of a whole history; an activity counts once, however often it was tried."""
        return cls(
            events=len(history.events),
            bytes=sum(each.ByteSize() for each in history.events),
            activities=sum(
                each.HasField("activity_task_scheduled_event_attributes") for each in history.events
            ),
        )

    def since(self, earlier: "HistorySize") -> "HistorySize":
        """What has come to it."""
        return HistorySize(
            self.events - earlier.events,
            self.bytes - earlier.bytes,
            self.activities - earlier.activities,
        )


@dataclass(frozen=True)
class RestoreCounts:
    """One restoration, from the request to the job's knowing of its end.

    Attributes:
        statements: SQL statements but for writes of progress.
        progress_writes: those, at most two a second.
        transactions: that were committed.
        requests: S3 requests by operation.
        render: the whole history of the attempt's `Render`.
        job: what came to the history of its `PhotoJob`.
        seconds: from the request to the attempt's success.
    """

    statements: int
    progress_writes: int
    transactions: int
    requests: Mapping[str, int]
    render: HistorySize
    job: HistorySize
    seconds: float

    def rows(self) -> list[Measure]:
        """One for each quantity."""
        requests = ", ".join(f"{name} {n}" for name, n in sorted(self.requests.items()))
        progress = f"and {self.progress_writes} of progress; {self.transactions} transactions"
        render, job = self.render, self.job
        parts = {
            "sql_statements": ("SQL statements", self.statements, progress),
            "s3_requests": ("S3 requests", sum(self.requests.values()), requests),
            "activities": ("activities", render.activities + job.activities, ""),
            "workflow_events": (
                "workflow events",
                render.events + job.events,
                f"Render {render.events}, PhotoJob {job.events}",
            ),
            "history_bytes": (
                "bytes in histories",
                render.bytes + job.bytes,
                f"Render {render.bytes}, PhotoJob {job.bytes}",
            ),
        }
        return [
            Measure(name, f"a restoration: {what}", value, "", note=note)
            for name, (what, value, note) in parts.items()
        ]
