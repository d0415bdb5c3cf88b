"""What Temporal, Postgres and S3 have in common when they are embedded."""

import contextlib
import os
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import ClassVar, Self

from deploy.embedded.data_lock import DataLock
from deploy.embedded.ports import require_free
from deploy.embedded.process import GuardedProcess

START_TIMEOUT = 60.0  # seconds; a first start takes about one, a loaded machine much longer


class EmbeddedService(ABC):
    """A real server on 127.0.0.1 with its data in one folder.

    `start` returns when clients can work with it. `kill` is a crash: the next `start` continues on
    the same data and the same ports. `stop` is orderly, and also lets go of the folder.
    Ports and secrets live as long as the object; secrets as long as the folder.
    """

    name: ClassVar[str]

    def __init__(self, data: Path) -> None:
        """Describe the server; nothing runs yet.

        Args:
            data: its folder, made if missing. Nobody else may put anything there.
        """
        self.data = data.absolute()
        self.log = self.data / f"{self.name}.log"
        self._lock = DataLock(self.data)
        self._process: GuardedProcess | None = None

    @property
    def pid(self) -> int:
        """The server's own process id."""
        if self._process is None:
            raise RuntimeError(f"{self.name} was never started")
        return self._process.pid

    @property
    def is_running(self) -> bool:
        """Whether the server runs."""
        return self._process is not None and self._process.is_running

    def start(self, *, timeout: float = START_TIMEOUT) -> None:
        """Start the server on its data and wait until clients can work with it.

        Args:
            timeout: seconds it may take.

        Raises:
            EmbeddedExtraMissing: its wheel is not installed.
            DataInUse: another process uses the data folder.
            PortTaken: another program uses one of its ports.
            LocalServiceError: it did not come up; the message ends with its log.
        """
        if self.is_running:
            raise RuntimeError(f"{self.name} is already running")
        self.data.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._lock.acquire()
        try:
            require_free(self.name, self._ports())
            self._process = self._prepare()
            self._process.start(self._probe, timeout=timeout)
            self._settle()
        except BaseException:
            self.stop()
            raise

    def stop(self) -> None:
        """Stop the server in order and let go of the data. Nothing happens if it is not running."""
        if self._process is not None:
            self._process.stop()
        self._lock.release()

    def kill(self) -> None:
        """End the server with SIGKILL, as a crash would, and wait until it is gone."""
        if self._process is not None:
            self._process.kill()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    @abstractmethod
    def _ports(self) -> list[int]:
        """Every port the server is told to listen on."""

    @abstractmethod
    def _prepare(self) -> GuardedProcess:
        """Make the data folder ready, with the lock held, and describe the process."""

    @abstractmethod
    def _probe(self) -> str | None:
        """Whether a client can work: None for yes, else what is missing."""

    def _settle(self) -> None:  # noqa: B027 (a hook, empty by default)
        """What is left to do once the server is up."""

    @property
    def _lock_descriptor(self) -> int:
        return self._lock.descriptor


def clean_environment(home: Path, **extra: str) -> dict[str, str]:
    """An environment in which no setting of the person at the keyboard reaches a server.

    All three servers take options from the environment and from files in the home folder
    (`PG*`, `TEMPORAL_*`, `WEED_*`, `AWS_*`, `S3_BUCKET`, `~/.seaweedfs`, `~/.config/temporalio`).

    Args:
        home: what they shall take for the home folder.
        extra: further variables.
    """
    path = os.environ.get("PATH", os.defpath)
    return {"PATH": path, "HOME": str(home), "LANG": "C.UTF-8", "TZ": "UTC", **extra}


@contextlib.contextmanager
def running(*services: EmbeddedService) -> Iterator[None]:
    """Start several services at once, and stop them at once in the end.

    Raises:
        RekindleError: the first failure among them; those that did start are stopped.
    """
    try:
        _at_once([service.start for service in services])
        yield
    finally:
        _at_once([service.stop for service in services])


def _at_once(actions: Sequence[Callable[[], None]]) -> None:
    with ThreadPoolExecutor(max_workers=max(1, len(actions))) as pool:
        futures = [pool.submit(action) for action in actions]
    for future in futures:
        future.result()
