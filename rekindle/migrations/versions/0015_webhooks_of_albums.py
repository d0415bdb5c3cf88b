"""Webhooks tell of orders over several photos, which have no job."""

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """A delivery is about something of a job, or of an album."""
    op.alter_column("webhook_deliveries", "job_id", nullable=True)
    op.add_column("webhook_deliveries", sa.Column("album_id", sa.Uuid()))


def downgrade() -> None:
    """As before; what was to be told of albums is forgotten."""
    op.execute("delete from webhook_deliveries where job_id is null")
    op.drop_column("webhook_deliveries", "album_id")
    op.alter_column("webhook_deliveries", "job_id", nullable=False)
