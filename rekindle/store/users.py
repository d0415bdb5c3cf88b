"""Users."""

from uuid import UUID

from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.sql.dml import ReturningInsert
from sqlmodel import col

from rekindle.models import User


async def remember(session: AsyncSession, *, issuer: str, subject: str) -> UUID:
    """The id of this subject, made on first sight. Idempotent under concurrency."""
    statement = remembering(issuer=issuer, subject=subject)
    return (await session.execute(statement)).scalar_one()


def remembering(*, issuer: str, subject: str) -> ReturningInsert[UUID]:
    """The statement of `remember`; it returns the `id`."""
    row = insert(User).values(
        User(issuer=issuer, subject=subject).model_dump(exclude={"created_at"})
    )
    return row.on_conflict_do_update(
        constraint="uq_users_issuer_subject", set_={"subject": row.excluded.subject}
    ).returning(col(User.id))
