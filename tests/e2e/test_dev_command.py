"""`rekindle dev` as a person runs it: it says where everything is, and leaves nothing behind."""

import json
import os
import select
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from deploy.stack.ports import choose_ports

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]

REKINDLE = Path(sys.executable).with_name("rekindle")


def environment() -> dict[str, str]:
    """What the command needs, without anybody's settings."""
    return {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}


def rekindle(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [REKINDLE, *arguments],
        cwd=folder,
        env=environment(),
        capture_output=True,
        text=True,
        timeout=180,
    )


@contextmanager
def dev(folder: Path) -> Iterator[subprocess.Popen[str]]:
    """`rekindle dev` in a folder, from the moment it says that it runs."""
    data = folder / ".rekindle" / "dev"
    data.mkdir(parents=True, exist_ok=True)
    choose_ports(data, {}, {})  # else it would prefer the customary ports of this machine
    with subprocess.Popen(
        [REKINDLE, "dev"],
        cwd=folder,
        env=environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as process:
        assert process.stdout is not None
        try:
            said = []
            for line in process.stdout:
                said.append(line)
                if line.startswith("Stop with"):
                    break
            else:
                raise AssertionError("".join(said))
            yield process
        finally:
            process.kill()
            process.stdout.read()


def await_end(pid: int, seconds: float) -> bool:
    """Whether the process ends in time."""
    try:
        handle = os.pidfd_open(pid)
    except ProcessLookupError:
        return True
    try:
        return bool(select.select([handle], [], [], seconds)[0])
    finally:
        os.close(handle)


def test_dev_answers_refuses_a_second_one_outlives_a_kill_and_stops_cleanly(
    tmp_path: Path, processes_using: Callable[[Path], dict[int, str]]
) -> None:
    noted = tmp_path / ".rekindle/dev/running.json"
    with dev(tmp_path) as process:
        note = json.loads(noted.read_text())
        assert httpx.get(f"{note['api']}/docs", timeout=60).status_code == 200

        token = rekindle(tmp_path, "token")
        assert token.returncode == 0, token.stderr
        jobs = httpx.get(
            f"{note['api']}/api/v1/jobs",
            headers={"Authorization": f"Bearer {token.stdout.strip()}"},
            timeout=60,
        )
        assert jobs.json()["jobs"] == []

        doctor = rekindle(tmp_path, "doctor", "--data", ".rekindle/dev", "--json")
        assert doctor.returncode == 0, doctor.stdout + doctor.stderr
        assert {"API", "worker", "tables"} <= {
            f["subject"] for f in json.loads(doctor.stdout)["findings"]
        }

        second = rekindle(tmp_path, "dev")
        assert second.returncode == 1
        assert f"in use by process {process.pid}" in second.stderr

        pids = processes_using(tmp_path)
        assert len(pids) > 7  # itself, seven services, their guards
        process.kill()
        assert [pid for pid in pids if not await_end(pid, 60)] == []

    with dev(tmp_path) as process:
        assert {**json.loads(noted.read_text()), "pid": 0} == {**note, "pid": 0}
        process.send_signal(signal.SIGINT)
        assert process.wait(60) == 0
    assert processes_using(tmp_path) == {}
    assert rekindle(tmp_path, "token").returncode == 2
