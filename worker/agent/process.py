"""ComfyUI as a process of this machine: how much memory is its own, and how to end it."""

import asyncio
import os
import signal
from dataclasses import dataclass
from pathlib import Path

import structlog

_LOG = structlog.get_logger(__name__)
_GRACE_SECONDS = 10.0
_LOOK_SECONDS = 0.05
_START_TIME = 19
"""Place of field 22 of `/proc/PID/stat` behind the command's name (proc_pid_stat(5))."""


@dataclass(frozen=True)
class Incarnation:
    """One life of the process; a number alone is given to another process some day."""

    pid: int
    started: int


class ComfyProcess:
    """The process that a PID file names. Where it names none, nothing is measured or ended."""

    def __init__(self, pid_file: Path | None, *, grace_seconds: float = _GRACE_SECONDS) -> None:
        """Look there whenever asked.

        Args:
            pid_file: written by who keeps ComfyUI alive.
            grace_seconds: between SIGTERM and SIGKILL.
        """
        self._pid_file = pid_file
        self._grace_seconds = grace_seconds

    def find(self) -> Incarnation | None:
        """The process, if it runs."""
        try:
            pid = int(self._pid_file.read_text()) if self._pid_file else 0
        except (OSError, ValueError):
            return None
        started = _started(pid) if pid > 1 and pid != os.getpid() else None
        return None if started is None else Incarnation(pid, started)

    def memory_mb(self, process: Incarnation) -> int | None:
        """Memory that is the process's own, MB; files it maps, such as weights, do not count."""
        try:
            lines = Path(f"/proc/{process.pid}/status").read_text().splitlines()
        except OSError:
            return None
        found = [line.split()[1] for line in lines if line.startswith("RssAnon:")]
        return int(found[0]) >> 10 if found else None

    async def end(self, process: Incarnation) -> None:
        """SIGTERM, then SIGKILL; returns when it is gone. Idempotent."""
        for number in (signal.SIGTERM, signal.SIGKILL):
            if _started(process.pid) != process.started:
                return
            _LOG.warning("comfy_ended", pid=process.pid, signal=number.name)
            try:
                os.kill(process.pid, number)
            except ProcessLookupError:
                return
            if await self._is_gone(process):
                return

    async def _is_gone(self, process: Incarnation) -> bool:
        for _ in range(round(self._grace_seconds / _LOOK_SECONDS)):
            if _started(process.pid) != process.started:
                return True
            await asyncio.sleep(_LOOK_SECONDS)
        return False


def _started(pid: int) -> int | None:
    """When the process started, in ticks since boot; None when there is none, or only its rest."""
    try:
        state, *fields = Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2].split()
    except (OSError, ValueError):
        return None
    return None if state in ("Z", "X") else int(fields[_START_TIME - 1])
