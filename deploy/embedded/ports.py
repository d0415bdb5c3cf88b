"""Free TCP ports on 127.0.0.1 that no other Rekindle process on this machine picks as well.

A port that was free a moment ago may be taken when the server binds it. Two things keep that
from happening in practice: ports come from below Linux's ephemeral range (32768 and up), so no
outgoing connection ever takes one; and each process reserves a whole block of them by binding a
name in the kernel's abstract socket namespace, which is as wide as the ports themselves (one
network namespace, all users) and freed by the kernel when the process ends.
"""

import atexit
import os
import random
import socket
import threading

from rekindle.errors import LocalServiceError, PortTaken

HOST = "127.0.0.1"

# SeaweedFS opens a gRPC twin at port + 10000. Handing out [10240, 20240) keeps every twin below
# the ephemeral range and apart from every port that is handed out itself.
LOWEST = 10240
BLOCK_SIZE = 50
BLOCKS = 200
TWIN_OFFSET = 10000


class PortBlock:
    """One reserved block of ports, handed out once each."""

    def __init__(self, number: int) -> None:
        """Reserve it until this process ends.

        Args:
            number: which one, 0 to BLOCKS - 1.

        Raises:
            OSError: it is reserved already.
        """
        self._reservation = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            self._reservation.bind(f"\0rekindle-ports-{number}")
        except OSError:
            self._reservation.close()
            raise
        atexit.register(self.release)
        self._left = list(range(LOWEST + number * BLOCK_SIZE, LOWEST + (number + 1) * BLOCK_SIZE))

    def release(self) -> None:
        """Let other processes reserve it."""
        atexit.unregister(self.release)
        self._reservation.close()

    def next_free(self, *, twin: bool) -> int | None:
        """The next port of the block that can be bound, or None when the block is used up."""
        while self._left:
            port = self._left.pop(0)
            if is_free(port) and (not twin or is_free(port + TWIN_OFFSET)):
                return port
        return None


class _Picker:
    """The ports of one process."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._blocks: list[PortBlock] = []
        self._pid = os.getpid()

    def pick(self, *, twin: bool) -> int:
        with self._lock:
            if self._pid != os.getpid():  # a forked child must not hand out its parent's ports
                self._blocks, self._pid = [], os.getpid()
            while True:
                if self._blocks:
                    port = self._blocks[-1].next_free(twin=twin)
                    if port is not None:
                        return port
                self._blocks.append(_reserve_block())


def _reserve_block() -> PortBlock:
    for number in random.sample(range(BLOCKS), BLOCKS):
        try:
            return PortBlock(number)
        except OSError:
            continue
    raise LocalServiceError(
        f"No block of ports between {LOWEST} and {LOWEST + BLOCKS * BLOCK_SIZE} is free on {HOST}."
    )


_picker = _Picker()


def free_port(*, twin: bool = False) -> int:
    """A port on 127.0.0.1 that nobody listens on and that is never handed out again.

    Args:
        twin: also require that the port 10000 above it is free.

    Raises:
        LocalServiceError: every block of ports on this machine is reserved.
    """
    return _picker.pick(twin=twin)


def is_free(port: int) -> bool:
    """Whether a server could listen on that port of 127.0.0.1 now."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        # As servers do: a finished connection in TIME_WAIT does not occupy the port.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError:
            return False
        return True


def require_free(service: str, ports: list[int]) -> None:
    """Say which port is in the way before a server fails on it in its own words.

    Args:
        service: who wants to listen, for the message.
        ports: the ports it will open on 127.0.0.1.

    Raises:
        PortTaken: somebody listens on one of them.
    """
    taken = [port for port in ports if not is_free(port)]
    if taken:
        listed = ", ".join(str(port) for port in taken)
        raise PortTaken(
            f"{service} cannot listen on {HOST}: another program uses port {listed}. "
            "Stop that program or choose another port."
        )
