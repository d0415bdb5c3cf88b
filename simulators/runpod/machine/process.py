"""One pod's process group under its guard, watched from the event loop."""

from __future__ import annotations

import asyncio
import contextlib
import os
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import IO, cast

from simulators.runpod.machine.strays import kill_strays

GUARD = Path(__file__).with_name("guard.py")
_CHUNK = 65_536
_LONGEST_LINE = 65_536


class PodProcess:
    """A running command; implements Workload.

    Args:
        command: Program and arguments.
        env: Its whole environment; ``RUNPOD_POD_ID`` in it marks what belongs to the pod.
        cwd: The folder it runs in.
        grace: Seconds between SIGTERM and SIGKILL.
        say: Takes each line of its output.
        ended: Called once when it has ended without being told to.

    Raises:
        OSError: The guard cannot be started. A command that cannot be executed is told by
            ``say``, and ends at once.
    """

    def __init__(
        self,
        command: Sequence[str],
        env: Mapping[str, str],
        cwd: Path,
        grace: float,
        say: Callable[[str], None],
        ended: Callable[[], None],
    ) -> None:
        self._say = say
        self._on_end = ended
        self._line = b""
        self._report = b""
        self._is_told = False
        self._pod_id = env["RUNPOD_POD_ID"]
        self.pid: int | None = None
        self.gone = asyncio.Event()
        self._guard = subprocess.Popen(
            [sys.executable, "-I", "-S", str(GUARD), str(grace), *command],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            bufsize=0,
            cwd=cwd,
            env=dict(env),
            start_new_session=True,
        )
        pipes = self._guard.stdin, self._guard.stdout, self._guard.stderr
        self._control, self._reports, self._output = cast(tuple[IO[bytes], ...], pipes)
        self._loop = asyncio.get_running_loop()
        for pipe, read in (
            (self._reports, self._read_report),
            (self._output, self._read_output),
        ):
            os.set_blocking(pipe.fileno(), False)
            self._loop.add_reader(pipe.fileno(), read)

    def stop(self) -> None:
        """Ask it to end; the guard kills it after the grace period."""
        self._order(b"s")

    def kill(self) -> None:
        """Kill its process group."""
        self._order(b"k")

    def _order(self, order: bytes) -> None:
        self._is_told = True
        with contextlib.suppress(BrokenPipeError, ValueError):  # it is just ending
            self._control.write(order)

    def _read_output(self) -> None:
        chunk = _read(self._output)
        if chunk is None:
            return
        if not chunk:
            self._loop.remove_reader(self._output.fileno())
            self._output.close()
            if self._line:
                self._say_line(self._line)
            return
        *lines, self._line = (self._line + chunk).split(b"\n")
        for line in lines:
            self._say_line(line)
        if len(self._line) > _LONGEST_LINE:
            self._say_line(self._line)
            self._line = b""

    def _say_line(self, line: bytes) -> None:
        self._say(line.decode(errors="replace").rstrip("\r"))

    def _read_report(self) -> None:
        chunk = _read(self._reports)
        if chunk is None:
            return
        if chunk:
            *lines, self._report = (self._report + chunk).split(b"\n")
            for line in lines:
                word, _, rest = line.decode(errors="replace").partition(" ")
                if word == "pid":
                    self.pid = int(rest)
                elif word == "error":
                    self._say(rest)
            return
        self._loop.remove_reader(self._reports.fileno())
        self._finish()

    def _finish(self) -> None:
        """The guard has closed its pipe: it is done, or it was killed."""
        self._reports.close()
        self._control.close()
        if self._guard.wait() != 0:  # it was killed itself
            kill_strays(self._pod_id)
        self.gone.set()
        if not self._is_told:
            self._on_end()


def _read(pipe: IO[bytes]) -> bytes | None:
    """What is there to read; empty at the end, None when nothing is there yet."""
    try:
        return os.read(pipe.fileno(), _CHUNK)
    except BlockingIOError:
        return None
