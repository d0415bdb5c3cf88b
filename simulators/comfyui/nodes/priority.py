"""Keeps an encoder from taking the machine for itself."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Iterator


@contextlib.contextmanager
def ordinary_priority() -> Iterator[None]:
    """Give every thread of this process its ordinary priority back at the end.

    As root, SVT-AV1 makes its threads and its caller's real-time ones (SCHED_FIFO 99, seen with
    the build in PyAV 18.1), and whatever that process starts later inherits it: before them,
    everything else on the machine waits.
    """
    try:
        yield
    finally:
        if sys.platform == "linux":
            for thread in os.listdir("/proc/self/task"):
                with contextlib.suppress(OSError):  # it has ended
                    os.sched_setscheduler(int(thread), os.SCHED_OTHER, os.sched_param(0))
