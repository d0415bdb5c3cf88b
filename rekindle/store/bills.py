"""The pods of our ledger as a bill names them, and ends of pods that a bill corrects."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta

from sqlalchemy import Numeric, cast, func, literal, select, update
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from rekindle.contracts.pods import PodEnding
from rekindle.models import PodRecord
from rekindle.rules.costs import PodLife
from rekindle.store.costs import life_of

_UNSEEN = (PodEnding.GONE, PodEnding.REAPED)
"""Endings of pods whose end nobody of ours may have seen."""


async def pods_by_cloud_id(
    session: AsyncSession, cloud_ids: Collection[str]
) -> Mapping[str, PodLife]:
    """Those of the pods that are in the ledger."""
    statement = select(PodRecord).where(
        col(PodRecord.cloud_id).in_(cloud_ids), col(PodRecord.rented_at).is_not(None)
    )
    rows = (await session.execute(statement)).scalars()
    return {row.cloud_id: life_of(row) for row in rows if row.cloud_id is not None}


async def unseen_ends(
    session: AsyncSession, *, after: timedelta, within: timedelta
) -> Sequence[PodRecord]:
    """Rented pods that ended so long ago, and not longer, while nobody of ours looked."""
    ended_at = col(PodRecord.terminated_at)
    statement = select(PodRecord).where(
        ended_at < func.now() - after,
        ended_at > func.now() - within,
        col(PodRecord.end_reason).in_(_UNSEEN),
        col(PodRecord.cloud_id).is_not(None),
        col(PodRecord.rented_at).is_not(None),
        col(PodRecord.usd_per_hour) > 0,
    )
    return (await session.execute(statement)).scalars().all()


async def correct_end(session: AsyncSession, pod_id: str, ended_at: datetime) -> None:
    """Note when a pod really ended, and what it cost until then. Idempotent."""
    lived = func.extract("epoch", literal(ended_at) - col(PodRecord.rented_at))
    await session.execute(
        update(PodRecord)
        .where(col(PodRecord.id) == pod_id, col(PodRecord.terminated_at).is_not(None))
        .values(
            terminated_at=ended_at,
            cost_usd=cast(lived, Numeric) * col(PodRecord.usd_per_hour) / 3600,
        )
    )
