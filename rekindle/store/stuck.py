"""Attempts and orders that stand still, for operators."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from rekindle.contracts.statuses import UNFINISHED
from rekindle.models import Attempt, JobEvent, Order
from rekindle.store.sweep import now, stuck_orders

MOST = 200
"""Of each kind; the longest ones of too many attempts, any of too many orders."""


@dataclass(frozen=True)
class StuckAttempt:
    """An attempt without an end, of which nothing was heard since `touched_at`."""

    attempt: Attempt
    touched_at: datetime


@dataclass(frozen=True)
class Stuck:
    """What stands still at a moment."""

    at: datetime
    attempts: Sequence[StuckAttempt]
    orders: Sequence[Order]


async def stuck(session: AsyncSession, pause: timedelta) -> Stuck:
    """What is not over and did not change for so long.

    An order that waits for a person is not stuck: only one that should move on by itself.
    """
    at = await now(session)
    order_ids = await stuck_orders(
        session, since=None, until=at, pause=pause, long_pause=pause, most=MOST
    )
    orders = select(Order).where(col(Order.id).in_(order_ids)).order_by(col(Order.updated_at))
    return Stuck(
        at=at,
        attempts=await _attempts(session, at - pause),
        orders=(await session.execute(orders)).scalars().all(),
    )


async def _attempts(session: AsyncSession, before: datetime) -> Sequence[StuckAttempt]:
    heard = (
        select(func.max(col(JobEvent.created_at)))
        .where(
            col(JobEvent.job_id) == col(Attempt.job_id),
            # How HD stands is told of the attempt that it is made from.
            col(JobEvent.attempt_id).in_((col(Attempt.id), col(Attempt.source_id))),
        )
        .scalar_subquery()
    )
    touched = func.greatest(col(Attempt.created_at), col(Attempt.started_at), heard)
    statement = (
        select(Attempt, touched)
        .where(
            col(Attempt.status).in_(UNFINISHED),
            touched <= before,
        )
        .order_by(touched)
        .limit(MOST)
    )
    rows = (await session.execute(statement)).all()
    return [StuckAttempt(attempt, touched_at) for attempt, touched_at in rows]
