"""Which cores a process runs on: as if there were two machines."""

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

Cores = frozenset[int]


def two_machines() -> tuple[Cores, Cores]:
    """The usable cores in two parts; twice the same where there is only one."""
    cores = sorted(os.sched_getaffinity(0))
    half = len(cores) // 2
    return frozenset(cores[:half] or cores), frozenset(cores[half:])


@contextmanager
def on(cores: Cores) -> Iterator[None]:
    """Have this process, and what it starts meanwhile, run there."""
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, cores)
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


def move(pid: int, cores: Cores) -> None:
    """Have every thread of a process, and what they start from now on, run there."""
    for task in Path(f"/proc/{pid}/task").iterdir():
        with suppress(ProcessLookupError):  # it has ended
            os.sched_setaffinity(int(task.name), cores)
