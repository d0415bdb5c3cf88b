"""Events as frames of a stream (WHATWG HTML, 9.2 "Server-sent events")."""

import json
import random
from dataclasses import dataclass, replace
from datetime import datetime

from fastapi.sse import KEEPALIVE_COMMENT, format_sse_event

from api.documents.events import (
    attempt_waiting,
    event_document,
    job_snapshot,
    order_waiting,
)
from api.waiting import NOBODY_WAITS, WaitingById
from rekindle.contracts.events import EventKind
from rekindle.contracts.statuses import AttemptKind
from rekindle.models import JobEvent
from rekindle.store.events import JobState
from rekindle.store.waiting import WaitingAttempt

KEEPALIVE = KEEPALIVE_COMMENT
"""A comment: clients ignore it, proxies see that the connection lives."""

SNAPSHOT = "job"
"""Kind of the event that holds a job's whole state; it is made for one stream, never stored."""

WAITING = "attempt.waiting"
"""Kind of the event that tells how an attempt waits; it is not in the log either, and has no id."""

ORDER_WAITING = "order.waiting"
"""The same of an attempt at HD."""

_LARGEST_ID = 2**63 - 1
_RETRY_MILLISECONDS = (1000, 3000)


@dataclass(frozen=True, slots=True)
class Frame:
    """One event, ready to be sent to any number of streams; `id` is its place in the log.

    A stream `ends` with a deletion. If the job is had back, its client comes back behind it.
    """

    id: int
    content: bytes
    ends: bool = False


def event_frame(event: JobEvent) -> Frame:
    """The frame of an event from the log."""
    frame = _frame(event.id or 0, event.kind, json.dumps(event_document(event)))
    return replace(frame, ends=event.kind == EventKind.JOB_DELETED)


def snapshot_frame(state: JobState, waiting: WaitingById = NOBODY_WAITS) -> Frame:
    """The frame of a job's state; whoever resumes behind it has missed nothing.

    Args:
        state: of the job.
        waiting: how its unfinished attempts wait.
    """
    return _frame(state.event_id, SNAPSHOT, job_snapshot(state, waiting).model_dump_json())


def waiting_content(attempt: WaitingAttempt, at: datetime) -> bytes:
    """How an attempt waits, as an event without an id: clients keep the last id they had.

    Args:
        attempt: as it was read.
        at: when that was.
    """
    if attempt.kind is AttemptKind.HD:
        told = order_waiting(attempt, at).model_dump_json()
        return format_sse_event(event=ORDER_WAITING, data_str=told)
    data = attempt_waiting(attempt, at).model_dump_json()
    return format_sse_event(event=WAITING, data_str=data)


def retry_frame() -> bytes:
    """Tells the client how long to wait before it comes back.

    A little chance in it: when a server leaves, its clients do not come back at the same moment.
    """
    return format_sse_event(retry=random.randint(*_RETRY_MILLISECONDS))  # noqa: S311


def event_id_in(word: str | None) -> int | None:
    """The id that a client came back with; None when it names no event that could be ours.

    Not an error: whoever comes with a strange id is told how the job stands.
    """
    word = (word or "").strip()
    if not (word.isascii() and word.isdecimal()) or len(word) > len(str(_LARGEST_ID)):
        return None
    return found if (found := int(word)) <= _LARGEST_ID else None


def _frame(event_id: int, kind: str, data: str) -> Frame:
    return Frame(event_id, format_sse_event(id=str(event_id), event=kind, data_str=data))
