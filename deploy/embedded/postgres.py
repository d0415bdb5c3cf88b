"""Postgres on one machine: PostgreSQL 18 from a wheel, over TCP with a generated password."""

import contextlib
import os
import secrets
import shutil
import signal
import subprocess
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from deploy.embedded.data_lock import is_alive
from deploy.embedded.ports import HOST, free_port
from deploy.embedded.postgres_install import find_install, install_for, user_for
from deploy.embedded.process import GuardedProcess, User
from deploy.embedded.service import EmbeddedService, clean_environment
from rekindle.errors import LocalServiceError

if TYPE_CHECKING:
    import psycopg  # at run time only when needed: a command that starts nothing must start fast

USER = "app"
# The cluster's folder is always the working folder. This name of it can be opened even where a
# parent folder is closed to the user the server runs as (root steps down to `nobody`).
HERE = "/proc/self/cwd"


@dataclass(frozen=True)
class PostgresAddress:
    """Where an embedded Postgres is, and the password to it."""

    host: str
    port: int
    user: str
    password: str = field(repr=False)
    database: str

    @property
    def url(self) -> str:
        """As a URL, with the password."""
        return f"postgresql://{self.user}:{self.password}@{self.host}:{self.port}/{self.database}"


class EmbeddedPostgres(EmbeddedService):
    """A Postgres server whose acknowledged rows survive `kill -9`; about 20 MB.

    Run as root, the server becomes the owner of its folder, or `nobody`.
    """

    name = "postgres"

    def __init__(self, data: Path, *, database: str = "rekindle", port: int | None = None) -> None:
        """Describe the server; nothing runs yet.

        Args:
            data: its folder.
            database: made if missing.
            port: a free one by default.
        """
        super().__init__(data)
        self._database = database
        self._port = port or free_port()

    @property
    def address(self) -> PostgresAddress:
        """Where it is; the password is made with the first start.

        Raises:
            RuntimeError: it was never started on this folder.
        """
        try:
            password = self._password.read_text()
        except FileNotFoundError:
            raise RuntimeError(f"{self.name} was never started on {self.data}") from None
        return PostgresAddress(
            host=HOST, port=self._port, user=USER, password=password, database=self._database
        )

    @property
    def _cluster(self) -> Path:
        return self.data / "cluster"

    @property
    def _password(self) -> Path:
        return self.data / "password"

    def _ports(self) -> list[int]:
        return [self._port]

    def _prepare(self) -> GuardedProcess:
        user = user_for(self._cluster)
        install = install_for(user, find_install())
        if not self._cluster.exists():
            self._make_cluster(install / "bin" / "initdb", user)
        self._forget_dead_postmaster()
        return GuardedProcess(
            [
                install / "bin" / "postgres",
                *("-D", HERE if user else self._cluster),
                *("-h", HOST, "-p", str(self._port)),
                *("-k", ""),  # no socket in the file system
                *("-c", "dynamic_shared_memory_type=mmap"),  # in the cluster, not in /dev/shm
                # After a crash it first writes its whole folder to disk: once, not file by file.
                *("-c", "recovery_init_sync_method=syncfs"),
                *("-c", "log_checkpoints=off"),
            ],
            name=self.name,
            log=self.log,
            cwd=self._cluster,
            env=clean_environment(self.data),
            polite_signal=signal.SIGINT,  # end open transactions instead of waiting for them
            run_as=user,
            keep_fds=[self._lock_descriptor],
        )

    def _make_cluster(self, initdb: Path, user: User | None) -> None:
        """Make the database's files under another name first, so that a half-made one is redone."""
        draft = self.data / "cluster.new"
        shutil.rmtree(draft, ignore_errors=True)
        draft.mkdir(mode=0o700)
        password = secrets.token_urlsafe(24)
        options = ["-D", HERE, "-U", USER, "--auth=scram-sha-256", "--pwfile=/dev/stdin"]
        # Waiting for the disk takes seconds on a busy one; a crash of the machine (not of the
        # server) within half a minute of the very first start would lose the empty database.
        options += ["--encoding=UTF8", "--locale=C.UTF-8", "--no-sync"]
        with tempfile.TemporaryFile(dir=self.data) as pwfile:
            pwfile.write(password.encode())
            pwfile.flush()
            if user is not None:
                os.chown(draft, user.uid, user.gid)
                os.fchown(pwfile.fileno(), user.uid, user.gid)
            outcome = subprocess.run(
                [initdb, *options],
                stdin=pwfile,
                capture_output=True,
                text=True,
                cwd=draft,
                env=clean_environment(self.data),
                user=user.uid if user else None,
                group=user.gid if user else None,
                extra_groups=[] if user else None,
                check=False,
            )
        if outcome.returncode != 0:
            raise LocalServiceError(f"initdb failed in {draft}:\n{outcome.stderr.strip()}")
        with open(
            self._password, "w", opener=lambda name, flags: os.open(name, flags, 0o600)
        ) as file:
            file.write(password)
        draft.rename(self._cluster)

    def _forget_dead_postmaster(self) -> None:
        """Remove `postmaster.pid` if its process is no Postgres.

        After a crash the number may belong to any other process (in a container it usually does),
        and Postgres then refuses to start. Our lock already says that no server is running here.
        """
        lock = self._cluster / "postmaster.pid"
        with contextlib.suppress(FileNotFoundError, ValueError):
            pid = int(lock.read_text().split("\n", 1)[0])
            if not _is_postgres(pid):
                lock.unlink()

    def _probe(self) -> str | None:
        import psycopg

        try:
            self._connect().close()
        except psycopg.OperationalError as error:
            return str(error)
        return None

    def _settle(self) -> None:
        """Make the database if it is missing."""
        from psycopg import sql

        exists = "SELECT FROM pg_database WHERE datname = %s"
        create = sql.SQL("CREATE DATABASE {}").format(sql.Identifier(self._database))
        with self._connect() as connection:
            if connection.execute(exists, [self._database]).rowcount == 0:
                connection.execute(create)

    def _connect(self) -> "psycopg.Connection":
        import psycopg

        address = self.address
        return psycopg.connect(
            host=address.host,
            port=address.port,
            user=address.user,
            password=address.password,
            dbname="postgres",
            autocommit=True,
            connect_timeout=2,
        )


def _is_postgres(pid: int) -> bool:
    try:
        name = Path(f"/proc/{pid}/comm").read_text().strip()
    except OSError:
        return False
    return name == "postgres" and is_alive(pid)
