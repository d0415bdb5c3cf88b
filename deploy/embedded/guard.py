"""The guard: a tiny process that never lets its child outlive the process that wanted it.

Run as a script under `python -I -S` (standard library only, about 10 ms and 10 MB), never
imported. It is one process between the parent and the child, because the kernel's own remedy,
`PR_SET_PDEATHSIG`, follows the *thread* that forked, and services are started from thread pools.

    parent ends, however   -> its end of the control pipe closes -> polite signal, grace, SIGKILL
    guard is killed        -> PR_SET_PDEATHSIG: the kernel sends SIGKILL to the child
    child ends             -> processes and files it left behind go, the guard reports and ends

Standard input takes commands of one byte: `s` stop politely, `k` kill. Standard output reports
`pid N` once the child runs (or `error ...`), and `exit CODE` when it is gone (negative: the
signal). Standard error is the child's log. Arguments: parent's pid, polite signal, grace in
seconds, user id, group id (-1: unchanged), how many leftovers, their paths, then the command.
"""

import ctypes
import os
import select
import signal
import sys
import time
from typing import NoReturn

PR_SET_PDEATHSIG = 1
PR_SET_CHILD_SUBREAPER = 36
CONTROL, REPORT, LOG = 0, 1, 2
STOP, KILL = b"s", b"k"
ENDING = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)


def main(arguments: list[str]) -> None:
    """Start the command, watch over it, report how it ended."""
    parent, polite, grace = int(arguments[0]), int(arguments[1]), float(arguments[2])
    user, group, count = int(arguments[3]), int(arguments[4]), int(arguments[5])
    leftovers, command = arguments[6 : 6 + count], arguments[6 + count :]
    parent_end = _open_parent(parent)
    if os.getppid() != parent:  # it ended before it could be watched
        return
    libc = ctypes.CDLL(None)
    # Orphans of the child are handed to the guard, so that it can end them too.
    libc.prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    wake, wake_writer = os.pipe()
    os.set_blocking(wake_writer, False)
    signal.set_wakeup_fd(wake_writer, warn_on_full_buffer=False)
    for number in (*ENDING, signal.SIGCHLD):
        signal.signal(number, lambda *_: None)
    try:
        child = _start(libc, command, user, group)
    except OSError as error:
        _report(f"error {error}")
        return
    _report(f"pid {child}")
    _watch(child, [wake, CONTROL, *parent_end], polite, grace)
    code = _sweep(child)
    _remove(leftovers)
    _report(f"exit {code}")


def _start(libc: ctypes.CDLL, command: list[str], user: int, group: int) -> int:
    """Fork and exec; raises OSError when the command cannot be executed."""
    failure, failure_writer = os.pipe()  # closes by itself when exec succeeds
    guard = os.getpid()
    child = os.fork()
    if child == 0:
        try:
            _become(libc, guard, command, user, group)
        except OSError as error:
            os.write(failure_writer, str(error).encode())
        finally:
            os._exit(127)
    os.close(failure_writer)
    with os.fdopen(failure, "rb") as reader:
        message = reader.read()
    if message:
        os.waitpid(child, 0)
        raise OSError(message.decode())
    return child


def _become(libc: ctypes.CDLL, guard: int, command: list[str], user: int, group: int) -> NoReturn:
    os.setsid()  # own process group, and no Ctrl-C from the parent's terminal
    if group >= 0:
        os.setgroups([])
        os.setgid(group)
    if user >= 0:
        os.setuid(user)
    # After the change of user, because that clears it.
    libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    if os.getppid() != guard:
        os._exit(127)
    for number in (signal.SIGPIPE, signal.SIGXFSZ):  # Python ignores them; exec would inherit that
        signal.signal(number, signal.SIG_DFL)
    os.dup2(os.open(os.devnull, os.O_RDONLY), CONTROL)
    os.dup2(LOG, REPORT)
    os.execvp(command[0], command)  # noqa: S606 (a shell is what we do not want)  # nosec B606


def _watch(child: int, watched: list[int], polite: int, grace: float) -> None:
    """Return when the child is a zombie: by itself, asked to, or because the parent is gone."""
    kill_at: float | None = None
    while not _has_exited(child):
        order = _next_order(watched, kill_at)
        if order == KILL:
            os.killpg(child, signal.SIGKILL)
            kill_at = None
        elif order == STOP and kill_at is None:
            os.kill(child, polite)  # not the group: the child ends its own helpers in order
            kill_at = time.monotonic() + grace


def _next_order(watched: list[int], kill_at: float | None) -> bytes:
    """Wait for something to happen; what to do about it, or nothing (a signal about a child)."""
    wake = watched[0]
    timeout = None if kill_at is None else max(0.0, kill_at - time.monotonic())
    ready = select.select(watched, [], [], timeout)[0]
    if not ready:
        return KILL
    if ready == [wake]:
        return STOP if any(number in ENDING for number in os.read(wake, 512)) else b""
    if CONTROL in ready and (order := os.read(CONTROL, 1)):
        return order
    # The pipe is at its end, or the parent is: stop listening to both.
    watched[:] = [wake]
    return STOP


def _open_parent(parent: int) -> list[int]:
    """A descriptor that becomes readable when the parent process ends, where the kernel has it.

    The control pipe alone would stay open if the parent had forked without exec. Without the
    descriptor (no such call, or the parent has ended already) the pipe has to do.
    """
    try:
        return [os.pidfd_open(parent)]
    except OSError:
        return []


def _has_exited(child: int) -> bool:
    """Whether the child is a zombie; reaps adopted orphans, but leaves the child's id reserved."""
    options = os.WEXITED | os.WNOHANG | os.WNOWAIT
    while (found := os.waitid(os.P_ALL, 0, options)) is not None:
        if found.si_pid == child:
            return True
        os.waitpid(found.si_pid, 0)
    return False


def _sweep(child: int) -> int:
    """Reap the child, kill and reap what it left behind; the child's exit code."""
    os.killpg(child, signal.SIGKILL)
    status = os.waitpid(child, 0)[1]
    while orphans := _children():
        for pid in orphans:
            os.kill(pid, signal.SIGKILL)
            os.waitpid(pid, 0)
    return os.waitstatus_to_exitcode(status)


def _children() -> list[int]:
    try:
        with open(f"/proc/{os.getpid()}/task/{os.getpid()}/children") as listing:
            return [int(pid) for pid in listing.read().split()]
    except FileNotFoundError:  # a kernel built without it
        return []


def _remove(paths: list[str]) -> None:
    for path in paths:
        try:  # noqa: SIM105 (importing contextlib would double the start-up time)
            os.unlink(path)
        except OSError:  # it did not leave this one
            pass


def _report(line: str) -> None:
    try:  # noqa: SIM105 (as above)
        os.write(REPORT, f"{line}\n".encode())
    except BrokenPipeError:  # the parent is gone; nobody reads
        pass


if __name__ == "__main__":
    main(sys.argv[1:])
