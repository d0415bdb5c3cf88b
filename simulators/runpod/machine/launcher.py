"""Starts pods as processes: image to command, scratch folder, ports, log file."""

from __future__ import annotations

import asyncio
import contextlib
import os
import shlex
import shutil
import socket
from collections.abc import Callable, Coroutine
from fnmatch import fnmatchcase
from functools import partial
from pathlib import Path
from typing import IO

from simulators.common.clock import Clock
from simulators.runpod.cloud.pod import Pod
from simulators.runpod.cloud.pod_log import CONTAINER
from simulators.runpod.cloud.workload import Workload
from simulators.runpod.machine.environment import environment, fill_in, place_mounts
from simulators.runpod.machine.process import PodProcess
from simulators.runpod.machine.strays import kill_strays
from simulators.runpod.options import Options

_LOG_LIMIT = 4 * 1024 * 1024  # bytes; what a pod says after that is in no file


class ProcessLauncher:
    """Runs pods as processes; implements Launcher.

    Args:
        options: Images, folders, grace period, own address.
        clock: Stamps the lines of the log.
        volume_path: The folder of a volume, by its id.
    """

    survives_restart = False

    def __init__(self, options: Options, clock: Clock, volume_path: Callable[[str], Path]) -> None:
        self._options = options
        self._clock = clock
        self._volume_path = volume_path
        self._running: dict[PodProcess, tuple[str, set[int]]] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._launches = 0

    def knows(self, image: str) -> bool:
        """Whether the command line maps it."""
        return self._command_of(image) is not None

    def launch(self, pod: Pod, ended: Callable[[], None]) -> Workload:
        """Start a pod's command in an empty scratch folder."""
        self._launches += 1
        scratch = self._folder(pod) / str(self._launches)
        shutil.rmtree(scratch, ignore_errors=True)
        scratch.mkdir(parents=True)
        mounted = place_mounts(pod, scratch, self._volume_path)
        ports = {port: self._free_port() for port in pod.spec["ports"]}
        env = environment(pod, scratch, mounted, ports, self._options)
        template = self._command_of(pod.spec["image"]) or ""
        command = [fill_in(part, env) for part in shlex.split(template)]
        command += shlex.split(pod.spec["args"])
        if not command:
            raise FileNotFoundError(f"image {pod.spec['image']} has no command")
        say = _Output(pod, self._clock, self._folder(pod).with_suffix(".log"))
        process = PodProcess(command, env, scratch, self._options.grace, say, ended)
        pod.ports.update(ports)
        self._running[process] = (pod.id, set(ports.values()))
        self._later(self._forget(process, say))
        return process

    def sweep(self, pod: Pod) -> None:
        """Kill what outlived both its guard and an earlier simulator."""
        kill_strays(pod.id)

    def clean(self, pod: Pod) -> None:
        """Remove a pod's scratch folder once its processes are gone."""
        self._later(self._remove(pod))

    async def close(self) -> None:
        """End every process, and wait until all have ended."""
        for process in list(self._running):
            process.stop()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(self._options.grace + 5):
                await asyncio.gather(*self._tasks)

    def _command_of(self, image: str) -> str | None:
        images = self._options.images
        fits = (command for name, command in images.items() if fnmatchcase(image, name))
        return images.get(image) or next(fits, None)

    def _folder(self, pod: Pod) -> Path:
        return self._options.data / "pods" / pod.id

    def _free_port(self) -> int:
        given = set().union(*(ports for _, ports in self._running.values()))
        while True:
            with socket.socket() as probe:
                probe.bind(("127.0.0.1", 0))
                port = int(probe.getsockname()[1])
            if port not in given:
                return port

    async def _forget(self, process: PodProcess, output: _Output) -> None:
        await process.gone.wait()
        del self._running[process]
        output.close()

    async def _remove(self, pod: Pod) -> None:
        mine = [process for process, (pod_id, _) in self._running.items() if pod_id == pod.id]
        await asyncio.gather(*(process.gone.wait() for process in mine))
        await asyncio.to_thread(partial(shutil.rmtree, self._folder(pod), ignore_errors=True))

    def _later(self, work: Coroutine[None, None, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


class _Output:
    """Takes the lines a pod says into its log, and into a file beside its folder."""

    def __init__(self, pod: Pod, clock: Clock, path: Path) -> None:
        self._pod = pod
        self._clock = clock
        self._file: IO[bytes] = os.fdopen(
            os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600), "ab", buffering=0
        )
        self._written = 0

    def __call__(self, line: str) -> None:
        self._pod.log.add(self._clock.now(), CONTAINER, line)
        data = line.encode() + b"\n"
        self._written += len(data)
        if self._written < _LOG_LIMIT and not self._file.closed:
            self._file.write(data)

    def close(self) -> None:
        """Close the file."""
        self._file.close()
