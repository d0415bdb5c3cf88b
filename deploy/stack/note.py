"""A note in the folder of a running stack, by which other commands find it."""

import contextlib
import json
import os
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

from deploy.stack.private_file import write_private

_NAME = "running.json"


@dataclass(frozen=True)
class RunningStack:
    """What another command needs to use a running stack. It holds no secret."""

    pid: int
    """The process that runs it."""
    api: str
    issuer: str
    audience: str
    client_id: str
    secret_file: str
    """Where the client's secret is, readable by the owner alone."""
    operator_client_id: str
    """As `client_id`, but its tokens are an operator's."""
    operator_secret_file: str
    rents_pods: bool = False


def find_running(data: Path) -> RunningStack | None:
    """The stack that runs in this folder; None if none does."""
    with contextlib.suppress(OSError, ValueError, TypeError):
        found = RunningStack(**json.loads((data / _NAME).read_text()))
        os.kill(found.pid, 0)
        return found
    return None


@contextlib.contextmanager
def note_running(data: Path, running: RunningStack) -> Iterator[None]:
    """Have the note there while the block runs."""
    note = data / _NAME
    write_private(note, json.dumps(asdict(running), indent=1))
    try:
        yield
    finally:
        note.unlink(missing_ok=True)
