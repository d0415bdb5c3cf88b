"""A template whose children note what they cost, for the length of a test."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from rekindle.adapters.confined.template import PROGRAM, Template

MEASURED = """
import os, sys, time
sys.path.insert(0, {folder!r})
from child.main import carry_out, load
from child.order import Decoder
from child.template import serve

def measured(order):
    figures = os.open({figures!r}, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    os.write(figures, b"begun\\n")
    carry_out(order)
    os.write(figures, b"%.3f\\n" % time.process_time())

load(Decoder.PHOTO)
serve(measured)
"""
"""The product's own program, and two lines of every child."""


@dataclass(frozen=True)
class Measured:
    """What children are forked from, and what they noted.

    Attributes:
        template: for a decoder.
        figures: a file.
    """

    template: Template
    figures: Path

    def begun(self) -> int:
        """How many children there were."""
        return self.figures.read_text().splitlines().count("begun")

    def processor_seconds(self) -> list[float]:
        """Of every child that ended by itself, the least first."""
        return sorted(float(n) for n in self.figures.read_text().splitlines() if n != "begun")


@pytest.fixture
def measured(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Measured]:
    folder = tmp_path_factory.mktemp("measured")
    program, figures = folder / "program.py", folder / "figures"
    program.write_text(MEASURED.format(folder=str(PROGRAM.parent), figures=str(figures)))
    template = Template(program, most_children=100)
    yield Measured(template, figures)
    template.close()
