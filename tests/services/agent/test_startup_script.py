"""deploy/pod/startup.sh, really run in a scratch folder."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest

from deploy.embedded.ports import free_port

SCRIPT = Path(__file__).parents[3] / "deploy" / "pod" / "startup.sh"
PATIENCE_SECONDS = 100
TOKEN = "t" * 40


class Startup:
    """The script with a folder and ports of its own."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        engine = f"'{sys.executable}' -m simulators.comfyui --listen 127.0.0.1"
        self.env = {
            **os.environ,
            "REKINDLE_HOME": str(home),
            "REKINDLE_PYTHON": sys.executable,
            "REKINDLE_POD_TOKEN": TOKEN,
            "GPU_SERVER_HOST": "127.0.0.1",
            "RUNPOD_SIMULATED_PORT_8001": str(self.port),
            "RUNPOD_SIMULATED_PORT_8188": str(free_port()),
            "LEAST_FREE_DISK_MB": "0",
            "COMFYUI_COMMAND": f"{engine} --port $COMFYUI_PORT "
            '--base-directory "$COMFYUI_BASE_DIRECTORY"',
        }

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [SCRIPT, *arguments],
            env=self.env,
            capture_output=True,
            text=True,
            timeout=PATIENCE_SECONDS,
            check=False,
        )

    def pid(self, name: str) -> int:
        return int((self.home / "run" / f"{name}.pid").read_text())

    def log(self, name: str) -> str:
        return (self.home / "logs" / f"{name}.log").read_text()

    def processes(self) -> dict[int, str]:
        """Every process that was started for this folder, by its environment."""
        mark = f"REKINDLE_HOME={self.home}".encode()
        found = {}
        for folder in Path("/proc").iterdir():
            if not folder.name.isdecimal():
                continue
            try:
                if mark in (folder / "environ").read_bytes().split(b"\0"):
                    found[int(folder.name)] = (folder / "cmdline").read_text().replace("\0", " ")
            except OSError:
                continue
        return found

    def healthy(self) -> bool:
        try:
            return bool(httpx.get(f"{self.url}/health", timeout=60).json()["status"] == "healthy")
        except httpx.TransportError:
            return False


def until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.05)


@pytest.fixture
def startup(tmp_path: Path) -> Iterator[Startup]:
    script = Startup(tmp_path / "a home")
    script.home.mkdir()
    yield script
    script.run("--stop")
    until(lambda: not script.processes())


def test_it_starts_a_pod_and_a_second_run_finds_it_running(startup: Startup) -> None:
    first = startup.run()
    assert first.returncode == 0, first.stdout + first.stderr + startup.log("agent")
    assert '"status":"healthy"' in first.stdout
    pids = {name: startup.pid(name) for name in ("comfyui", "agent")}
    second = startup.run()
    assert second.returncode == 0
    assert second.stdout.count("runs already") == 2
    assert {name: startup.pid(name) for name in pids} == pids
    assert "agent started" in startup.log("startup")
    reply = httpx.get(
        f"{startup.url}/queue", headers={"Authorization": f"Bearer {TOKEN}"}, timeout=60
    )
    assert reply.status_code == 200


def test_comfyui_finds_the_folder_that_it_does_not_make_itself(startup: Startup) -> None:
    """0.3.64 lists `custom_nodes` of its base directory first of all, and ends if it is missing."""
    engine = startup.env["COMFYUI_COMMAND"]
    lists = 'ls "$COMFYUI_BASE_DIRECTORY/custom_nodes"'
    startup.env["COMFYUI_COMMAND"] = f"bash -c '{lists} && exec \"$@\"' - {engine}"
    assert startup.run().returncode == 0, startup.log("comfyui")


def test_what_dies_comes_back_and_stop_leaves_nothing(startup: Startup) -> None:
    startup.env["EXTRA_SERVICE_COMMAND"] = "sleep 3600"
    assert startup.run().returncode == 0
    assert len(startup.processes()) >= 6
    for name in ("comfyui", "agent", "extra"):
        before = startup.pid(name)
        os.kill(before, signal.SIGKILL)
        until(lambda name=name, before=before: _other(startup, name, before))  # type: ignore[misc]
    until(startup.healthy)
    assert "comfyui ended with 137" in startup.log("startup")
    assert startup.run("--stop").returncode == 0
    until(lambda: not startup.processes())
    assert list((startup.home / "run").iterdir()) == []


