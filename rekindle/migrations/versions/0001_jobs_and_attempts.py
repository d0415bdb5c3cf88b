"""Users, jobs, restore attempts and the pod ledger."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def _moment(name: str, *, now: bool = False) -> sa.Column[object]:
    kind = sa.DateTime(timezone=True)
    if not now:
        return sa.Column(name, kind)
    return sa.Column(name, kind, server_default=sa.func.now(), nullable=False)


def _text(name: str, *, nullable: bool = False) -> sa.Column[str]:
    return sa.Column(name, sa.String(), nullable=nullable)


def upgrade() -> None:
    """Make the tables."""
    op.create_table(
        "pods",
        sa.Column("id", sa.String(), primary_key=True),
        _text("gpu_class"),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("generation", sa.Integer(), nullable=False),
        _text("state"),
        _moment("created_at", now=True),
        _moment("ready_at"),
        _moment("seen_at"),
        _moment("terminated_at"),
    )
    op.create_table(
        "users",
        sa.Column("id", sa.Uuid(), primary_key=True),
        _text("issuer"),
        _text("subject"),
        _moment("created_at", now=True),
        sa.UniqueConstraint("issuer", "subject", name="uq_users_issuer_subject"),
    )
    _make_jobs()
    _make_attempts()
    op.create_foreign_key(
        "fk_jobs_selected_restore",
        "jobs",
        "restore_attempts",
        ["selected_restore_id"],
        ["id"],
        ondelete="SET NULL",
    )


def _make_jobs() -> None:
    op.create_table(
        "jobs",
        sa.Column("id", sa.Uuid(), primary_key=True),
        sa.Column(
            "user_id", sa.Uuid(), sa.ForeignKey("users.id", ondelete="CASCADE"), nullable=False
        ),
        _text("email"),
        _text("status"),
        _text("original_key"),
        _text("original_media_type"),
        _text("original_sha256"),
        sa.Column("original_bytes", sa.Integer(), nullable=False),
        _text("working_key"),
        sa.Column("width", sa.Integer(), nullable=False),
        sa.Column("height", sa.Integer(), nullable=False),
        sa.Column("selected_restore_id", sa.Uuid()),
        _moment("created_at", now=True),
        _moment("updated_at", now=True),
        sa.Column("version", sa.Integer(), nullable=False),
    )
    op.create_index("ix_jobs_user_newest", "jobs", ["user_id", "created_at", "id"])


def _make_attempts() -> None:
    op.create_table(
        "restore_attempts",
        sa.Column("id", sa.Uuid(), primary_key=True),
        sa.Column(
            "job_id", sa.Uuid(), sa.ForeignKey("jobs.id", ondelete="CASCADE"), nullable=False
        ),
        _text("status"),
        _text("stage", nullable=True),
        sa.Column("progress", sa.Float(), nullable=False),
        _text("graph"),
        _text("graph_version"),
        _text("gpu_class"),
        sa.Column("priority", sa.Integer(), nullable=False),
        sa.Column("parameters", JSONB(), nullable=False),
        _text("stamp"),
        sa.Column("try_number", sa.Integer(), nullable=False),
        _text("pod_id", nullable=True),
        sa.Column("engine_seconds", sa.Float()),
        _text("master_key", nullable=True),
        _text("master_sha256", nullable=True),
        sa.Column("width", sa.Integer()),
        sa.Column("height", sa.Integer()),
        _text("preview_key", nullable=True),
        _text("thumbnail_key", nullable=True),
        _text("error_code", nullable=True),
        _text("error_message", nullable=True),
        _moment("created_at", now=True),
        _moment("started_at"),
        _moment("finished_at"),
        sa.Column("version", sa.Integer(), nullable=False),
    )
    op.create_index("ix_restore_attempts_job", "restore_attempts", ["job_id", "created_at"])
    op.create_index(
        "ix_restore_attempts_open",
        "restore_attempts",
        ["gpu_class", "priority"],
        postgresql_where=sa.text("status in ('queued', 'running')"),
    )


def downgrade() -> None:
    """Drop the tables."""
    op.drop_constraint("fk_jobs_selected_restore", "jobs")
    for table in ("restore_attempts", "jobs", "users", "pods"):
        op.drop_table(table)
