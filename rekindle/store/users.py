"""Users."""

from uuid import UUID

from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from rekindle.models import User


async def remember(session: AsyncSession, *, issuer: str, subject: str) -> UUID:
    """The id of this subject, made on first sight. Idempotent under concurrency."""
    row = insert(User).values(
        User(issuer=issuer, subject=subject).model_dump(exclude={"created_at"})
    )
    statement = row.on_conflict_do_update(
        constraint="uq_users_issuer_subject", set_={"subject": row.excluded.subject}
    ).returning(col(User.id))
    return (await session.execute(statement)).scalar_one()
