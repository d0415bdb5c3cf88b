"""One photo of one user, or what was made of words alone."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index, text
from sqlmodel import Column, Field, SQLModel

from rekindle.contracts.statuses import JobStatus
from rekindle.models.columns import moment, row_time


class Job(SQLModel, table=True):
    """A job row; `selected_restore_id` is the attempt that is shown and sold.

    `latest_animation_id` is the clip that was made last.

    `version` counts changes, so a reader can tell whether anything is new.

    Attributes:
        original_key: None, as all else about the photo, for a job that has none.
        deleted_at: when its owner, or its age, had it deleted; from then on nobody sees it.
        undo_until: until then its owner may have it back; afterwards it is deleted for good.
    """

    __tablename__ = "jobs"
    __table_args__ = (
        Index("ix_jobs_user_newest", "user_id", "created_at", "id"),
        Index("ix_jobs_created", "created_at"),
        Index("ix_jobs_deleted", "undo_until", postgresql_where=text("status = 'deleted'")),
        CheckConstraint(
            "num_nonnulls(original_key, original_media_type, original_sha256, original_bytes, "
            "working_key, width, height) in (0, 7)",
            name="ck_jobs_photo",
        ),
    )

    id: UUID = Field(primary_key=True)
    user_id: UUID = Field(foreign_key="users.id", ondelete="CASCADE")
    email: str
    status: str = JobStatus.ACTIVE
    original_key: str | None = None
    original_media_type: str | None = None
    original_sha256: str | None = None
    original_bytes: int | None = None
    working_key: str | None = None
    width: int | None = None
    height: int | None = None
    selected_restore_id: UUID | None = Field(
        default=None,
        sa_column=Column(
            ForeignKey(
                "attempts.id",
                ondelete="SET NULL",
                use_alter=True,
                name="fk_jobs_selected_restore",
            )
        ),
    )
    latest_animation_id: UUID | None = Field(
        default=None,
        sa_column=Column(
            ForeignKey(
                "attempts.id", ondelete="SET NULL", use_alter=True, name="fk_jobs_latest_animation"
            )
        ),
    )
    created_at: datetime = row_time()
    updated_at: datetime = row_time()
    deleted_at: datetime | None = moment()
    undo_until: datetime | None = moment()
    version: int = Field(default=0)
