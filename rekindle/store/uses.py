"""What the tries of attempts used of the GPUs: one row for each try that ended on a pod.

Several may tell of one try: who ran it, who took it over, and who only woke up late. What the
server's history says replaces what somebody merely concluded, whoever comes first.
"""

from dataclasses import dataclass
from functools import cache
from typing import Any
from uuid import UUID

from sqlalchemy import (
    ColumnElement,
    Float,
    Integer,
    SQLColumnExpression,
    Text,
    Uuid,
    bindparam,
    case,
    func,
    literal,
    select,
)
from sqlalchemy.dialects.postgresql import Insert, insert
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from rekindle.contracts.statuses import AttemptStatus
from rekindle.errors import GraphFailed, GraphInterrupted, ResultUnreadable
from rekindle.models import Attempt, GpuUse, PodRecord

CANCELED = AttemptStatus.CANCELED.value
"""The `error_code` of a try that its person cancelled: nobody's failure."""


@dataclass(frozen=True)
class Use:
    """One try that ended on a pod.

    Attributes:
        gpu_seconds: from the server's start to its end of the prompt by its own stamps, or as long
            as somebody saw it run.
        error_code: of the error that ended it, or `CANCELED`; None when the graph succeeded.
        graph: None takes that of the attempt's row.
    """

    attempt_id: UUID
    try_number: int
    pod_id: str
    gpu_seconds: float
    error_code: str | None = None
    graph: str | None = None


async def record(session: AsyncSession, use: Use) -> None:
    """Write what a try used. Idempotent: a row is replaced only by one that knows better."""
    connection = await session.connection()  # the session would take the parameters for a row
    await connection.execute(writing(), parameters(use))


def parameters(use: Use) -> dict[str, object]:
    """What `writing` is executed with."""
    return {f"use_{name}": value for name, value in vars(use).items()}


@cache
def writing() -> Insert:
    """The statement of `record`, made once; another statement may take it along as a CTE.

    Machine, rate and GPU class are those of the pod's row: they never change while a pod lives.
    """
    pod, attempt = PodRecord, Attempt
    attempt_id = bindparam("use_attempt_id", type_=Uuid())
    pod_id = bindparam("use_pod_id", type_=Text())
    gpu_class = func.coalesce(col(pod.gpu_class), col(attempt.gpu_class))
    graph = func.coalesce(bindparam("use_graph", type_=Text()), col(attempt.graph))
    values: dict[str, SQLColumnExpression[Any]] = {
        "attempt_id": attempt_id,
        "try_number": bindparam("use_try_number", type_=Integer()),
        "pod_id": pod_id,
        "machine": col(pod.machine),
        "gpu_class": gpu_class,
        "graph": graph,
        "gpu_seconds": bindparam("use_gpu_seconds", type_=Float()),
        "usd_per_hour": col(pod.usd_per_hour),
        "error_code": bindparam("use_error_code", type_=Text()),
        "ended_at": func.clock_timestamp(),
    }
    one = select(literal(1).label("one")).subquery("one")
    found = (
        select(*values.values())
        .select_from(one)
        .outerjoin(pod, col(pod.id) == pod_id)
        .outerjoin(attempt, col(attempt.id) == attempt_id)
        .where(gpu_class.is_not(None), graph.is_not(None))
    )
    adding = insert(GpuUse).from_select(list(values), found)
    better = adding.excluded
    return adding.on_conflict_do_update(
        index_elements=[col(GpuUse.attempt_id), col(GpuUse.try_number)],
        set_={name: better[name] for name in values},
        where=_certainty(better.error_code) > _certainty(col(GpuUse.error_code)),
    )


def _certainty(error_code: SQLColumnExpression[str | None]) -> ColumnElement[int]:
    """How much who wrote this code knew: of the file, of the server's history, or neither."""
    by_history = (GraphFailed.code, GraphInterrupted.code)
    return case(
        (error_code == ResultUnreadable.code, 2),
        (error_code.is_(None) | error_code.in_(by_history), 1),
        else_=0,
    )
