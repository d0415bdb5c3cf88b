"""Outbound webhooks: endpoints of users, and what is to be delivered to them."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import ARRAY

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

_MOMENT = sa.DateTime(timezone=True)
_NOW = sa.func.clock_timestamp()


def upgrade() -> None:
    """Make the tables."""
    op.create_table(
        "webhook_endpoints",
        sa.Column("id", sa.Uuid(), primary_key=True),
        sa.Column(
            "user_id", sa.Uuid(), sa.ForeignKey("users.id", ondelete="CASCADE"), nullable=False
        ),
        sa.Column("url", sa.String(), nullable=False),
        sa.Column("events", ARRAY(sa.String()), nullable=False),
        sa.Column("status", sa.String(), nullable=False),
        sa.Column("rotation", sa.Integer(), nullable=False),
        sa.Column("rotation_id", sa.Uuid()),
        sa.Column("rotated_at", _MOMENT),
        sa.Column("created_at", _MOMENT, server_default=_NOW, nullable=False),
    )
    op.create_index("ix_webhook_endpoints_user", "webhook_endpoints", ["user_id", "created_at"])
    op.create_table(
        "webhook_deliveries",
        sa.Column("id", sa.Uuid(), primary_key=True, server_default=sa.func.gen_random_uuid()),
        sa.Column("endpoint_id", sa.Uuid(), nullable=False),
        sa.Column("event_id", sa.BigInteger(), nullable=False),
        sa.Column(
            "job_id", sa.Uuid(), sa.ForeignKey("jobs.id", ondelete="CASCADE"), nullable=False
        ),
        sa.Column("subject_id", sa.Uuid(), nullable=False),
        sa.Column("type", sa.String(), nullable=False),
        sa.Column("error_code", sa.String()),
        sa.Column("status", sa.String(), server_default="pending", nullable=False),
        sa.Column("tries", sa.Integer(), server_default="0", nullable=False),
        sa.Column("last_status", sa.Integer()),
        sa.Column("last_failure", sa.String()),
        sa.Column("happened_at", _MOMENT, server_default=_NOW, nullable=False),
        sa.Column("due_at", _MOMENT, server_default=_NOW, nullable=False),
        sa.Column("ended_at", _MOMENT),
        sa.UniqueConstraint("endpoint_id", "subject_id", "type", name="uq_webhook_deliveries_once"),
    )
    op.create_index("ix_webhook_deliveries_job", "webhook_deliveries", ["job_id"])
    op.create_index("ix_webhook_deliveries_ended", "webhook_deliveries", ["ended_at"])
    op.create_index(
        "ix_webhook_deliveries_due",
        "webhook_deliveries",
        ["due_at"],
        postgresql_where=sa.text("status = 'pending'"),
    )


def downgrade() -> None:
    """Drop them: nobody is told any more."""
    op.drop_table("webhook_deliveries")
    op.drop_table("webhook_endpoints")
