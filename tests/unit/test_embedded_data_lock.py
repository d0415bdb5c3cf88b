import os
import subprocess
from pathlib import Path

import pytest

from deploy.embedded import data_lock
from deploy.embedded.data_lock import LOCK_NAME, DataLock
from rekindle.errors import DataInUse


def test_a_second_lock_on_the_same_folder_is_refused_at_once_and_names_the_holder(
    tmp_path: Path,
) -> None:
    first, second = DataLock(tmp_path), DataLock(tmp_path)
    first.acquire()
    try:
        with pytest.raises(DataInUse, match=f"in use by process {os.getpid()}"):
            second.acquire()
    finally:
        first.release()

    second.acquire()
    second.release()


def test_acquiring_twice_and_releasing_twice_is_harmless(tmp_path: Path) -> None:
    lock = DataLock(tmp_path)
    lock.acquire()
    lock.acquire()
    lock.release()
    lock.release()

    with pytest.raises(RuntimeError, match="not locked"):
        _ = lock.descriptor


def test_a_server_that_outlives_its_starter_still_holds_the_lock(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(data_lock, "WIND_DOWN", 0.05)
    first, second = DataLock(tmp_path), DataLock(tmp_path)
    first.acquire()
    servers_copy = os.dup(first.descriptor)
    first.release()
    (tmp_path / LOCK_NAME).write_text(f"{a_dead_pid()}\n")
    try:
        with pytest.raises(DataInUse, match="whose starter has ended"):
            second.acquire()
    finally:
        os.close(servers_copy)

    second.acquire()
    second.release()


def a_dead_pid() -> int:
    process = subprocess.Popen(["/bin/true"])
    process.wait()
    return process.pid
