"""Rows that a test begins with, written by the product's own store."""

from uuid import UUID, uuid4

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from rekindle.contracts import keys
from rekindle.models import Entitlement, Job
from rekindle.store import jobs, users


async def stored_job(
    session: AsyncSession,
    *,
    job_id: UUID | None = None,
    issuer: str = "https://i.test/",
    subject: str | None = None,
    width: int = 4,
    height: int = 3,
) -> Job:
    """The row of a job as it is after an upload; its photo is in no bucket.

    Args:
        job_id: drawn by default.
        issuer: of whom it belongs to.
        subject: the same; a new somebody by default.
        width: of the photo, pixels.
        height: of the photo, pixels.
    """
    job_id = job_id or uuid4()
    row = Job(
        id=job_id,
        user_id=await users.remember(session, issuer=issuer, subject=subject or str(job_id)),
        email="ada@example.org",
        original_key=keys.uploaded(job_id, "jpg"),
        original_media_type="image/jpeg",
        original_sha256="0" * 64,
        original_bytes=10,
        working_key=keys.working(job_id),
        width=width,
        height=height,
    )
    await jobs.record(session, row)
    return row


async def entitlement(session: AsyncSession, order_id: UUID) -> str | None:
    """The key of the HD object that an order lets be read now; None without the right to it."""
    statement = select(col(Entitlement.object_key)).where(
        col(Entitlement.order_id) == order_id, col(Entitlement.revoked_at).is_(None)
    )
    return (await session.execute(statement)).scalar_one_or_none()
