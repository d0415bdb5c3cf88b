"""ComfyUI as a process: found by its number and start, measured, ended."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from worker.agent.process import ComfyProcess, Incarnation

Run = Callable[[str], subprocess.Popen[str]]


@pytest.fixture
def run() -> Iterator[Run]:
    """Runs Python until it has printed a line."""
    processes = []

    def begin(code: str) -> subprocess.Popen[str]:
        process = subprocess.Popen(
            [sys.executable, "-S", "-c", code], stdout=subprocess.PIPE, text=True
        )
        processes.append(process)
        assert process.stdout is not None
        process.stdout.readline()
        return process

    yield begin
    for process in processes:
        process.kill()
        process.wait()
        assert process.stdout is not None
        process.stdout.close()


SLEEP = "import time; print('ready', flush=True); time.sleep(3600)"
STUBBORN = f"import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); {SLEEP}"
GROWING = f"kept = bytearray(b'x') * (64 << 20); {SLEEP}"


@pytest.fixture
def pid_file(tmp_path: Path) -> Path:
    return tmp_path / "comfyui.pid"


@pytest.mark.parametrize(
    ("code", "number"),
    [(SLEEP, signal.SIGTERM), (STUBBORN, signal.SIGKILL)],
    ids=["polite", "stubborn"],
)
async def test_it_ends_politely_or_not(
    run: Run, pid_file: Path, code: str, number: signal.Signals
) -> None:
    process = run(code)
    pid_file.write_text(f"{process.pid}\n")
    comfy = ComfyProcess(pid_file, grace_seconds=0.5 if number is signal.SIGKILL else 60)
    found = comfy.find()
    assert found is not None
    await comfy.end(found)
    await comfy.end(found)
    assert process.wait(30) == -number
    assert comfy.find() is None


async def test_a_number_that_was_given_out_again_is_left_alone(run: Run, pid_file: Path) -> None:
    process = run(SLEEP)
    pid_file.write_text(str(process.pid))
    comfy = ComfyProcess(pid_file)
    found = comfy.find()
    assert found is not None
    await comfy.end(Incarnation(found.pid, found.started - 1))
    assert process.poll() is None


@pytest.mark.parametrize(
    "text",
    ["", "x", "0", "1", "-1", "4194305", str(os.getpid())],
    ids=["empty", "word", "nought", "first", "negative", "too large", "its own"],
)
def test_a_file_that_names_no_such_process_is_none(pid_file: Path, text: str) -> None:
    pid_file.write_text(text)
    assert ComfyProcess(pid_file).find() is None
    assert ComfyProcess(None).find() is None
    assert ComfyProcess(pid_file.with_name("absent")).find() is None


def test_its_own_memory_is_measured(run: Run, pid_file: Path) -> None:
    sizes = []
    for code in (SLEEP, GROWING):
        pid_file.write_text(str(run(code).pid))
        comfy = ComfyProcess(pid_file)
        found = comfy.find()
        assert found is not None
        sizes.append(comfy.memory_mb(found) or 0)
    assert 60 <= sizes[1] - sizes[0] <= 70
