"""Deletion of jobs: soft at first, then for good; and what finds those that are due."""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

_IS_DELETED = sa.text("status = 'deleted'")


def upgrade() -> None:
    """Add when a job was deleted, and until when it may be had back."""
    for name in ("deleted_at", "undo_until"):
        op.add_column("jobs", sa.Column(name, sa.DateTime(timezone=True)))
    op.create_index("ix_jobs_deleted", "jobs", ["undo_until"], postgresql_where=_IS_DELETED)
    op.create_index("ix_jobs_created", "jobs", ["created_at"])
    op.create_index("ix_job_events_age", "job_events", ["created_at"])


def downgrade() -> None:
    """Forget both: deleted jobs stay as they are."""
    op.drop_index("ix_job_events_age", "job_events")
    op.drop_index("ix_jobs_created", "jobs")
    op.drop_index("ix_jobs_deleted", "jobs")
    for name in ("undo_until", "deleted_at"):
        op.drop_column("jobs", name)
