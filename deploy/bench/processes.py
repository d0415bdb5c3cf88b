"""What a process weighs and uses."""

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

_RESET_PEAK = "5"
"""What proc(5), `/proc/pid/clear_refs`, takes for "forget the highest resident set so far"."""


def resident_mb(pid: int) -> float:
    """Resident memory of a process, MB; 0 when it is gone or a zombie."""
    return _status_mb(pid, "VmRSS")


def cpu_seconds(pid: int) -> float:
    """CPU time that a process has used, with its children and theirs, those that ended included.

    Raises:
        FileNotFoundError: it is gone.
    """
    of_all: dict[int, tuple[int, float]] = {pid: _parent_and_cpu(pid)}
    for folder in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):  # it has ended since
            of_all[int(folder.name)] = _parent_and_cpu(int(folder.name))
    family = {pid}
    while further := {p for p, (parent, _) in of_all.items() if parent in family} - family:
        family |= further
    return sum(of_all[each][1] for each in family)


def _parent_and_cpu(pid: int) -> tuple[int, float]:
    """By whom a process was started, and what it and its ended children have used, seconds."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return int(fields[1]), sum(int(ticks) for ticks in fields[11:15]) / os.sysconf("SC_CLK_TCK")


class Rise:
    """By how much a process grew at its highest, MB; known when its block has ended."""

    def __init__(self, before: float) -> None:
        """Start from `before` MB."""
        self.before = before
        self.peak = before
        self.after = before

    @property
    def mb(self) -> float:
        """From before to the highest point."""
        return max(self.peak - self.before, 0.0)


@contextmanager
def rise_of(pid: int) -> Iterator[Rise]:
    """Watch a process of this user while the block runs.

    The kernel keeps the peak, so none is missed between two looks. Where it does not let it be
    forgotten first, an earlier, higher peak counts: the rise is then too large, never too small.
    """
    with suppress(OSError):
        Path(f"/proc/{pid}/clear_refs").write_text(_RESET_PEAK)
    rise = Rise(resident_mb(pid))
    yield rise
    rise.peak = _status_mb(pid, "VmHWM")
    rise.after = resident_mb(pid)


def _status_mb(pid: int, name: str) -> float:
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith(f"{name}:"):
            return int(line.split()[1]) / 1024
    return 0.0
