"""Serving the simulator: as a process, or in a thread of somebody else's."""

from __future__ import annotations

import asyncio
import dataclasses
import socket
import threading
from typing import Self

import uvicorn

from simulators.runpod.app import create_app
from simulators.runpod.asgi import TellingProtocol
from simulators.runpod.clock import Clock
from simulators.runpod.options import Options


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


def server_of(options: Options, url: str, clock: Clock | None = None) -> uvicorn.Server:
    """A server of the simulator, not running yet.

    Args:
        options: The simulator's settings.
        url: Where pods will reach it.
        clock: The time; see ``create_app``.
    """
    config = uvicorn.Config(
        create_app(dataclasses.replace(options, url=url), clock),
        http=TellingProtocol,
        ws="websockets-sansio",
        ws_ping_interval=None,
        ws_per_message_deflate=False,
        ws_max_size=256 * 1024 * 1024,
        lifespan="on",
        log_config=None,
        access_log=False,
        server_header=False,
        date_header=False,
        proxy_headers=False,
        timeout_keep_alive=75,
        timeout_graceful_shutdown=1,
    )
    return uvicorn.Server(config)


class SimulatorThread:
    """A simulator on a free port, in a thread with an event loop of its own.

    For tests and notebooks: ``with SimulatorThread(options) as simulator: simulator.url``.
    Leaving the block ends every pod.

    Args:
        options: The simulator's settings.
        port: 0 picks a free one.
        clock: The time; see ``create_app``.
    """

    def __init__(self, options: Options, port: int = 0, clock: Clock | None = None) -> None:
        self._listener = listen("127.0.0.1", port)
        self.url = url_of(self._listener)
        self._server = server_of(options, self.url, clock)
        self._thread = threading.Thread(target=self._run, name="runpod-simulator", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.should_exit = True
        self._thread.join()
        self._listener.close()

    def _run(self) -> None:
        asyncio.run(self._server.serve(sockets=[self._listener]))
