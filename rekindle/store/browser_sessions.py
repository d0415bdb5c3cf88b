"""Browser sessions: begun, found by the hash of their cookie, noted as used, ended.

Ages are measured by the database's clock, which all API processes share.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import ColumnElement, delete, func, literal, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from rekindle.models import BrowserSession, User
from rekindle.rules.browser_sessions import NAME_DIGITS, USE_NOTED_SECONDS


@dataclass(frozen=True)
class FoundSession:
    """A session and whose it is.

    Attributes:
        looked_at: the present, by the database's clock.
    """

    row: BrowserSession
    issuer: str
    subject: str
    looked_at: datetime

    def has_ended(self, *, idle: timedelta) -> bool:
        """Whether its time is over, or it was not used for so long."""
        is_idle = self.row.last_used_at + idle <= self.looked_at
        return is_idle or self.row.expires_at <= self.looked_at

    @property
    def is_use_due(self) -> bool:
        """Whether its last use was noted so long ago that this one is to be noted."""
        return self.row.last_used_at <= self.looked_at - timedelta(seconds=USE_NOTED_SECONDS)


async def begin(
    session: AsyncSession, sha256: bytes, user_id: UUID, *, scopes: Sequence[str], lasts: timedelta
) -> None:
    """Write a new session.

    Args:
        sha256: of its cookie.
        user_id: whose it is.
        scopes: what the issuer granted.
        lasts: until it ends in any case.
    """
    new = insert(BrowserSession).values(
        sha256=sha256,
        user_id=user_id,
        scopes=list(scopes),
        expires_at=func.now() + literal(lasts),
    )
    await session.execute(new)


async def find(session: AsyncSession, sha256: bytes) -> FoundSession | None:
    """The session of that cookie, whatever its age."""
    statement = (
        select(BrowserSession, col(User.issuer), col(User.subject), func.clock_timestamp())
        .join(User, col(User.id) == col(BrowserSession.user_id))
        .where(col(BrowserSession.sha256) == sha256)
    )
    row = (await session.execute(statement)).one_or_none()
    return None if row is None else FoundSession(*row)


async def note_use(session: AsyncSession, sha256: bytes) -> None:
    """Write down that a session is used now. Never waits: one of several at once is enough."""
    row = select(col(BrowserSession.sha256)).where(col(BrowserSession.sha256) == sha256)
    await session.execute(
        update(BrowserSession)
        .where(col(BrowserSession.sha256).in_(row.with_for_update(skip_locked=True)))
        .values(last_used_at=func.clock_timestamp())
        .execution_options(synchronize_session=False)
    )


async def end(session: AsyncSession, sha256: bytes) -> None:
    """Delete a session: its cookie is void from this moment on. Idempotent."""
    await session.execute(delete(BrowserSession).where(col(BrowserSession.sha256) == sha256))


async def in_force(
    session: AsyncSession, *, idle: timedelta, subject: str | None, limit: int
) -> Sequence[FoundSession]:
    """Sessions that have not ended, the one used last first.

    Args:
        idle: without use for so long a session has ended.
        subject: only those of this user.
        limit: at most so many.
    """
    statement = (
        select(BrowserSession, col(User.issuer), col(User.subject), func.clock_timestamp())
        .join(User, col(User.id) == col(BrowserSession.user_id))
        .where(
            col(BrowserSession.expires_at) > func.clock_timestamp(),
            col(BrowserSession.last_used_at) > func.clock_timestamp() - literal(idle),
        )
        .order_by(col(BrowserSession.last_used_at).desc(), col(BrowserSession.sha256))
        .limit(limit)
    )
    if subject is not None:
        statement = statement.where(col(User.subject) == subject)
    return [FoundSession(*row) for row in (await session.execute(statement)).all()]


async def end_named(session: AsyncSession, name: str) -> int:
    """Delete the session that operators call so (`rules.browser_sessions`); says how many."""
    digits = func.left(func.encode(col(BrowserSession.sha256), "hex"), NAME_DIGITS)
    return await _end_where(session, digits == name)


async def end_of(session: AsyncSession, subject: str) -> int:
    """Delete all sessions of a user, and say how many. Idempotent."""
    theirs = select(col(User.id)).where(col(User.subject) == subject)
    return await _end_where(session, col(BrowserSession.user_id).in_(theirs))


async def _end_where(session: AsyncSession, condition: ColumnElement[bool]) -> int:
    gone = delete(BrowserSession).where(condition).returning(col(BrowserSession.sha256))
    statement = gone.execution_options(synchronize_session=False)
    return len((await session.execute(statement)).all())


async def sweep(session: AsyncSession, *, most: int) -> int:
    """Delete sessions whose time is over, and say how many. Those in use at the moment wait."""
    over = (
        select(col(BrowserSession.sha256))
        .where(col(BrowserSession.expires_at) <= func.now())
        .limit(most)
        .with_for_update(skip_locked=True)
    )
    gone = delete(BrowserSession).where(col(BrowserSession.sha256).in_(over))
    result = await session.execute(gone.returning(col(BrowserSession.sha256)))
    return len(result.all())
