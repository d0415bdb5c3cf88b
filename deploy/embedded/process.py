"""A child process that cannot be left behind: servers, and our own API, worker and simulators."""

import contextlib
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Self, cast

from rekindle.errors import LocalServiceError

GUARD = Path(__file__).with_name("guard.py")
LOG_LIMIT = 8 * 1024 * 1024  # bytes; a longer log is set aside as `.1` at the next start
TAIL_LINES = 15

Probe = Callable[[], str | None]
"""Asks a starting process whether it is ready: None for yes, else what is still missing.

It is called every few hundredths of a second and must return within about a second.
"""


@dataclass(frozen=True)
class User:
    """An operating system user to run as."""

    uid: int
    gid: int


@dataclass(frozen=True)
class _Guard:
    """The guard process, the pipe of orders to it and the pipe of its reports."""

    process: subprocess.Popen[bytes]
    control: IO[bytes]
    report: IO[bytes]

    def next_report(self) -> tuple[str, str]:
        """Its next line, as word and rest; empty when it has ended."""
        word, _, rest = self.report.readline().decode().strip().partition(" ")
        return word, rest


class GuardedProcess:
    """One command, run under a guard that ends it when this process ends, however it ends.

    Nothing stays behind when the `with` block is left, when this object is forgotten, when this
    process is killed -9 or when the guard is. The child has its own session, so Ctrl-C in
    the terminal reaches only this process, which then stops its children in its own order.

    All calls block; they may come from any thread. Starting several processes from several
    threads at once is safe.
    """

    def __init__(
        self,
        command: Sequence[str | Path],
        *,
        name: str,
        log: Path,
        cwd: Path | None = None,
        env: Mapping[str, str] | None = None,
        polite_signal: signal.Signals = signal.SIGTERM,
        grace: float = 5.0,
        run_as: User | None = None,
        keep_fds: Sequence[int] = (),
        leftovers: Sequence[Path] = (),
    ) -> None:
        """Describe the process; nothing runs yet.

        Args:
            command: program and arguments. Arguments are visible to every user of the machine:
                pass secrets through `env` or a file.
            name: what messages call it.
            log: file that receives its output, appended; its folder must exist.
            cwd: folder to run in; this process's own by default.
            env: its whole environment; this process's own by default.
            polite_signal: what asks it to end.
            grace: seconds between the polite signal and SIGKILL.
            run_as: user to change to; needs root.
            keep_fds: open descriptors that the child inherits and holds while it lives.
            leftovers: files to remove when it is gone, if they are there.
        """
        self.name = name
        self.log = log
        self._command = [os.fspath(part) for part in command]
        self._cwd = cwd
        self._env = dict(os.environ if env is None else env)
        self._polite_signal = polite_signal
        self._grace = grace
        self._run_as = run_as
        self._keep_fds = tuple(keep_fds)
        self._leftovers = [os.fspath(path) for path in leftovers]
        self._guard: _Guard | None = None
        self._pid: int | None = None
        self._exit_code: int | None = None
        self._closing = threading.Lock()

    @property
    def pid(self) -> int:
        """The command's own process id (not the guard's); the last one after it has ended."""
        if self._pid is None:
            raise RuntimeError(f"{self.name} was never started")
        return self._pid

    @property
    def is_running(self) -> bool:
        """Whether the process, or what remains of it, is still there."""
        guard = self._guard
        return guard is not None and guard.process.poll() is None

    @property
    def exit_code(self) -> int | None:
        """How it ended: negative for a signal; None while it runs or when nobody could tell."""
        if self.is_running:
            return None
        self._close()
        return self._exit_code

    def start(self, probe: Probe | None = None, *, timeout: float = 60.0) -> None:
        """Start the command and wait until it is ready.

        Args:
            probe: how to find out; without one, running is ready.
            timeout: seconds it may take.

        Raises:
            LocalServiceError: it cannot be executed, ended, or was not ready in time. The message
                ends with the last lines of its log, and nothing of it is left running.
        """
        if self.is_running:
            raise RuntimeError(f"{self.name} is already running")
        self._launch()
        try:
            self._await_ready(probe, timeout)
        except BaseException:
            self.stop()
            raise

    def wait(self, timeout: float | None = None) -> int | None:
        """Wait until it has ended and everything it started is gone; its exit code.

        Args:
            timeout: seconds to wait; None waits as long as it takes.

        Raises:
            TimeoutError: it still runs.
        """
        guard = self._guard
        if guard is not None:
            try:
                guard.process.wait(timeout)
            except subprocess.TimeoutExpired:
                raise TimeoutError(f"{self.name} still runs after {timeout} s") from None
        return self.exit_code

    def stop(self) -> None:
        """Ask it to end, wait for the grace period, then kill it. Nothing happens if it is gone."""
        self._order(b"s", patience=self._grace + 5.0)

    def kill(self) -> None:
        """End it with SIGKILL, as a crash would, and wait until it is gone."""
        self._order(b"k", patience=10.0)

    def log_tail(self, lines: int = TAIL_LINES) -> str:
        """The last lines of its log."""
        try:
            with self.log.open("rb") as file:
                file.seek(max(0, file.seek(0, os.SEEK_END) - 16384))
                text = file.read().decode(errors="replace")
        except FileNotFoundError:
            return ""
        return "\n".join(text.splitlines()[-lines:])

    def __enter__(self) -> Self:
        if not self.is_running:
            self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def _launch(self) -> None:
        self._exit_code = None
        try:
            with _open_log(self.log) as log:
                process = subprocess.Popen(
                    self._guard_command(),
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    stderr=log,
                    bufsize=0,
                    cwd=self._cwd,
                    env=self._env,
                    pass_fds=self._keep_fds,
                    start_new_session=True,
                )
        except OSError as error:
            raise LocalServiceError(f"{self.name} cannot be started: {error}") from error
        pipes = cast(IO[bytes], process.stdin), cast(IO[bytes], process.stdout)
        self._guard = _Guard(process, *pipes)
        word, rest = self._guard.next_report()
        if word != "pid":
            self.kill()
            raise LocalServiceError(f"{self.name} cannot be started: {rest or self.log_tail()}")
        self._pid = int(rest)

    def _guard_command(self) -> list[str]:
        user = self._run_as or User(-1, -1)
        settings = (os.getpid(), int(self._polite_signal), self._grace, user.uid, user.gid)
        numbers = map(str, (*settings, len(self._leftovers)))
        guard = [sys.executable, "-I", "-S", str(GUARD), *numbers, *self._leftovers]
        return guard + self._command

    def _await_ready(self, probe: Probe | None, timeout: float) -> None:
        deadline = time.monotonic() + timeout
        pause = 0.005
        while probe is not None and (missing := probe()) is not None:
            if not self.is_running:
                raise self._failure(f"ended while starting (exit code {self.exit_code})")
            if time.monotonic() > deadline:
                raise self._failure(f"was not ready after {timeout:g} s ({missing})")
            time.sleep(pause)
            pause = min(pause * 1.5, 0.05)
        if not self.is_running:
            raise self._failure(f"ended at once (exit code {self.exit_code})")

    def _failure(self, what: str) -> LocalServiceError:
        tail = self.log_tail().strip()
        return LocalServiceError(
            f"{self.name} {what}. Last lines of {self.log}:\n{tail}"
            if tail
            else f"{self.name} {what}. Its log {self.log} is empty."
        )

    def _order(self, order: bytes, patience: float) -> None:
        guard = self._guard
        if guard is not None and self.is_running:
            with contextlib.suppress(BrokenPipeError, ValueError):  # it is just ending
                guard.control.write(order)
            try:
                guard.process.wait(patience)
            except subprocess.TimeoutExpired:
                guard.process.kill()  # the kernel then kills the child
        self._close()

    def _close(self) -> None:
        """Read the guard's last word and let go of it."""
        with self._closing:
            guard, self._guard = self._guard, None
            if guard is None:
                return
            if guard.process.wait() != 0 and self._pid is not None:
                # The guard itself was killed and the kernel took the child; end its helpers.
                with contextlib.suppress(ProcessLookupError, PermissionError):
                    os.killpg(self._pid, signal.SIGKILL)
            word, rest = guard.next_report()
            self._exit_code = int(rest) if word == "exit" else None
            guard.control.close()
            guard.report.close()


def _open_log(path: Path) -> IO[bytes]:
    """Open the log for appending, readable by its owner alone; set a long one aside first."""
    with contextlib.suppress(FileNotFoundError):
        if path.stat().st_size > LOG_LIMIT:
            path.replace(path.with_name(f"{path.name}.1"))
    return open(path, "ab", opener=lambda name, flags: os.open(name, flags, 0o600))
