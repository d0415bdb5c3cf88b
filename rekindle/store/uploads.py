"""Uploads: photos on their way into the bucket."""

from collections.abc import Collection, Sequence
from datetime import timedelta
from uuid import UUID

from sqlalchemy import delete, func, literal, or_, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from rekindle.models import Upload, User


async def record(session: AsyncSession, upload: Upload) -> None:
    """Write an upload's row. Of one that is there, only the end of its form is written anew."""
    row = insert(Upload).values(upload.model_dump(exclude={"created_at", "used_at", "job_id"}))
    await session.execute(
        row.on_conflict_do_update(
            index_elements=[col(Upload.id)], set_={"expires_at": row.excluded.expires_at}
        )
    )


async def of_subject(
    session: AsyncSession, upload_id: UUID, *, issuer: str, subject: str
) -> Upload | None:
    """The upload if it belongs to that subject."""
    statement = (
        select(Upload)
        .join(User, col(User.id) == col(Upload.user_id))
        .where(
            col(Upload.id) == upload_id,
            col(User.issuer) == issuer,
            col(User.subject) == subject,
        )
    )
    return (await session.execute(statement)).scalar_one_or_none()


async def use(session: AsyncSession, upload_id: UUID, job_id: UUID) -> bool:
    """Note that a job is made of an upload, in the transaction that writes the job.

    Idempotent for the same job. Whoever uses the same upload at the same time waits here.

    Returns:
        False when it was used for another job, or is gone.
    """
    change = (
        update(Upload)
        .where(
            col(Upload.id) == upload_id,
            or_(col(Upload.job_id).is_(None), col(Upload.job_id) == job_id),
        )
        .values(job_id=job_id, used_at=func.coalesce(col(Upload.used_at), func.now()))
        .returning(col(Upload.id))
        .execution_options(synchronize_session=False)
    )
    return (await session.execute(change)).scalar_one_or_none() is not None


async def forget_old(session: AsyncSession, *, older_than: timedelta, most: int) -> Sequence[UUID]:
    """Delete the rows of old uploads, used or not, oldest first; the ids of those.

    From then on no job can be made of them.

    Args:
        older_than: age.
        most: at most so many.
    """
    old = (
        select(col(Upload.id))
        .where(col(Upload.created_at) < func.now() - literal(older_than))
        .order_by(col(Upload.created_at))
        .limit(most)
        .with_for_update(skip_locked=True)  # a job is being made of it
    )
    change = (
        delete(Upload)
        .where(col(Upload.id).in_(old))
        .returning(col(Upload.id))
        .execution_options(synchronize_session=False)
    )
    return (await session.execute(change)).scalars().all()


async def waiting(session: AsyncSession, upload_ids: Collection[UUID]) -> set[UUID]:
    """Those of the uploads that wait for a job to be made of them."""
    statement = select(col(Upload.id)).where(
        col(Upload.id).in_(upload_ids), col(Upload.job_id).is_(None)
    )
    return set((await session.execute(statement)).scalars())
