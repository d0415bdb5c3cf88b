"""The parent's side of templates: starting one, giving it orders, and leaving it in time."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import threading
import weakref
from collections.abc import Sequence
from contextlib import ExitStack, suppress
from functools import cache
from pathlib import Path

from rekindle.adapters.confined.child.order import Decoder
from rekindle.adapters.confined.forked_child import ForkedChild
from rekindle.errors import DecoderBusy

PROGRAM = Path(__file__).parent / "child"
"""What decodes, and what it is forked from."""

_MOST_CHILDREN = 1_000
"""Of one process: a later one has its libraries at other addresses."""
_LONGEST_EXCERPT = 2_000


class Template:
    """Forks a child for every order, from a process that is started with the first one.

    It may be used from several threads and event loops. The process ends with this object, and when
    this process dies.
    """

    def __init__(self, program: Path, *arguments: str, most_children: int = _MOST_CHILDREN) -> None:
        """Start nothing yet.

        Args:
            program: a Python file or folder that calls `child.template.serve`.
            arguments: of that program.
            most_children: of one process, before another takes its place.
        """
        self._command = (sys.executable, "-I", str(program), *arguments)
        self._most_children = most_children
        self._lock = threading.Lock()
        self._processes: list[_Process] = []  # the last takes orders, those before finish theirs
        weakref.finalize(self, _end, self._processes)

    def fork(self, order: str, files: Sequence[int]) -> ForkedChild:
        """Order a child. A template that was ended meanwhile is started anew.

        Args:
            order: for the child.
            files: open files for its standard input, output and error.

        Raises:
            DecoderBusy: the template does not take orders.
        """
        with self._lock:
            _forget_ended(self._processes)
            if self._processes:
                with suppress(BrokenPipeError, ConnectionResetError):
                    return self._processes[-1].fork(order, files)
            self._processes.append(_Process(self._command, self._most_children))
            return self._processes[-1].fork(order, files)

    def close(self) -> None:
        """End the process and its children, if it was started."""
        with self._lock:
            _end(self._processes)


@cache
def template_of(decoder: Decoder) -> Template:
    """The template that all decoders of that kind in this process share."""
    return Template(PROGRAM, decoder)


class _Process:
    """One process that forks."""

    def __init__(self, command: Sequence[str], most_children: int) -> None:
        self._children_left = most_children
        with ExitStack() as stack:
            # In memory: in the folder of temporary files lie photos only, and only for a while.
            self._complaints = stack.enter_context(os.fdopen(os.memfd_create("complaints"), "rb"))
            self._door, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
            stack.enter_context(self._door).setblocking(False)
            with theirs:
                self._process = subprocess.Popen(
                    command,
                    stdin=theirs.fileno(),
                    stdout=subprocess.DEVNULL,
                    stderr=self._complaints,
                    env={},
                    cwd="/",
                    start_new_session=True,  # a Ctrl-C in the terminal is ours to answer
                )
            self._files = stack.pop_all()

    def fork(self, order: str, files: Sequence[int]) -> ForkedChild:
        line, theirs = socket.socketpair()
        with ExitStack() as stack, theirs:
            stack.enter_context(line)
            try:
                socket.send_fds(self._door, [order.encode()], [*files, theirs.fileno()])
            except BlockingIOError:
                raise DecoderBusy("the template takes no orders") from None
            stack.pop_all()
        self._children_left -= 1
        if self._children_left == 0:
            self.retire()
        return ForkedChild(line, retire=self.retire, complaint=self.complaint)

    def retire(self) -> None:
        """Give it no more orders; it ends with its last child."""
        with suppress(OSError):
            self._door.shutdown(socket.SHUT_WR)

    def complaint(self) -> str:
        """The end of what it said about itself."""
        length = os.fstat(self._complaints.fileno()).st_size
        text = os.pread(
            self._complaints.fileno(), _LONGEST_EXCERPT, max(0, length - _LONGEST_EXCERPT)
        )
        return text.decode(errors="replace")

    def has_ended(self) -> bool:
        return self._process.poll() is not None

    def end(self) -> None:
        self._process.kill()  # its children die with it
        self._process.wait()
        self._files.close()


def _forget_ended(processes: list[_Process]) -> None:
    for process in [process for process in processes if process.has_ended()]:
        processes.remove(process)
        process.end()


def _end(processes: list[_Process]) -> None:
    while processes:
        processes.pop().end()
