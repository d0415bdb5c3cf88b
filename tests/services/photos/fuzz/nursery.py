"""Starts decoder children quickly: `python -I nursery.py <child folder> <socket> <figures>`.

A child of the product starts an interpreter and imports Pillow and libheif, 70 ms of processor time
before it sees a byte. Here that is done once, and every file gets a fork of its own: a fresh
process with the shipped code, its limits and its system call filter, that reads no second file.

A visitor (see visitor.py) sends the order and its three standard files; it is told how the child
ended. When a visitor is killed, so is its child. For every child the figures file gets one line:
processor seconds, how it ended (minus the signal), and the name of its output.
"""

import contextlib
import os
import select
import signal
import socket
import sys
import traceback
from typing import NoReturn

CHILD, ADDRESS, FIGURES = sys.argv[1:4]
sys.path.insert(0, os.path.dirname(CHILD))

from child.main import main  # type: ignore[import-not-found]  # noqa: E402
from child.photo import ingest  # type: ignore[import-not-found]  # noqa: E402, F401


def be_a_child(order: str, files: list[int]) -> NoReturn:
    """Do as the child's own `__main__` does, on the visitor's standard files."""
    code = 0
    try:
        for number, file in enumerate(files):
            os.dup2(file, number)
        os.closerange(3, 1024)
        os.setsid()
        main(order)
        sys.stdout.flush()
    except BaseException:
        traceback.print_exc()
        sys.stderr.flush()
        code = 1
    finally:
        os._exit(code)


def serve() -> None:
    """Until the process is terminated."""
    door = socket.socket(socket.AF_UNIX)
    door.bind(ADDRESS)
    door.listen(64)
    print("open", flush=True)
    waiting: dict[int, tuple[socket.socket, int, str]] = {}  # by the child's pidfd
    with open(FIGURES, "w", buffering=1) as figures:
        while True:
            visitors = {visitor.fileno(): pid for visitor, pid, _ in waiting.values()}
            for ready in select.select([door.fileno(), *waiting, *visitors], [], [])[0]:
                if ready == door.fileno():
                    visitor, pid, order = _let_in(door)
                    waiting[os.pidfd_open(pid)] = visitor, pid, order
                elif ready in waiting:
                    visitor, pid, order = waiting.pop(ready)
                    os.close(ready)
                    _tell(visitor, pid, order, figures)
                elif ready in visitors:
                    os.kill(visitors[ready], signal.SIGKILL)
                    break  # its end is told by its pidfd


def _let_in(door: socket.socket) -> tuple[socket.socket, int, str]:
    visitor, _ = door.accept()
    order, files, _, _ = socket.recv_fds(visitor, 1 << 20, 3)
    pid = os.fork()
    if pid == 0:
        be_a_child(order.decode(), files)
    for file in files:
        os.close(file)
    return visitor, pid, order.decode()


def _tell(visitor: socket.socket, pid: int, order: str, figures: object) -> None:
    _, status, used = os.wait4(pid, 0)
    code = os.waitstatus_to_exitcode(status)
    print(round(used.ru_utime + used.ru_stime, 3), code, order, file=figures)  # type: ignore[call-overload]
    with contextlib.suppress(OSError):  # it was killed
        visitor.send(str(code).encode())
    visitor.close()


if __name__ == "__main__":
    serve()
