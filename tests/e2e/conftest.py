"""What the end-to-end tests share."""

import os
from collections.abc import Callable, Generator
from pathlib import Path

import pytest

from deploy.stack.stack import Stack
from tests.e2e.evidence import evidence

ProcessesUsing = Callable[[Path], dict[int, str]]
Report = pytest.TestReport


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Function) -> Generator[None, Report, Report]:
    """Tell of a failed test how its stack stood at that moment, before anything is stopped."""
    report = yield
    stack = item.funcargs.get("stack")
    if report.when == "call" and report.failed and isinstance(stack, Stack):
        report.sections.append(("How the stack stood", evidence(stack)))
    return report


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
