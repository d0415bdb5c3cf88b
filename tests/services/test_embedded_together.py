"""All three servers at once, as `rekindle dev` runs them: up together, gone together."""

import json
import os
import select
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from deploy.embedded.postgres import EmbeddedPostgres
from deploy.embedded.s3 import EmbeddedS3
from deploy.embedded.service import running
from deploy.embedded.temporal import EmbeddedTemporal
from rekindle.errors import PortTaken

STARTER = """
import json, sys
from pathlib import Path
from deploy.embedded.postgres import EmbeddedPostgres
from deploy.embedded.s3 import EmbeddedS3
from deploy.embedded.service import running
from deploy.embedded.temporal import EmbeddedTemporal
data = Path(sys.argv[1])
services = [
    EmbeddedTemporal(data / "temporal"),
    EmbeddedPostgres(data / "postgres"),
    EmbeddedS3(data / "s3", bucket="photos"),
]
with running(*services):
    print(json.dumps({service.name: service.pid for service in services}), flush=True)
    print(services[2].address.endpoint_url, flush=True)
    sys.stdin.read()
"""


class Starter:
    """A process that started all three and now waits for its standard input to end."""

    def __init__(self, data: Path) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-c", STARTER, data], stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )
        assert self.process.stdout is not None
        with self.process.stdout as said:
            self.pids: dict[str, int] = json.loads(said.readline())
            self.s3_port = said.readline().decode().strip().rpartition(":")[2]

    def descendants(self) -> list[int]:
        """Everything below it now: guards, servers, and Postgres's own processes."""
        below = psutil.Process(self.process.pid).children(recursive=True)
        return [process.pid for process in below]

    def end(self) -> None:
        assert self.process.stdin is not None
        self.process.stdin.close()
        self.process.wait(timeout=60)


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("together")


def await_gone(pids: list[int], seconds: float) -> None:
    deadline = time.monotonic() + seconds
    for pid in pids:
        try:
            handle = os.pidfd_open(pid)
        except ProcessLookupError:
            continue
        ended = select.select([handle], [], [], max(0.0, deadline - time.monotonic()))[0]
        os.close(handle)
        assert ended, f"process {pid} is still there: {Path(f'/proc/{pid}/cmdline').read_text()}"


def test_leaving_the_context_leaves_no_process(data: Path) -> None:
    starter = Starter(data)
    descendants = starter.descendants()
    starter.end()

    assert set(starter.pids.values()) < set(descendants)
    assert len(descendants) >= 6 + 3  # three guards, three servers, helpers of Postgres
    await_gone(descendants, seconds=0.0)
    assert starter.process.returncode == 0


def test_killing_the_starter_leaves_no_process_and_data_that_start_again(data: Path) -> None:
    starter = Starter(data)
    descendants = starter.descendants()
    starter.process.kill()
    started = time.monotonic()
    again = Starter(data)  # at once: it waits for the data instead of refusing
    try:
        await_gone(descendants, seconds=max(0.0, started + 60 - time.monotonic()))
    finally:
        starter.end()
        again.end()

    assert again.pids.keys() == {"temporal", "postgres", "s3"}
    assert not list(Path("/tmp").glob(f"seaweedfs-*{starter.s3_port}*.sock"))  # noqa: S108


def test_killing_every_guard_leaves_no_server(data: Path) -> None:
    starter = Starter(data)
    descendants = starter.descendants()
    guards = [pid for pid in descendants if parent_of(pid) == starter.process.pid]
    for guard in guards:
        os.kill(guard, 9)
    try:
        assert len(guards) == 3
        await_gone(descendants, seconds=60.0)
    finally:
        starter.end()


def test_when_one_cannot_start_the_others_are_stopped(data: Path) -> None:
    postgres, temporal = EmbeddedPostgres(data / "postgres"), EmbeddedTemporal(data / "temporal")
    with postgres:
        clash = EmbeddedS3(data / "s3", bucket="photos", port=postgres.address.port)
        with pytest.raises(PortTaken, match="s3 cannot listen"), running(temporal, clash):
            pytest.fail("it must not be entered")

        assert not temporal.is_running
        assert not clash.is_running
        assert postgres.is_running


def parent_of(pid: int) -> int:
    return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])
