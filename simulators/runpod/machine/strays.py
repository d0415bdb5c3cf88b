"""The last resort against processes that outlived their guard: variables mark what is a pod's."""

from __future__ import annotations

import contextlib
import os
import signal
from collections.abc import Iterator
from pathlib import Path

_PROC = Path("/proc")


def kill_strays(pod_id: str) -> None:
    """Kill every process that was born with the id of a pod among its variables.

    A guard that is itself killed with SIGKILL can end nobody: the kernel takes the command, but
    not what the command had started. Where there is no ``/proc``, nothing is found.

    Args:
        pod_id: Of a pod whose guard is gone. Ids are random and never used twice.
    """
    while strays := list(_strays(f"RUNPOD_POD_ID={pod_id}".encode())):
        for pid in strays:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)


def _strays(mark: bytes) -> Iterator[int]:
    for entry in _PROC.glob("[0-9]*"):
        try:  # a process that is ending has no variables any more
            variables = (entry / "environ").read_bytes().split(b"\0")
        except OSError:
            continue
        if mark in variables and int(entry.name) != os.getpid():
            yield int(entry.name)
