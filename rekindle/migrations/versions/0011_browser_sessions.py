"""Browser sessions, by the hashes of their cookies."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import ARRAY

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the table."""
    moment = sa.DateTime(timezone=True)
    op.create_table(
        "browser_sessions",
        sa.Column("sha256", sa.LargeBinary(), primary_key=True),
        sa.Column(
            "user_id", sa.Uuid(), sa.ForeignKey("users.id", ondelete="CASCADE"), nullable=False
        ),
        sa.Column("scopes", ARRAY(sa.String()), nullable=False),
        sa.Column("created_at", moment, server_default=sa.func.now(), nullable=False),
        sa.Column("last_used_at", moment, server_default=sa.func.now(), nullable=False),
        sa.Column("expires_at", moment, nullable=False),
    )
    op.create_index("ix_browser_sessions_user", "browser_sessions", ["user_id"])
    op.create_index("ix_browser_sessions_end", "browser_sessions", ["expires_at"])


def downgrade() -> None:
    """Drop it: everybody is signed out."""
    op.drop_table("browser_sessions")
