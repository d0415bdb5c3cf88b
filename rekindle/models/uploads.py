"""Photos on their way: the browser posts them straight to the bucket."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import DateTime, Index
from sqlmodel import Field, SQLModel

from rekindle.models.columns import moment, row_time


class Upload(SQLModel, table=True):
    """A form that was given out for one photo; it lies under `keys.incoming` until it is a job.

    Attributes:
        content_type: the only one that the form takes; the content decides what the photo is.
        size_bytes: the only size that the form takes; None when none was told.
        expires_at: from when on the form is not taken any more.
        job_id: the job that was made of it. An upload is used once.
    """

    __tablename__ = "uploads"
    __table_args__ = (
        Index("ix_uploads_created", "created_at"),
        Index("ix_uploads_user", "user_id"),
        Index("ix_uploads_job", "job_id"),
    )

    id: UUID = Field(primary_key=True)
    user_id: UUID = Field(foreign_key="users.id", ondelete="CASCADE")
    content_type: str
    size_bytes: int | None = None
    created_at: datetime = row_time()
    expires_at: datetime = Field(sa_type=DateTime(timezone=True))
    used_at: datetime | None = moment()
    job_id: UUID | None = Field(default=None, foreign_key="jobs.id", ondelete="CASCADE")
