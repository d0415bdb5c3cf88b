"""The simulator's only memory that outlives it: a file of JSON lines, one for each change.

Lines are handed to the kernel one by one, which is enough to survive ``kill -9`` of this
process. The file holds the pods' variables and keys, so only its owner can read it.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

FILE_NAME = "journal.jsonl"


class Journal:
    """Appends changes, and tells those of earlier processes.

    Args:
        folder: Where the file is; it must exist.
        now: The time in Unix seconds.
    """

    def __init__(self, folder: Path, now: Callable[[], float]) -> None:
        self._now = now
        handle = os.open(folder / FILE_NAME, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600)
        self._file = os.fdopen(handle, "a+b", buffering=0)

    def earlier(self) -> Iterator[dict[str, Any]]:
        """Lines of earlier processes; a last one that a crash cut off is cut away."""
        self._file.seek(0)
        whole, newline, _ = self._file.read().rpartition(b"\n")
        self._file.truncate(len(whole) + len(newline))
        for line in whole.splitlines():
            yield json.loads(line)

    def write(self, event: str, **fields: Any) -> dict[str, Any]:
        """Add a line, stamped with the time; returns it."""
        line = {"event": event, "at": self._now(), **fields}
        self._file.write(json.dumps(line).encode() + b"\n")
        return line

    def close(self) -> None:
        """Close the file."""
        self._file.close()
