"""The API as a process of its own, over the real services."""

import os
import socket
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest

from deploy.embedded.ports import free_port
from deploy.embedded.postgres import EmbeddedPostgres
from deploy.embedded.probes import http_ok
from deploy.embedded.process import GuardedProcess
from deploy.embedded.s3 import EmbeddedS3
from deploy.embedded.temporal import EmbeddedTemporal
from deploy.stack.services import Issuer

AUDIENCE = "https://api.example"


class Server:
    """A running API."""

    def __init__(self, folder: Path, environment: dict[str, str]) -> None:
        self.scratch = folder / "tmp"
        self.scratch.mkdir()
        self.log = folder / "log.txt"
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.process = GuardedProcess(
            [sys.executable, "-m", "api.main"],
            name="api",
            log=self.log,
            env={
                **environment,
                "BACKEND_PORT": str(self.port),
                "TMPDIR": str(self.scratch),
                "PATH": os.environ["PATH"],
            },
        )

    def start(self) -> None:
        self.process.start(http_ok(self.port, "/health/ready"))

    def start_unready(self) -> None:
        """As `start`, but without a question that would reach the parts behind it."""
        self.process.start(self._listens)

    def _listens(self) -> str | None:
        try:
            socket.create_connection(("127.0.0.1", self.port), timeout=5).close()
        except OSError as error:
            return repr(error)
        return None

    def memory(self, line: str) -> int:
        """A line of the kernel's account of the process, in bytes: VmRSS now, VmHWM at most."""
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        [found] = [row.split() for row in status.splitlines() if row.startswith(f"{line}:")]
        return int(found[1]) * 1024

    def forget_peak(self) -> None:
        """Make VmHWM begin again (proc(5), clear_refs)."""
        Path(f"/proc/{self.process.pid}/clear_refs").write_text("5")

    def left_behind(self) -> list[str]:
        """Temporary files, with a name or without, that the process still has."""
        descriptors = Path(f"/proc/{self.process.pid}/fd")
        nameless = []
        for each in descriptors.iterdir():
            try:
                nameless.append(str(each.readlink()))
            except FileNotFoundError:  # closed while we looked
                continue
        open_files = [name for name in nameless if name.startswith(str(self.scratch))]
        return open_files + [str(path) for path in self.scratch.rglob("*")]


MakeServer = Callable[..., Server]


@pytest.fixture(scope="module")
def issuer(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Issuer]:
    with Issuer(tmp_path_factory.mktemp("issuer"), port=free_port(), audience=AUDIENCE) as issuer:
        yield issuer


@pytest.fixture(scope="module")
def environment(
    postgres_server: EmbeddedPostgres,
    s3_server: EmbeddedS3,
    temporal_server: EmbeddedTemporal,
    issuer: Issuer,
) -> dict[str, str]:
    """The settings of a working API."""
    key = next(iter(s3_server.address.keys.values()))
    return {
        "DATABASE_URL": postgres_server.address.url,
        "TEMPORAL_ADDRESS": temporal_server.address.address,
        "S3_ENDPOINT_URL": s3_server.address.endpoint_url,
        "S3_BUCKET": s3_server.address.bucket,
        "AWS_ACCESS_KEY_ID": key.access_key,
        "AWS_SECRET_ACCESS_KEY": key.secret_key,
        "AUTH0_DOMAIN": issuer.issuer,
        "AUTH0_AUDIENCE": AUDIENCE,
        "SECRET_KEY": "s" * 32,
    }


@pytest.fixture(scope="module")
def server(
    tmp_path_factory: pytest.TempPathFactory, environment: dict[str, str]
) -> Iterator[Server]:
    server = Server(tmp_path_factory.mktemp("api"), environment)
    server.start()
    yield server
    server.process.stop()


@pytest.fixture(scope="module")
def token(issuer: Issuer) -> str:
    reply = httpx.post(
        f"{issuer.issuer}oauth/token",
        data={"grant_type": "client_credentials"},
        auth=(issuer.client_id, issuer.secret_file.read_text()),
        timeout=60,
    )
    return str(reply.raise_for_status().json()["access_token"])


@pytest.fixture
def make_server(
    tmp_path_factory: pytest.TempPathFactory, environment: dict[str, str]
) -> Iterator[MakeServer]:
    """Describes a further API with some settings changed; it is stopped if it still runs."""
    made: list[Server] = []

    def make(**changed: str) -> Server:
        made.append(Server(tmp_path_factory.mktemp("further"), {**environment, **changed}))
        return made[-1]

    yield make
    for server in made:
        server.process.stop()
