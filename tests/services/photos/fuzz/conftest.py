"""A nursery of decoder children, for the length of a test."""

import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from rekindle.adapters.confined.child_process import CHILD

HERE = Path(__file__).parent


@dataclass(frozen=True)
class Nursery:
    """Where children come from.

    Attributes:
        program: what a decoder runs instead of the child's own program.
        figures: what each child needed.
    """

    program: Path
    figures: Path

    def processor_seconds(self) -> list[float]:
        """Of every child that has ended."""
        return [float(line.split(" ", 1)[0]) for line in self.figures.read_text().splitlines()]


@pytest.fixture
def nursery() -> Iterator[Nursery]:
    # A socket's path is at most 107 bytes long, a test's folder may be longer.
    with tempfile.TemporaryDirectory(prefix="rk-") as name:
        folder = Path(name)
        program = Path(shutil.copy(HERE / "visitor.py", folder))
        figures, address = folder / "figures", folder / "nursery.sock"
        command = [sys.executable, "-I", str(HERE / "nursery.py"), str(CHILD), str(address)]
        with subprocess.Popen([*command, str(figures)], env={}, stdout=subprocess.PIPE) as process:
            assert process.stdout is not None
            try:
                assert process.stdout.readline() == b"open\n"
                yield Nursery(program, figures)
            finally:
                process.terminate()
