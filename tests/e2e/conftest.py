"""What the end-to-end tests share."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

ProcessesUsing = Callable[[Path], dict[int, str]]


@pytest.fixture
def processes_using() -> ProcessesUsing:
    """Finds every process that was told about a folder, by argument, environment or position.

    Its answer is command lines by process id.
    """
    return _processes_using


def _processes_using(folder: Path) -> dict[int, str]:
    found = {}
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit() or int(entry.name) == os.getpid():
            continue
        try:
            arguments = (entry / "cmdline").read_bytes()
            told = arguments + (entry / "environ").read_bytes()
            told += os.fsencode(os.readlink(entry / "cwd"))
        except OSError:  # it ended meanwhile
            continue
        if os.fsencode(folder) in told:
            found[int(entry.name)] = arguments.replace(b"\0", b" ").decode()
    return found
