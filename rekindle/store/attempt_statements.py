"""The statements behind `rekindle.store.attempts`, each made once, then executed again and again.

Making one takes longer than the database does. One that changes something also writes the event
that tells so, and has a row.
"""

from collections.abc import Callable, Mapping, Sequence
from functools import cache
from typing import Any
from uuid import UUID

from sqlalchemy import (
    Case,
    ColumnElement,
    Select,
    Text,
    Update,
    bindparam,
    case,
    func,
    inspect,
    literal,
    or_,
    select,
    update,
)
from sqlalchemy.dialects.postgresql import Insert, insert
from sqlmodel import col

from rekindle.contracts.events import EventKind, attempt_ended
from rekindle.contracts.statuses import UNFINISHED, AttemptKind, AttemptStatus
from rekindle.models import Attempt, Job
from rekindle.store import events, uses

_TOLD = ("kind", "status", "stage", "progress", "error_code")
_TOLD_OF_ORDER = ("order_id", "stage", "progress")
_NAMED = ("job_id", "id", "source_id", "order_id", *_TOLD)


@cache
def recording() -> Select[int, None]:
    """The statement of `record`."""
    names = inspect(Attempt).columns.keys()
    given = _given(*names)
    turn = events.turn(select(col(Job.id)).where(col(Job.id) == given["job_id"]))
    values: dict[str, ColumnElement[Any]] = {
        **given,
        "job_id": turn.c.job_id,
        "created_at": func.clock_timestamp(),
    }
    added = (
        insert(Attempt)
        .from_select(list(values), select(*values.values()).select_from(turn))
        .on_conflict_do_nothing()
    )
    return _telling(added, EventKind.ATTEMPT_QUEUED)


@cache
def advancing() -> Select[int, None]:
    """The statement of `advance`."""
    id_, try_number, stage, progress, pod_id = _given(
        "id", "try_number", "stage", "progress", "pod_id"
    ).values()
    return _changing(
        id_,
        EventKind.ATTEMPT_PROGRESS,
        col(Attempt.try_number) <= try_number,
        or_(
            col(Attempt.status) != AttemptStatus.RUNNING,
            col(Attempt.stage).is_distinct_from(stage),
            col(Attempt.progress) < progress,
            col(Attempt.pod_id).is_distinct_from(pod_id),
            col(Attempt.try_number) < try_number,
        ),
        try_number=try_number,
        status=AttemptStatus.RUNNING,
        stage=stage,
        progress=func.greatest(Attempt.progress, progress),
        pod_id=pod_id,
        started_at=func.coalesce(Attempt.started_at, func.clock_timestamp()),
    )


@cache
def succeeding() -> Select[int, None]:
    """The statement of `succeed`."""
    given = _given(
        "id",
        "pod_id",
        "engine_seconds",
        "master_key",
        "master_sha256",
        "width",
        "height",
        "preview_key",
        "thumbnail_key",
        "seconds",
        "fps",
    )
    return _changing(
        given.pop("id"),
        EventKind.ATTEMPT_SUCCEEDED,
        status=AttemptStatus.SUCCEEDED,
        stage=None,
        progress=1.0,
        finished_at=func.clock_timestamp(),
        **given,
    )


@cache
def closing(status: AttemptStatus) -> Select[int, None]:
    """The statement of `close`."""
    given = _given("id", "error_code", "error_message")
    return _changing(
        given.pop("id"),
        attempt_ended(status),
        status=status,
        stage=None,
        finished_at=func.clock_timestamp(),
        **given,
    )


@cache
def using(made: Callable[[], Select[int, None]]) -> Select[int, None]:
    """A change that records a use of a GPU along with it."""
    return made().add_cte(uses.writing().cte("use"))


def parameters(values: Mapping[str, object]) -> dict[str, object]:
    """What such a statement is executed with: the columns' new values by name."""
    return {f"new_{name}": value for name, value in values.items()}


def _given(*names: str) -> dict[str, ColumnElement[Any]]:
    """Bound parameters by the columns whose types they have.

    They have names of their own, since an UPDATE keeps the columns' names for itself.
    """
    columns = inspect(Attempt).columns
    return {name: bindparam(f"new_{name}", type_=columns[name].type) for name in names}


def _changing(
    attempt_id: ColumnElement[UUID],
    kind: EventKind,
    *conditions: ColumnElement[bool],
    **values: Any,
) -> Select[int, None]:
    """Change an attempt that has not ended, where the conditions hold, and tell so."""
    turn = events.turn(select(col(Attempt.job_id)).where(col(Attempt.id) == attempt_id))
    change = (
        update(Attempt)
        .where(
            col(Attempt.id) == attempt_id,
            col(Attempt.job_id) == turn.c.job_id,  # wait for it
            col(Attempt.status).in_(UNFINISHED),
            *conditions,
        )
        .values(version=Attempt.version + 1, **values)
    )
    return _telling(change, kind)


def _telling(change: Insert | Update, kind: EventKind) -> Select[int, None]:
    """The change of an attempt, with its event: of its order, where it is at HD."""
    changed = change.returning(*(getattr(Attempt, name) for name in _NAMED)).cte("changed")
    is_hd = changed.c.kind == AttemptKind.HD

    def either(of_order: ColumnElement[Any], of_attempt: ColumnElement[Any]) -> Case[Any]:
        return case((is_hd, of_order), else_=of_attempt)

    def data(names: Sequence[str]) -> ColumnElement[Any]:
        return events.data({name: changed.c[name] for name in names})

    return events.telling(
        changed,
        either(literal(EventKind.ORDER_PROGRESS, Text()), literal(kind, Text())),
        either(changed.c.source_id, changed.c.id),
        either(data(_TOLD_OF_ORDER), data(_TOLD)),
    )
