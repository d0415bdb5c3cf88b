"""What the child can no longer do once it looks at a file, tried from inside."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import psutil
import pytest

from rekindle.adapters.confined.child.system_calls import filter_program
from rekindle.adapters.confined.template import PROGRAM

INSIDE = f"""
import errno, json, os, socket, sys, threading
sys.path.insert(0, {str(PROGRAM.parent)!r})
from child.confinement import confine, limit_memory, limit_resources
limit_resources(memory_bytes=300_000_000, file_bytes=5_050_000, cpu_seconds=1)
outcomes = {{}}
def attempt(name, action):
    try:
        action()
        outcomes[name] = "allowed"
    except OSError as error:
        outcomes[name] = errno.errorcode[error.errno]
    except MemoryError:
        outcomes[name] = "MemoryError"
def report():
    print(json.dumps(outcomes), flush=True)
"""

needs_filter = pytest.mark.skipif(
    filter_program() is None, reason="no system call filter for this machine"
)


def _inside(text: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-I", "-c", INSIDE + text], capture_output=True, text=True, timeout=60
    )


@needs_filter
def test_child_can_open_nothing_start_nothing_and_reach_nobody() -> None:
    run = _inside(
        """
file = open("/proc/self/statm")
confine()
attempt("environment of the parent", lambda: open(f"/proc/{os.getppid()}/environ"))
attempt("a file", lambda: open("/etc/passwd"))
attempt("a new file", lambda: open("/tmp/x", "w"))
attempt("a listing", lambda: os.listdir("/"))
attempt("a socket", lambda: socket.socket())
attempt("a program", lambda: os.execv("/bin/true", ["true"]))
attempt("a process", os.fork)
attempt("a signal", lambda: os.kill(os.getppid(), 0))
attempt("a removal", lambda: os.remove("/tmp/no-such-file"))
attempt("what was open", file.read)
attempt("a thread", lambda: threading.Thread(target=int).start())
attempt("less memory", lambda: limit_memory(250_000_000))
report()
"""
    )
    outcomes = json.loads(run.stdout)
    for needed in ("what was open", "a thread", "less memory"):
        assert outcomes.pop(needed) == "allowed"
    assert len(outcomes) == 9
    assert set(outcomes.values()) == {"ENOSYS"}


def test_memory_processor_and_files_are_limited(tmp_path: Path) -> None:
    run = _inside(
        f"""
attempt("memory", lambda: bytearray(400 * 1024 * 1024))
attempt("little memory", lambda: bytearray(100 * 1024 * 1024))
with open({str(tmp_path / "large")!r}, "wb", buffering=0) as file:
    file.seek(5_000_000)
    attempt("small file", lambda: file.write(b"x"))
    file.seek(6_000_000)
    attempt("large file", lambda: file.write(b"x"))
attempt("files", lambda: [os.dup(0) for _ in range(100)])
report()
while True: pass
"""
    )
    assert json.loads(run.stdout) == {
        "memory": "MemoryError",
        "little memory": "allowed",
        "small file": "allowed",
        "large file": "EFBIG",
        "files": "EMFILE",
    }
    assert run.returncode in {-signal.SIGXCPU, -signal.SIGKILL}


async def test_no_child_and_no_descriptor_is_left_after_many_photos(
    corpus: Any, ingest: Any
) -> None:
    photo = corpus.every_format()["jpeg"]
    await ingest(photo)
    before = len(os.listdir("/proc/self/fd"))
    for _ in range(5):
        await ingest(photo)
    # What other tests left to the garbage collector may go meanwhile; a leak would be five.
    assert len(os.listdir("/proc/self/fd")) - before < 5
    assert not [child for child in psutil.Process().children() if _reads_a_photo(child)]


def _reads_a_photo(template: psutil.Process) -> bool:
    """Whether a template has a child that is alive."""
    try:
        if str(PROGRAM) not in template.cmdline():
            return False
        return any(child.status() != psutil.STATUS_ZOMBIE for child in template.children())
    except psutil.NoSuchProcess:
        return False
