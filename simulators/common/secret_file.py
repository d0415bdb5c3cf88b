"""Secrets in files that only their owner may read."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path


def kept_or_made(path: Path, make: Callable[[], str]) -> str:
    """What a file holds, without white space around it; a new secret where there is no file.

    Raises:
        OSError: The file cannot be read or made.
    """
    try:
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        return path.read_text().strip()
    made = make()
    with os.fdopen(handle, "w") as file:
        file.write(made + "\n")
    return made
