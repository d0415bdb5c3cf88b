"""Events of a payment are found by it, without reading the whole inbox."""

from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Index the inbox by payment."""
    op.create_index("ix_payment_events_payment", "payment_events", ["payment_id"])


def downgrade() -> None:
    """As before."""
    op.drop_index("ix_payment_events_payment", "payment_events")
