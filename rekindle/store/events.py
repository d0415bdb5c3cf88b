"""The event log of jobs: written in the statement that changes something, read by place.

Ids are drawn before a transaction commits, so without care a reader could see event 11, note its
place, and never see 10, which was committed later. Whoever writes an event therefore first waits
for its `turn` at the job and keeps it until the transaction ends: per job, ids become visible in
their order. A transaction that changes several jobs takes their turns in the order of their ids.

The statement also rings (`NOTIFY`), with ids only; Postgres delivers that after the commit.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import (
    CTE,
    BigInteger,
    ColumnElement,
    ScalarSelect,
    Select,
    Text,
    Uuid,
    cast,
    delete,
    func,
    insert,
    literal,
    select,
    true,
    union_all,
)
from sqlalchemy.dialects.postgresql import ARRAY, aggregate_order_by
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import aliased
from sqlmodel import col

from rekindle.contracts.events import EventKind
from rekindle.contracts.orders import HdState, OrderStatus
from rekindle.contracts.statuses import JobStatus
from rekindle.models import Attempt, Job, JobEvent, Order, OrderItem
from rekindle.store.webhook_outbox import is_ever_told, outbox

CHANNEL = "job_events"
"""What writers ring and readers listen to."""

_TURNS = 20
"""First half of the advisory locks that are turns, so that they meet no other locks."""


@dataclass(frozen=True)
class Notice:
    """What a ring says: there is a new event."""

    job_id: UUID
    event_id: int

    @classmethod
    def parse(cls, payload: str) -> "Notice":
        """The notice in a payload; raises ValueError when it is none."""
        job_id, _, event_id = payload.partition(":")
        return cls(UUID(job_id), int(event_id))


@dataclass(frozen=True)
class OrderState:
    """How an order stands, to one of its jobs.

    Attributes:
        attempt_id: whose HD was ordered.
        hd: what became of that HD object.
    """

    order_id: UUID
    attempt_id: UUID
    status: OrderStatus
    hd: HdState


@dataclass(frozen=True)
class JobState:
    """A job with all its attempts and orders, as they were after one of its events.

    Attributes:
        attempts: oldest first.
        event_id: the last event that this state includes; 0 without any.
        orders: oldest first.
    """

    job: Job
    attempts: Sequence[Attempt]
    event_id: int
    orders: Sequence[OrderState] = ()


def turn(job_ids: Select[UUID]) -> CTE:
    """Wait for this transaction's turn at a job. One row with its `job_id`, or none.

    What changes something must depend on that row, or it would not wait. The statement's snapshot
    is older than the turn; `UPDATE` looks at the newest version of a row by itself.

    Args:
        job_ids: selects the job's id.
    """
    job_id = job_ids.subquery("job").c[0]
    lock = func.pg_advisory_xact_lock(_TURNS, func.hashtext(cast(job_id, Text)))
    return select(job_id.label("job_id"), lock.label("taken")).cte("turn")


def turn_at(job_id: UUID) -> CTE:
    """Wait for the turn at the job of this id."""
    return turn(select(literal(job_id, Uuid())))


def data(values: Mapping[str, Any]) -> ColumnElement[Any]:
    """The data of an event: columns of a change by name."""
    pairs = [part for name, value in values.items() for part in (literal(name, Text()), value)]
    return func.jsonb_build_object(*pairs)


def telling(
    changed: CTE,
    kind: EventKind | ColumnElement[str],
    attempt_id: ColumnElement[UUID],
    told: ColumnElement[Any],
) -> Select[int, None]:
    """The statement that makes a change, writes its event and rings: one row if there was one.

    What users want to be told outside (`webhook_outbox`) is written along with it.

    Args:
        changed: the change; returns `job_id` of each changed row.
        kind: of the event.
        attempt_id: whom it is about.
        told: its `data`.
    """
    word = literal(kind, Text()) if isinstance(kind, EventKind) else kind
    event = (
        insert(JobEvent)
        .from_select(
            ["job_id", "attempt_id", "kind", "data"],
            select(changed.c.job_id, attempt_id, word, told),
        )
        .returning(
            col(JobEvent.id),
            col(JobEvent.job_id),
            col(JobEvent.attempt_id),
            col(JobEvent.kind),
            col(JobEvent.data),
        )
        .cte("event")
    )
    payload = func.concat(event.c.job_id, ":", event.c.id)
    rung = select(event.c.id, func.pg_notify(CHANNEL, payload))
    return rung.add_cte(outbox(event)) if is_ever_told(kind) else rung


async def since(
    session: AsyncSession, places: Mapping[UUID, int], *, limit: int
) -> Sequence[JobEvent]:
    """What happened to these jobs behind these places, in one statement, in the order of ids.

    Args:
        places: id of the last known event by job.
        limit: at most so many events of each job; there may be more when there are as many.
    """
    pairs = func.unnest(
        literal(list(places), ARRAY(Uuid())), literal(list(places.values()), ARRAY(BigInteger()))
    )
    place = pairs.table_valued("job_id", "event_id", name="place").render_derived()
    newer = aliased(
        JobEvent,
        select(JobEvent)
        .where(col(JobEvent.job_id) == place.c.job_id, col(JobEvent.id) > place.c.event_id)
        .order_by(col(JobEvent.id))
        .limit(limit)
        .lateral("newer"),
    )
    statement = select(newer).select_from(place).join(newer, true()).order_by(col(newer.id))
    return (await session.execute(statement)).scalars().all()


async def resumed(
    session: AsyncSession, job_id: UUID, event_id: int, *, limit: int
) -> Sequence[JobEvent] | None:
    """What happened to a job behind an event; None when that event is not kept (any more).

    The log is only ever cut at its beginning, so behind an event that is there nothing is missing.
    """
    statement = (
        select(JobEvent)
        .where(col(JobEvent.job_id) == job_id, col(JobEvent.id) >= event_id)
        .order_by(col(JobEvent.id))
        .limit(limit + 1)
    )
    found = (await session.execute(statement)).scalars().all()
    return found[1:] if found and found[0].id == event_id else None


async def prune(session: AsyncSession, *, older_than: timedelta, most: int) -> int:
    """Delete at most so many events of that age, the oldest first; returns how many.

    So the log of each job is cut at its beginning. Passes over rows that another deletes.
    """
    old = (
        select(col(JobEvent.id))
        .where(col(JobEvent.created_at) <= func.clock_timestamp() - literal(older_than))
        .order_by(col(JobEvent.created_at), col(JobEvent.id))
        .limit(most)
        .with_for_update(skip_locked=True)
    )
    gone = delete(JobEvent).where(col(JobEvent.id).in_(old)).returning(col(JobEvent.id))
    return len((await session.execute(gone)).all())


async def state(session: AsyncSession, job_id: UUID) -> JobState | None:
    """A job, what belongs to it, and the place in its log that this is; None when it is gone.

    One statement, so one snapshot: it holds exactly the changes up to that place.
    """
    last = (
        select(func.coalesce(func.max(col(JobEvent.id)), 0))
        .where(col(JobEvent.job_id) == job_id)
        .scalar_subquery()
    )
    statement = (
        select(Job, Attempt, last, _orders_of(job_id))
        .outerjoin(Attempt, col(Attempt.job_id) == col(Job.id))
        .where(col(Job.id) == job_id, col(Job.status) != JobStatus.DELETED)
        .order_by(col(Attempt.created_at), col(Attempt.id))
    )
    rows = (await session.execute(statement)).all()
    if not rows:
        return None
    job, _, event_id, ordered = rows[0]
    attempts = [row[1] for row in rows if row[1] is not None]
    return JobState(job, attempts, event_id, [_order_state(each) for each in ordered or ()])


def _orders_of(job_id: UUID) -> ScalarSelect[Any]:
    """The orders of a job as one value: joined, they would multiply its attempts.

    Of an order over several photos, what is told is how the HD of this job's photo stands.
    """
    status, created_at = col(Order.status), col(Order.created_at)
    alone: Select[*tuple[Any, ...]] = select(
        col(Order.id), col(Order.attempt_id), status, col(Order.hd), created_at
    ).where(col(Order.job_id) == job_id)
    among = (
        select(col(Order.id), col(OrderItem.attempt_id), status, col(OrderItem.hd), created_at)
        .join(OrderItem, col(OrderItem.order_id) == col(Order.id))
        .where(col(OrderItem.job_id) == job_id)
    )
    found = union_all(alone, among).subquery("ordered")
    each = data({name: found.c[name] for name in ("id", "attempt_id", "status", "hd")})
    in_order = aggregate_order_by(each, found.c.created_at, found.c.id)
    return select(func.jsonb_agg(in_order)).select_from(found).scalar_subquery()


def _order_state(order: Mapping[str, str]) -> OrderState:
    return OrderState(
        UUID(order["id"]),
        UUID(order["attempt_id"]),
        OrderStatus(order["status"]),
        HdState(order["hd"]),
    )
