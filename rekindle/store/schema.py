"""The database's shape, moved in both directions."""

from dataclasses import dataclass
from importlib.resources import files

from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, create_engine, text
from sqlalchemy.pool import NullPool

from rekindle.store.database import driver_url

_LOCK = 7_351_962_113
"""Two processes that migrate at once take turns (a Postgres advisory lock)."""


def migrate(database_url: str, *, to: str = "head") -> str | None:
    """Bring the database to a revision, upwards or downwards. Idempotent.

    Args:
        database_url: as in the settings.
        to: a revision id, `head`, or `base` (no tables at all).

    Returns:
        The revision it is at afterwards; None for `base`.
    """
    engine = create_engine(driver_url(database_url), poolclass=NullPool)
    with engine.connect() as connection:
        connection.execute(text("select pg_advisory_lock(:key)"), {"key": _LOCK})
        config = _config(connection)
        move = command.upgrade if _is_ahead(config, connection, to) else command.downgrade
        move(config, to)
        connection.commit()
        return MigrationContext.configure(connection).get_current_revision()


@dataclass(frozen=True)
class SchemaState:
    """Where a database stands.

    Attributes:
        server_version: major version of Postgres.
        present: its revision; None without any tables of ours.
        head: the newest revision that this release knows.
    """

    server_version: int
    present: str | None
    head: str | None


def look(database_url: str, *, timeout: int) -> SchemaState:
    """Where the database stands; nothing is changed.

    Args:
        database_url: as in the settings.
        timeout: longest wait for a connection, seconds.

    Raises:
        sqlalchemy.exc.SQLAlchemyError: it cannot be reached or refuses; its text may show
            fragments of the URL.
    """
    waits = {"connect_timeout": timeout}
    engine = create_engine(driver_url(database_url), poolclass=NullPool, connect_args=waits)
    with engine.connect() as connection:
        number = connection.execute(text("show server_version_num")).scalar_one()
        return SchemaState(
            server_version=int(number) // 10000,
            present=MigrationContext.configure(connection).get_current_revision(),
            head=ScriptDirectory.from_config(_config(connection)).get_current_head(),
        )


def _config(connection: Connection) -> Config:
    config = Config()
    config.set_main_option("script_location", str(files("rekindle.migrations")))
    config.attributes["connection"] = connection
    return config


def _is_ahead(config: Config, connection: Connection, to: str) -> bool:
    """Whether the wanted revision lies above the present one."""
    if to in ("head", "base"):
        return to == "head"
    present = MigrationContext.configure(connection).get_current_revision()
    script = ScriptDirectory.from_config(config)
    below = {r.revision for r in script.iterate_revisions(present or "base", "base")}
    return to not in below
