"""A template whose children do as a small program says, instead of reading photos and videos."""

from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import psutil
import pytest

from rekindle.adapters.confined.template import PROGRAM, Template

WRAPPER = """
import sys
sys.path.insert(0, {folder!r})
from child.template import serve

def carry_out(order):
    sys.argv[1:] = [order]
    with open({program!r}) as file:
        text = file.read()
    exec(text, {{"__name__": "__main__"}})

serve(carry_out)
"""

Children = Callable[[], list[int]]


@pytest.fixture
def into(tmp_path: Path) -> Path:
    """An empty folder for results."""
    path = tmp_path / "results"
    path.mkdir()
    return path


@pytest.fixture(scope="session")
def program(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The small program; a child reads it when it begins."""
    return tmp_path_factory.mktemp("confined") / "program.py"


@pytest.fixture(scope="session")
def wrapper(program: Path) -> Path:
    """What a template runs instead of the product's program."""
    path = program.with_name("wrapper.py")
    path.write_text(WRAPPER.format(folder=str(PROGRAM.parent), program=str(program)))
    return path


@pytest.fixture(scope="session")
def template(wrapper: Path) -> Iterator[Template]:
    template = Template(wrapper)
    yield template
    template.close()


@pytest.fixture
def templates(wrapper: Path) -> Children:
    """The living processes that fork, by their ids."""

    def templates() -> list[int]:
        return [c.pid for c in psutil.Process().children() if str(wrapper) in _command(c)]

    return templates


@pytest.fixture
def children(templates: Children) -> Children:
    """The living processes that were forked, by their ids."""

    def children() -> list[int]:
        found = []
        for template in templates():
            with suppress(psutil.NoSuchProcess):
                found += [c.pid for c in psutil.Process(template).children() if _lives(c)]
        return found

    return children


def _lives(process: psutil.Process) -> bool:
    try:
        return process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def _command(process: psutil.Process) -> list[str]:
    try:
        return process.cmdline()
    except (psutil.NoSuchProcess, psutil.ZombieProcess):
        return []
