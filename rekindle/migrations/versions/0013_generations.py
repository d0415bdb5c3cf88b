"""Generations: jobs without a photo, whose pictures are made of words alone."""

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None

_PHOTO: dict[str, sa.types.TypeEngine[Any]] = {
    "original_key": sa.String(),
    "original_media_type": sa.String(),
    "original_sha256": sa.String(),
    "original_bytes": sa.Integer(),
    "working_key": sa.String(),
    "width": sa.Integer(),
    "height": sa.Integer(),
}
_WHOLE = f"num_nonnulls({', '.join(_PHOTO)}) in (0, {len(_PHOTO)})"


def upgrade() -> None:
    """Let a job have no photo; one that has a photo has all that is known of it."""
    for name, kind in _PHOTO.items():
        op.alter_column("jobs", name, existing_type=kind, nullable=True)
    op.create_check_constraint("ck_jobs_photo", "jobs", _WHOLE)


def downgrade() -> None:
    """Every job has a photo again: those without one are gone, and all generations."""
    op.drop_constraint("ck_jobs_photo", "jobs")
    op.execute("delete from attempts where kind = 'generation'")
    op.execute("delete from jobs where original_key is null")
    for name, kind in _PHOTO.items():
        op.alter_column("jobs", name, existing_type=kind, nullable=False)
