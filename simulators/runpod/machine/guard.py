"""The guard: a tiny process that never lets a pod's processes outlive the simulator.

Run as a script under ``python -I -S`` (standard library only), never imported. It stands between
the simulator and the pod's command:

    simulator ends, however -> its end of the control pipe closes -> SIGTERM, grace, SIGKILL
    guard is killed         -> PR_SET_PDEATHSIG: the kernel sends SIGKILL to the command
    command ends            -> its process group and every orphan of it are killed, guard ends

Standard input takes commands of one byte: ``s`` stop politely, ``k`` kill. Standard output
reports ``error ...`` when the command cannot be executed, else ``pid N``, and ``exit CODE`` at
the end. Standard error is the pod's output. Arguments: grace in seconds, then the command.
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


def main(grace: float, command: list[str]) -> None:
    """Run the command, watch over it, report how it ended."""
    libc = ctypes.CDLL(None)
    # Orphans of the command are handed to the guard, so that it can end them too.
    libc.prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    wake, wake_writer = os.pipe()
    os.set_blocking(wake_writer, False)
    signal.set_wakeup_fd(wake_writer, warn_on_full_buffer=False)
    for number in (signal.SIGCHLD, signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, lambda *_: None)
    try:
        child = start(libc, command)
    except OSError as error:
        report(f"error {error}")
        return
    report(f"pid {child}")
    watch(child, [wake, CONTROL], grace)
    report(f"exit {sweep(child)}")


def start(libc: ctypes.CDLL, command: list[str]) -> int:
    """Fork and exec; raises OSError when the command cannot be executed."""
    failure, failure_writer = os.pipe()  # closes by itself when exec succeeds
    guard = os.getpid()
    child = os.fork()
    if child == 0:
        try:
            become(libc, guard, command)
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


def become(libc: ctypes.CDLL, guard: int, command: list[str]) -> NoReturn:
    """Turn this process into the command, in a process group of its own."""
    os.setsid()
    libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    if os.getppid() != guard:
        os._exit(127)
    for number in (signal.SIGPIPE, signal.SIGXFSZ):  # Python ignores them; exec would inherit that
        signal.signal(number, signal.SIG_DFL)
    os.dup2(os.open(os.devnull, os.O_RDONLY), CONTROL)
    os.dup2(LOG, REPORT)
    os.execvp(command[0], command)  # noqa: S606 (a shell is what we do not want)  # nosec B606


def watch(child: int, watched: list[int], grace: float) -> None:
    """Return when the command is a zombie: by itself, asked to, or because nobody is above."""
    kill_at: float | None = None
    while not has_exited(child):
        timeout = None if kill_at is None else max(0.0, kill_at - time.monotonic())
        ready = select.select(watched, [], [], timeout)[0]
        order = b"k" if not ready else b""
        if watched[0] in ready:
            os.read(watched[0], 512)
        if CONTROL in ready:
            order = os.read(CONTROL, 1)
            if not order:  # the simulator is gone
                watched.remove(CONTROL)
                order = b"s"
        if order == b"k":
            os.killpg(child, signal.SIGKILL)
            kill_at = None
        elif order == b"s" and kill_at is None:
            os.kill(child, signal.SIGTERM)  # as a container's first process alone is told
            kill_at = time.monotonic() + grace


def has_exited(child: int) -> bool:
    """Whether the command is a zombie; reaps orphans, but leaves the command's id reserved."""
    options = os.WEXITED | os.WNOHANG | os.WNOWAIT
    while (found := os.waitid(os.P_ALL, 0, options)) is not None:
        if found.si_pid == child:
            return True
        os.waitpid(found.si_pid, 0)
    return False


def sweep(child: int) -> int:
    """Reap the command, kill and reap what it left behind; the command's exit code."""
    os.killpg(child, signal.SIGKILL)
    status = os.waitpid(child, 0)[1]
    while orphans := children():
        for pid in orphans:
            os.kill(pid, signal.SIGKILL)
            os.waitpid(pid, 0)
    return os.waitstatus_to_exitcode(status)


def children() -> list[int]:
    """Processes that are the guard's own by now."""
    try:
        with open(f"/proc/{os.getpid()}/task/{os.getpid()}/children") as listing:
            return [int(pid) for pid in listing.read().split()]
    except FileNotFoundError:  # a kernel built without it
        return []


def report(line: str) -> None:
    """Tell the simulator, if it is still there."""
    try:  # noqa: SIM105 (importing contextlib would double the start-up time)
        os.write(REPORT, f"{line}\n".encode())
    except BrokenPipeError:
        pass


if __name__ == "__main__":
    main(float(sys.argv[1]), sys.argv[2:])
