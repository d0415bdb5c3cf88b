"""API keys: made, found by their id, noted as used, revoked.

Ages are measured by the database's clock, which all API processes share.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import and_, func, or_, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from rekindle.models import ApiKey, User
from rekindle.rules.api_keys import USE_NOTED_SECONDS


@dataclass(frozen=True)
class FoundKey:
    """A key and whose it is.

    Attributes:
        looked_at: the present, by the database's clock.
    """

    row: ApiKey
    issuer: str
    subject: str
    looked_at: datetime

    @property
    def has_expired(self) -> bool:
        """Whether its time is over."""
        return self.row.expires_at is not None and self.row.expires_at <= self.looked_at

    @property
    def is_use_due(self) -> bool:
        """Whether its last use was noted so long ago that this one is to be noted."""
        noted = self.row.last_used_at
        return noted is None or noted <= self.looked_at - timedelta(seconds=USE_NOTED_SECONDS)


async def make(session: AsyncSession, key: ApiKey, *, lasts: timedelta | None) -> ApiKey | None:
    """Write a new key. One of that id that nobody has used yet gets the new hash instead.

    Args:
        key: its row.
        lasts: until it expires; None for ever.

    Returns:
        The row as it is kept; None when a key of that id was used or revoked: it stays.
    """
    new = insert(ApiKey).values(
        id=key.id,
        user_id=key.user_id,
        name=key.name,
        sha256=key.sha256,
        scopes=key.scopes,
        expires_at=None if lasts is None else func.now() + lasts,
    )
    unused = and_(
        col(ApiKey.user_id) == new.excluded.user_id,
        col(ApiKey.last_used_at).is_(None),
        col(ApiKey.revoked_at).is_(None),
    )
    made = new.on_conflict_do_update(
        index_elements=[col(ApiKey.id)], where=unused, set_={"sha256": new.excluded.sha256}
    ).returning(ApiKey)
    return (await session.execute(made)).scalar_one_or_none()


async def count_others(session: AsyncSession, user_id: UUID, key_id: UUID) -> int:
    """How many other keys of a user are in force."""
    statement = (
        select(func.count())
        .select_from(ApiKey)
        .where(
            col(ApiKey.user_id) == user_id,
            col(ApiKey.id) != key_id,
            col(ApiKey.revoked_at).is_(None),
            or_(col(ApiKey.expires_at).is_(None), col(ApiKey.expires_at) > func.now()),
        )
    )
    return (await session.execute(statement)).scalar_one()


async def find(session: AsyncSession, key_id: UUID) -> FoundKey | None:
    """The key of that id, whatever its state."""
    statement = (
        select(ApiKey, col(User.issuer), col(User.subject), func.clock_timestamp())
        .join(User, col(User.id) == col(ApiKey.user_id))
        .where(col(ApiKey.id) == key_id)
    )
    row = (await session.execute(statement)).one_or_none()
    return None if row is None else FoundKey(*row)


async def note_use(session: AsyncSession, key_id: UUID) -> None:
    """Write down that a key is used now. Never waits: one of several at once is enough."""
    free = select(col(ApiKey.id)).where(col(ApiKey.id) == key_id).with_for_update(skip_locked=True)
    await session.execute(
        update(ApiKey)
        .where(col(ApiKey.id).in_(free))
        .values(last_used_at=func.clock_timestamp())
        .execution_options(synchronize_session=False)
    )


async def listed(
    session: AsyncSession, *, issuer: str, subject: str | None, limit: int
) -> Sequence[tuple[ApiKey, str]]:
    """Keys and their users' subjects: those not revoked first, then the newest first.

    Args:
        issuer: of the users.
        subject: whose keys; None for everybody's.
        limit: at most so many.
    """
    statement = (
        select(ApiKey, col(User.subject))
        .join(User, col(User.id) == col(ApiKey.user_id))
        .where(col(User.issuer) == issuer)
        .order_by(
            col(ApiKey.revoked_at).is_not(None), col(ApiKey.created_at).desc(), col(ApiKey.id)
        )
        .limit(limit)
    )
    if subject is not None:
        statement = statement.where(col(User.subject) == subject)
    return [(key, whose) for key, whose in (await session.execute(statement)).all()]


async def revoke(
    session: AsyncSession, key_id: UUID, *, issuer: str, subject: str | None
) -> datetime | None:
    """Make a key void from this moment on. Idempotent: the first revocation stays.

    Args:
        key_id: of the key.
        issuer: of its user.
        subject: whose key it must be; None for anybody's.

    Returns:
        When it was revoked; None when there is no such key.
    """
    whose = select(col(User.id)).where(col(User.issuer) == issuer)
    if subject is not None:
        whose = whose.where(col(User.subject) == subject)
    statement = (
        update(ApiKey)
        .where(col(ApiKey.id) == key_id, col(ApiKey.user_id).in_(whose))
        .values(revoked_at=func.coalesce(col(ApiKey.revoked_at), func.clock_timestamp()))
        .returning(col(ApiKey.revoked_at))
        .execution_options(synchronize_session=False)
    )
    return (await session.execute(statement)).scalar_one_or_none()
