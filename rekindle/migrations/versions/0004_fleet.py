"""Rented pods: what they are, what they did, what they cost, and the last scaling decision."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

_OPEN = sa.text("terminated_at is null")


def upgrade() -> None:
    """Widen the pod ledger; make the tables of use and decisions."""
    # Until now a pod had no generation of its own: several rows may be open for one number.
    op.execute("update pods set terminated_at = now() where terminated_at is null")
    for name, kind in _POD_COLUMNS:
        op.add_column("pods", sa.Column(name, kind))
    op.create_unique_constraint("uq_pods_cloud_id", "pods", ["cloud_id"])
    op.create_index(
        "ix_pods_open", "pods", ["gpu_class", "number"], unique=True, postgresql_where=_OPEN
    )
    op.create_index("ix_pods_ended", "pods", ["terminated_at"])
    op.create_index("ix_restore_attempts_arrivals", "restore_attempts", ["gpu_class", "created_at"])
    op.create_table(
        "gpu_uses",
        sa.Column("attempt_id", sa.Uuid(), primary_key=True),
        sa.Column("try_number", sa.Integer(), primary_key=True),
        sa.Column("pod_id", sa.String(), nullable=False),
        sa.Column("machine", sa.String()),
        sa.Column("gpu_class", sa.String(), nullable=False),
        sa.Column("graph", sa.String(), nullable=False),
        sa.Column("gpu_seconds", sa.Float(), nullable=False),
        sa.Column("usd_per_hour", sa.Numeric(12, 6)),
        sa.Column("error_code", sa.String()),
        sa.Column(
            "ended_at", sa.DateTime(timezone=True), server_default=sa.func.now(), nullable=False
        ),
    )
    op.create_index("ix_gpu_uses_pod", "gpu_uses", ["pod_id"])
    op.create_index("ix_gpu_uses_ended", "gpu_uses", ["ended_at"])
    op.create_table(
        "fleet_decisions",
        sa.Column("gpu_class", sa.String(), primary_key=True),
        sa.Column("wanted", sa.Integer(), nullable=False),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column(
            "decided_at", sa.DateTime(timezone=True), server_default=sa.func.now(), nullable=False
        ),
    )


def downgrade() -> None:
    """Drop them again."""
    op.drop_table("fleet_decisions")
    op.drop_table("gpu_uses")
    op.drop_index("ix_restore_attempts_arrivals", "restore_attempts")
    op.drop_index("ix_pods_ended", "pods")
    op.drop_index("ix_pods_open", "pods")
    op.drop_constraint("uq_pods_cloud_id", "pods")
    for name, _ in reversed(_POD_COLUMNS):
        op.drop_column("pods", name)


_POD_COLUMNS = (
    ("cloud_id", sa.String()),
    ("machine", sa.String()),
    ("gpu_type", sa.String()),
    ("data_center", sa.String()),
    ("token_salt", sa.String()),
    ("graphs", JSONB(none_as_null=True)),
    ("usd_per_hour", sa.Numeric(12, 6)),
    ("rented_at", sa.DateTime(timezone=True)),
    ("running_at", sa.DateTime(timezone=True)),
    ("cost_usd", sa.Numeric(14, 6)),
    ("end_reason", sa.String()),
)
