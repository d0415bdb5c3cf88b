"""Attempts of every kind: restorations, animations, and HD results of orders."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

_INDEXES = ("job", "arrivals", "open")
_CLIP = ("seconds", "fps")


def upgrade() -> None:
    """Rename the table, and tell its rows apart."""
    op.rename_table("restore_attempts", "attempts")
    _rename("restore_attempts", "attempts")
    op.add_column(
        "attempts", sa.Column("kind", sa.String(), nullable=False, server_default="restore")
    )
    op.alter_column("attempts", "kind", server_default=None)
    op.add_column("attempts", sa.Column("source_id", sa.Uuid()))
    op.add_column("attempts", sa.Column("order_id", sa.Uuid()))
    for name in _CLIP:
        op.add_column("attempts", sa.Column(name, sa.Float()))
    op.add_column("jobs", sa.Column("latest_animation_id", sa.Uuid()))
    op.create_foreign_key(
        "fk_jobs_latest_animation",
        "jobs",
        "attempts",
        ["latest_animation_id"],
        ["id"],
        ondelete="SET NULL",
    )


def downgrade() -> None:
    """Forget everything but restorations."""
    op.drop_column("jobs", "latest_animation_id")
    op.execute("delete from attempts where kind <> 'restore'")
    for name in ("kind", "source_id", "order_id", *_CLIP):
        op.drop_column("attempts", name)
    op.rename_table("attempts", "restore_attempts")
    _rename("attempts", "restore_attempts")


def _rename(before: str, after: str) -> None:
    for name in _INDEXES:
        op.execute(f"alter index ix_{before}_{name} rename to ix_{after}_{name}")
    op.execute(f"alter index {before}_pkey rename to {after}_pkey")
    op.execute(f"alter table {after} rename constraint {before}_job_id_fkey to {after}_job_id_fkey")
