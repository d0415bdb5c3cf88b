"""Alembic's entry: run against the connection that `rekindle.store.schema` hands over."""

from alembic import context
from sqlmodel import SQLModel

import rekindle.models  # noqa: F401  (registers the tables)

connection = context.config.attributes["connection"]
context.configure(connection=connection, target_metadata=SQLModel.metadata, compare_type=True)
with context.begin_transaction():
    context.run_migrations()
