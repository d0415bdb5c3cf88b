"""Alembic revisions, shipped inside the wheel; `rekindle migrate --to REV` goes both ways."""
