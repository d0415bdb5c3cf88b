"""Albums, and orders over several photos."""

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None

_MOMENT = sa.DateTime(timezone=True)


def upgrade() -> None:
    """Make the tables; an order over several photos names no attempt of its own."""
    _make_albums()
    op.alter_column("orders", "attempt_id", nullable=True)
    op.add_column(
        "orders",
        sa.Column("album_id", sa.Uuid(), sa.ForeignKey("albums.id", ondelete="SET NULL")),
    )
    op.create_index("ix_orders_album", "orders", ["album_id"])
    op.add_column("order_refunds", sa.Column("item", sa.Integer()))
    op.create_table(
        "order_items",
        sa.Column(
            "order_id",
            sa.Uuid(),
            sa.ForeignKey("orders.id", ondelete="RESTRICT"),
            primary_key=True,
        ),
        sa.Column("number", sa.Integer(), primary_key=True),
        sa.Column("job_id", sa.Uuid(), sa.ForeignKey("jobs.id", ondelete="SET NULL")),
        sa.Column("attempt_id", sa.Uuid(), nullable=False),
        sa.Column("product", sa.String(), nullable=False),
        sa.Column("share", sa.Integer(), nullable=False),
        sa.Column("hd", sa.String(), nullable=False),
        sa.Column("error_code", sa.String()),
        sa.Column("object_key", sa.String()),
        *(sa.Column(name, _MOMENT) for name in ("granted_at", "revoked_at", "closed_at")),
        sa.CheckConstraint("share > 0", name="ck_order_items_share"),
    )
    op.create_index(
        "ix_order_items_one",
        "order_items",
        ["attempt_id", "product"],
        unique=True,
        postgresql_where=sa.text("closed_at is null"),
    )
    op.create_index("ix_order_items_job", "order_items", ["job_id"])


def downgrade() -> None:
    """Drop them: what an order over several photos was for is then not known any more."""
    op.drop_table("order_items")
    op.drop_column("order_refunds", "item")
    op.drop_column("orders", "album_id")
    op.execute("update orders set attempt_id = id where attempt_id is null")
    op.alter_column("orders", "attempt_id", nullable=False)
    op.drop_table("album_items")
    op.drop_table("albums")


def _make_albums() -> None:
    op.create_table(
        "albums",
        sa.Column("id", sa.Uuid(), primary_key=True),
        sa.Column(
            "user_id", sa.Uuid(), sa.ForeignKey("users.id", ondelete="CASCADE"), nullable=False
        ),
        sa.Column("title", sa.String(), nullable=False),
        sa.Column("created_at", _MOMENT, server_default=sa.func.now(), nullable=False),
        sa.Column("updated_at", _MOMENT, server_default=sa.func.now(), nullable=False),
    )
    op.create_index("ix_albums_user_newest", "albums", ["user_id", "created_at", "id"])
    op.create_table(
        "album_items",
        sa.Column(
            "album_id",
            sa.Uuid(),
            sa.ForeignKey("albums.id", ondelete="CASCADE"),
            primary_key=True,
        ),
        sa.Column(
            "job_id", sa.Uuid(), sa.ForeignKey("jobs.id", ondelete="CASCADE"), primary_key=True
        ),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("added_at", _MOMENT, server_default=sa.func.clock_timestamp(), nullable=False),
    )
    op.create_index("ix_album_items_job", "album_items", ["job_id"])