def _other(startup: Startup, name: str, before: int) -> bool:
    try:
        return startup.pid(name) != before
    except (FileNotFoundError, ValueError):
        return False


def test_after_a_killed_loop_the_next_run_takes_over(startup: Startup) -> None:
    assert startup.run().returncode == 0
    keeper = int((startup.home / "run" / "comfyui.keeper").read_text().split()[0])
    before = startup.pid("comfyui")
    os.kill(keeper, signal.SIGKILL)
    assert startup.run().returncode == 0
    assert startup.pid("comfyui") != before
    assert before not in startup.processes()


def test_numbers_of_an_earlier_boot_mean_nothing(startup: Startup) -> None:
    run = startup.home / "run"
    run.mkdir()
    for name in ("comfyui", "agent", "startup"):
        suffix = "lock" if name == "startup" else "keeper"
        (run / f"{name}.{suffix}").write_text(f"{os.getpid()} 1\n")
        (run / f"{name}.child").write_text(f"{os.getpid()} 1\n")
    assert startup.run().returncode == 0
    assert startup.healthy()


def test_comfyui_is_given_no_secret(startup: Startup) -> None:
    startup.env |= {"RUNPOD_API_KEY": "k" * 20, "AWS_SECRET_ACCESS_KEY": "k" * 20, "HF_TOKEN": "x"}
    startup.env |= {"DATABASE_URL": "postgresql://u:p@127.0.0.1/x"}
    assert startup.run().returncode == 0
    environment = Path(f"/proc/{startup.pid('comfyui')}/environ").read_bytes()
    assert b"COMFYUI_BASE_DIRECTORY=" in environment
    for secret in (TOKEN.encode(), b"k" * 20, b"HF_TOKEN", b"DATABASE_URL"):
        assert secret not in environment
    for log in (startup.home / "logs").iterdir():
        assert TOKEN not in log.read_text()


def test_all_adds_the_api_and_a_worker(startup: Startup) -> None:
    startup.env |= {"API_COMMAND": "sleep 3600", "WORKER_COMMAND": "sleep 3600"}
    done = startup.run("--all")
    assert done.returncode == 0
    commands = [startup.processes()[startup.pid(name)] for name in ("api", "worker")]
    assert commands == ["sleep 3600 ", "sleep 3600 "]


def test_in_the_foreground_sigterm_ends_everything(startup: Startup) -> None:
    output = startup.home / "output.txt"
    with output.open("w") as file:
        process = subprocess.Popen([SCRIPT, "--foreground"], env=startup.env, stdout=file)
    try:
        until(startup.healthy)
        process.send_signal(signal.SIGTERM)
        assert process.wait(PATIENCE_SECONDS) == 0
    finally:
        process.kill()
        process.wait()
    until(lambda: not startup.processes())


@pytest.mark.parametrize("mode", [(), ("--foreground",)], ids=["background", "foreground"])
def test_wrong_settings_of_the_agent_end_it_with_a_sentence(
    startup: Startup, mode: tuple[str, ...]
) -> None:
    startup.env["REKINDLE_POD_TOKEN"] = "short"
    done = startup.run(*mode)
    assert done.returncode == 1
    assert "settings_invalid: REKINDLE_POD_TOKEN" in startup.log("agent")
    assert "its settings are wrong" in startup.log("startup")


def test_without_a_python_it_makes_an_environment_once(startup: Startup) -> None:
    del startup.env["REKINDLE_PYTHON"]
    startup.env |= {"PYTHON": sys.executable, "REKINDLE_PACKAGES": ""}
    startup.env["AGENT_COMMAND"] = f"'{sys.executable}' -m worker.agent"
    assert startup.run().returncode == 0
    python = startup.home / "venv" / "bin" / "python"
    asked = [str(python), "-c", "import json, sys; print(json.dumps(sys.prefix))"]
    prefix = subprocess.run(asked, capture_output=True, check=True, text=True).stdout
    assert json.loads(prefix) == str(startup.home / "venv")
    made = python.lstat().st_mtime_ns
    assert startup.run().returncode == 0
    assert python.lstat().st_mtime_ns == made
    assert startup.log("startup").count("making") == 1


def test_unknown_words_are_refused(startup: Startup) -> None:
    assert startup.run("--nonsense").returncode == 64
    assert "--foreground" in startup.run("--help").stdout
