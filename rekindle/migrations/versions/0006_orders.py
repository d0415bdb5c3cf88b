"""Orders, refunds, entitlements, and the inbox of payment events."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import ARRAY

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the tables."""
    _make_orders()
    op.create_table(
        "order_refunds",
        _order_id(),
        sa.Column("number", sa.Integer(), primary_key=True),
        sa.Column("payment_id", sa.String(), nullable=False),
        sa.Column("amount", sa.Integer(), nullable=False),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("refund_id", sa.String(), unique=True),
        _time("created_at", sa.func.clock_timestamp()),
        _time("answered_at"),
        _time("void_at"),
        sa.CheckConstraint("amount > 0", name="ck_order_refunds_amount"),
    )
    op.create_table(
        "entitlements",
        _order_id(),
        sa.Column("object_key", sa.String(), nullable=False),
        _time("granted_at", sa.func.clock_timestamp()),
        _time("revoked_at"),
    )
    op.create_table(
        "payment_events",
        sa.Column("event_id", sa.String(), primary_key=True),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("order_id", sa.Uuid()),
        sa.Column("payment_id", sa.String()),
        _time("received_at", sa.func.clock_timestamp()),
        _time("handled_at"),
    )
    op.create_index(
        "ix_payment_events_waiting",
        "payment_events",
        ["received_at"],
        postgresql_where=sa.text("handled_at is null"),
    )
    op.create_index("ix_payment_events_order", "payment_events", ["order_id"])


def downgrade() -> None:
    """Drop them: who bought what is then known to the payment provider alone."""
    for table in ("payment_events", "entitlements", "order_refunds", "orders"):
        op.drop_table(table)


def _make_orders() -> None:
    op.create_table(
        "orders",
        sa.Column("id", sa.Uuid(), primary_key=True),
        sa.Column("job_id", sa.Uuid(), sa.ForeignKey("jobs.id", ondelete="SET NULL")),
        sa.Column("attempt_id", sa.Uuid(), nullable=False),
        sa.Column("product", sa.String(), nullable=False),
        sa.Column("amount", sa.Integer(), nullable=False),
        sa.Column("currency", sa.String(), nullable=False),
        sa.Column("price_version", sa.String(), nullable=False),
        sa.Column("status", sa.String(), nullable=False),
        sa.Column("hd", sa.String(), nullable=False),
        sa.Column("error_code", sa.String()),
        sa.Column("session_ids", ARRAY(sa.String()), nullable=False),
        sa.Column("sessions_begun", sa.Integer(), nullable=False),
        sa.Column("payment_id", sa.String()),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        _time("created_at", sa.func.now()),
        _time("updated_at", sa.func.now()),
        _time("paid_at"),
        _time("delivered_at"),
        _time("closed_at"),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.CheckConstraint("amount > 0", name="ck_orders_amount"),
    )
    op.create_index(
        "ix_orders_one",
        "orders",
        ["attempt_id", "product"],
        unique=True,
        postgresql_where=sa.text("closed_at is null"),
    )
    op.create_index("ix_orders_job", "orders", ["job_id"])
    op.create_index("ix_orders_status", "orders", ["status", "updated_at"])
    op.create_index("ix_orders_payment", "orders", ["payment_id"])


def _order_id() -> sa.Column[object]:
    return sa.Column(
        "order_id",
        sa.Uuid(),
        sa.ForeignKey("orders.id", ondelete="RESTRICT"),
        primary_key=True,
    )


def _time(name: str, default: object = None) -> sa.Column[object]:
    kind = sa.DateTime(timezone=True)
    if default is None:
        return sa.Column(name, kind)
    return sa.Column(name, kind, server_default=default, nullable=False)  # type: ignore[arg-type]
