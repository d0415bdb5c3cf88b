"""How the process of a command ends."""

import subprocess
import sys
from pathlib import Path

import pytest

PROGRAM = """
import atexit, sys
{imported}
class Shutdown:  # goes when the interpreter takes its modules apart
    def __del__(self): print("shut down", flush=True)
kept = Shutdown()
def at_exit(): print("at exit")
from deploy.cli.leaving import leaving
with leaving():
    atexit.register(at_exit)
    print("done")
    {ends}
"""
SPOKE = "import temporalio.bridge"


def run(ends: str, folder: Path, imported: str = SPOKE) -> tuple[int, list[str]]:
    program = PROGRAM.format(imported=imported, ends=ends)
    ended = subprocess.run(
        [sys.executable, "-P", "-c", program],
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        check=False,
        timeout=60,
    )
    return ended.returncode, ended.stdout.splitlines()


@pytest.mark.parametrize(
    ("ends", "code"),
    [
        ("pass", 0),
        ("sys.exit()", 0),
        ("sys.exit(3)", 3),
        ("sys.exit('in words')", 1),
        ("raise ValueError", 1),
    ],
)
def test_who_spoke_to_temporal_leaves_with_its_code_and_without_the_interpreters_shutdown(
    ends: str, code: int, tmp_path: Path
) -> None:
    assert run(ends, tmp_path) == (code, ["done", "at exit"])


def test_who_did_not_leaves_as_any_program(tmp_path: Path) -> None:
    assert run("sys.exit(3)", tmp_path, imported="") == (3, ["done", "at exit", "shut down"])
