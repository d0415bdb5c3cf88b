"""The template: imports what decoding needs once, and forks a child for every order.

A fork costs a few milliseconds where an interpreter with its imports costs seventy. The template
itself opens no file and reads no byte that is not ours; its children share its address layout,
which is why it serves so many only (`rekindle/adapters/confined/template.py`).

It has one thread, and must have: of the others a fork would copy only the locks.
"""

from __future__ import annotations

import gc
import os
import resource
import select
import signal
import socket
import sys
import traceback
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import NoReturn

from .confinement import end_with_parent

_LONGEST_ORDER = 64 * 1024
_MOST_FILES = 1024

CarryOut = Callable[[str], None]


def serve(carry_out: CarryOut) -> None:
    """Fork a child for every order that comes in, until nobody can send one any more.

    Orders come by standard input, a Unix socket that keeps messages apart: the order as JSON, and
    with it four open files, the child's three standard ones and its *line*. By the line the
    template answers with a pidfd of the child and, when that has ended, with its exit code. When
    the other end of the line closes, the child is killed: so are all when the parent dies.

    Args:
        carry_out: what the child does with its order.
    """
    _be_ordinary()
    os.close(os.pidfd_open(os.getpid()))  # a kernel that cannot do this is found out here
    gc.collect()
    gc.freeze()  # a collection in a child would copy the template's memory page by page
    with socket.socket(fileno=0) as door:
        _Template(door, carry_out).run()


def _be_ordinary() -> None:
    """Leave behind what a parent may have handed down, and what is the parent's to answer."""
    # SVT-AV1 makes real-time threads of those that call it as root; see ordinary_priority().
    with suppress(PermissionError):  # to leave an even lower one
        os.sched_setscheduler(0, os.SCHED_OTHER, os.sched_param(0))
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    most = _MOST_FILES if hard == resource.RLIM_INFINITY else min(_MOST_FILES, hard)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))


@dataclass(frozen=True)
class _Child:
    pid: int
    pidfd: int
    line: socket.socket


class _Template:
    """Waits for orders, for ends of children, and for ends of lines."""

    def __init__(self, door: socket.socket, carry_out: CarryOut) -> None:
        self._door = door
        self._carry_out = carry_out
        self._pid = os.getpid()
        self._by_pidfd: dict[int, _Child] = {}
        self._by_line: dict[int, _Child] = {}
        # In its order the door comes first: what an order opens in one round never gets the number
        # of what ended in the same round.
        self._poll = select.poll()
        self._poll.register(door, select.POLLIN)
        self._is_open = True

    def run(self) -> None:
        """Until the door is closed and the last child has ended."""
        while self._is_open or self._by_pidfd:
            for number, _ in self._poll.poll():
                if number == self._door.fileno():
                    self._take_order()
                elif ended := self._by_pidfd.get(number):
                    self._tell_end(ended)
                elif unwanted := self._by_line.get(number):
                    self._kill(unwanted)

    def _take_order(self) -> None:
        order, files, _, _ = socket.recv_fds(self._door, _LONGEST_ORDER, 4)
        if not order:
            self._is_open = False
            self._poll.unregister(self._door)
            return
        try:
            self._fork(order.decode(), files)
        except (OSError, ValueError):  # no room for another process: the line closes unanswered
            traceback.print_exc()
        for file in files:
            os.close(file)

    def _fork(self, order: str, files: Sequence[int]) -> None:
        *standard, line_end = files
        line = socket.socket(fileno=os.dup(line_end))
        pid = os.fork()
        if pid == 0:
            self._be_child(order, standard)
        try:
            child = _Child(pid, os.pidfd_open(pid), line)
        except OSError:
            os.kill(pid, signal.SIGKILL)
            os.waitpid(pid, 0)
            raise
        self._by_pidfd[child.pidfd] = self._by_line[line.fileno()] = child
        self._poll.register(child.pidfd, select.POLLIN)
        self._poll.register(line, select.POLLRDHUP)
        with suppress(OSError):  # its end is closed already
            socket.send_fds(line, [b"+"], [child.pidfd])

    def _be_child(self, order: str, files: Sequence[int]) -> NoReturn:
        code = 1
        try:
            for number, file in enumerate(files):
                os.dup2(file, number)
            os.closerange(3, _MOST_FILES)
            os.setsid()
            end_with_parent(self._pid)
            self._carry_out(order)
            sys.stdout.flush()
            code = 0
        except BaseException:
            traceback.print_exc()
            sys.stderr.flush()
        finally:
            os._exit(code)

    def _tell_end(self, child: _Child) -> None:
        _, status = os.waitpid(child.pid, 0)
        with suppress(OSError):
            child.line.send(str(os.waitstatus_to_exitcode(status)).encode())
        del self._by_pidfd[child.pidfd]
        self._poll.unregister(child.pidfd)
        os.close(child.pidfd)
        if self._by_line.pop(child.line.fileno(), None):
            self._poll.unregister(child.line)
        child.line.close()

    def _kill(self, child: _Child) -> None:
        os.kill(child.pid, signal.SIGKILL)  # not waited for yet, so the number is still its own
        del self._by_line[child.line.fileno()]
        self._poll.unregister(child.line)
