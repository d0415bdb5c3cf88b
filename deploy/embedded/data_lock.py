"""A lock on a data folder that is held until the last process using the data is gone."""

import fcntl
import os
import time
from pathlib import Path

from rekindle.errors import DataInUse

LOCK_NAME = ".lock"
WIND_DOWN = 15.0  # seconds; longer than any embedded server takes to stop


class DataLock:
    """`flock` on a file in the data folder.

    The descriptor is passed on to the server (`keep_fds`), and the kernel frees the lock when
    every process that holds it has ended. So it also covers the moment in which the starting
    process was killed and its server is still winding down.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._descriptor: int | None = None

    @property
    def descriptor(self) -> int:
        """The open lock file, for the server to inherit."""
        if self._descriptor is None:
            raise RuntimeError(f"{self._folder} is not locked")
        return self._descriptor

    def acquire(self) -> None:
        """Take the lock; nothing happens when this object holds it already.

        Raises:
            DataInUse: a living process holds it, or a dead one's server did not wind down in time.
        """
        if self._descriptor is not None:
            return
        descriptor = os.open(self._folder / LOCK_NAME, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            self._take(descriptor)
        except BaseException:
            os.close(descriptor)
            raise
        os.truncate(descriptor, 0)
        os.pwrite(descriptor, f"{os.getpid()}\n".encode(), 0)
        self._descriptor = descriptor

    def release(self) -> None:
        """Let go of it; the server, if one still runs, keeps holding it."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None

    def _take(self, descriptor: int) -> None:
        deadline = time.monotonic() + WIND_DOWN
        while True:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                return
            except BlockingIOError:
                owner = _owner(descriptor)
            if owner is not None and is_alive(owner):
                raise DataInUse(f"{self._folder} is in use by process {owner}; stop it first.")
            if time.monotonic() > deadline:
                raise DataInUse(f"{self._folder} is in use by a server whose starter has ended.")
            time.sleep(0.02)


def _owner(descriptor: int) -> int | None:
    text = os.pread(descriptor, 32, 0).decode(errors="replace").strip()
    return int(text) if text.isdigit() else None


def is_alive(pid: int) -> bool:
    """Whether that process runs; a zombie that nobody reaps (as in many containers) does not."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return False
    return stat.rpartition(")")[2].split()[0] != "Z"
