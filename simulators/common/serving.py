"""Serving a simulator: the socket, and a thread of somebody else's process."""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import Callable
from typing import Self

import uvicorn


def listen(address: str, port: int) -> socket.socket:
    """A bound socket; port 0 picks a free one.

    Raises:
        OSError: The address is not free or not ours.
    """
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    # asyncio turns Nagle's delay off only where the protocol is named: 44 ms became 1 ms.
    listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((address, port))
        listener.listen(1024)
    except OSError:
        listener.close()
        raise
    return listener


def url_of(listener: socket.socket) -> str:
    """The address a client uses."""
    host, port = listener.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


class ServerThread:
    """A server on the loopback, in a thread with an event loop of its own, while a block runs.

    Args:
        name: Of the thread.
        port: 0 picks a free one.
        server_of: Makes the server, given the address at which it will be reached.
    """

    def __init__(self, name: str, port: int, server_of: Callable[[str], uvicorn.Server]) -> None:
        self._listener = listen("127.0.0.1", port)
        self.url = url_of(self._listener)
        self._server = server_of(self.url)
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.should_exit = True
        self._thread.join()
        self._listener.close()

    def _run(self) -> None:
        asyncio.run(self._server.serve(sockets=[self._listener]))
