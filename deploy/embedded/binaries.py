"""Where the servers' programs are: in the wheels of the extra `embedded`. Nothing is downloaded."""

import importlib.util
import shutil
import sysconfig
from pathlib import Path

from rekindle.errors import EmbeddedExtraMissing

HINT = "Install it with: pip install 'rekindle[embedded]'"


def find_program(name: str, *, wheel: str) -> Path:
    """A program that a wheel puts beside this interpreter, or else one on the PATH.

    Args:
        name: file name of the program.
        wheel: the wheel that brings it, for the message.

    Raises:
        EmbeddedExtraMissing: there is none.
    """
    beside = shutil.which(name, path=sysconfig.get_path("scripts"))
    found = beside or shutil.which(name)
    if found is None:
        raise EmbeddedExtraMissing(f"The program {name!r} (wheel {wheel}) is missing. {HINT}")
    return Path(found)


def find_package(name: str, *, wheel: str) -> Path:
    """The folder of an installed package, found without importing it.

    Args:
        name: import name of the package.
        wheel: the wheel that brings it, for the message.

    Raises:
        EmbeddedExtraMissing: it is not installed.
    """
    spec = importlib.util.find_spec(name)
    if spec is None or spec.origin is None:
        raise EmbeddedExtraMissing(f"The package {name!r} (wheel {wheel}) is missing. {HINT}")
    return Path(spec.origin).parent
