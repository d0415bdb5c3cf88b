"""Connections and transactions."""

from collections.abc import AsyncIterator
from contextlib import aclosing, asynccontextmanager

import psycopg
from psycopg import sql
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.ext.asyncio import AsyncSession, create_async_engine

from rekindle.errors import DatabaseUnavailable


def driver_url(database_url: str) -> str:
    """The URL with psycopg 3 as its driver, whatever Postgres scheme it came with."""
    scheme, _, rest = database_url.partition("://")
    return f"postgresql+psycopg://{rest}" if scheme.startswith("postgres") else database_url


LISTENER = "rekindle-listener"
"""By this name Postgres knows the connections that listen (`pg_stat_activity`)."""


def libpq_url(database_url: str) -> str:
    """The URL as Postgres' own library reads it, whatever driver it names."""
    _, _, rest = database_url.partition("://")
    return f"postgresql://{rest}"


class Database:
    """A bounded pool of connections to one Postgres."""

    def __init__(
        self, database_url: str, *, pool_size: int = 10, patience_seconds: int = 10
    ) -> None:
        """Prepare the pool; nothing connects yet.

        Args:
            database_url: `postgresql://<user>:<password>@host:port/name`.
            pool_size: most connections of this process.
            patience_seconds: how long a caller waits for one of them, or for a new one to open.
        """
        self._url = database_url
        self._patience_seconds = patience_seconds
        self._engine = create_async_engine(
            driver_url(database_url),
            hide_parameters=True,  # error texts would show e-mail addresses
            pool_size=pool_size,
            max_overflow=0,
            pool_timeout=patience_seconds,
            pool_pre_ping=True,
            connect_args={"connect_timeout": patience_seconds},
        )

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[AsyncSession]:
        """One transaction: committed at the end, rolled back on any error.

        Raises:
            DatabaseUnavailable: Postgres cannot be reached or broke the connection, or every
                connection of the pool stayed in use.
        """
        try:
            async with (
                AsyncSession(self._engine, expire_on_commit=False) as session,
                session.begin(),
            ):
                yield session
        except (OperationalError, InterfaceError, PoolTimeout) as error:
            raise DatabaseUnavailable(str(error)) from error
        except DBAPIError as error:
            if error.connection_invalidated:
                raise DatabaseUnavailable(str(error)) from error
            raise

    @asynccontextmanager
    async def listen(self, channel: str) -> AsyncIterator[AsyncIterator[str]]:
        """What is rung on a channel (`NOTIFY`) from now on, over a connection beside the pool.

        It must reach Postgres itself: a proxy that lends connections by transaction cannot listen.

        Raises:
            DatabaseUnavailable: Postgres cannot be reached or the connection broke; what is rung
                until somebody listens again is lost.
        """
        try:
            connection = await psycopg.AsyncConnection.connect(
                libpq_url(self._url),
                autocommit=True,
                connect_timeout=self._patience_seconds,
                application_name=LISTENER,
                # Silent for long, so that only this tells its death, within half a minute.
                keepalives_idle=10,
                keepalives_interval=5,
                keepalives_count=3,
            )
            async with connection, aclosing(connection.notifies()) as notices:
                await connection.execute(sql.SQL("listen {}").format(sql.Identifier(channel)))
                yield (notice.payload async for notice in notices)
        except (psycopg.OperationalError, psycopg.InterfaceError) as error:
            raise DatabaseUnavailable(str(error)) from error

    async def check(self) -> None:
        """Return when Postgres answers; raise `DatabaseUnavailable` otherwise."""
        async with self.transaction() as session:
            await session.execute(text("select 1"))

    @property
    def connections_used(self) -> int:
        """How many connections of the pool somebody holds now."""
        return self._engine.pool.checkedout()  # type: ignore[attr-defined, no-any-return]

    async def close(self) -> None:
        """Close every connection."""
        await self._engine.dispose()
