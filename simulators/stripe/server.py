"""Serving the simulator: as a process, or in a thread of somebody else's."""

from __future__ import annotations

import asyncio
import dataclasses
import threading
from typing import Self

import uvicorn

from simulators.runpod.asgi import TellingProtocol
from simulators.runpod.clock import Clock
from simulators.runpod.server import listen, url_of
from simulators.stripe.app import create_app
from simulators.stripe.options import Options


def server_of(options: Options, clock: Clock | None = None) -> uvicorn.Server:
    """A server of the simulator, not running yet.

    Args:
        options: The simulator's settings.
        clock: The time; see ``create_app``.
    """
    config = uvicorn.Config(
        create_app(options, clock),
        http=TellingProtocol,
        ws="none",
        lifespan="on",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        timeout_keep_alive=75,
        timeout_graceful_shutdown=1,
    )
    return uvicorn.Server(config)


class SimulatorThread:
    """A simulator on a free port, in a thread with an event loop of its own.

    For tests: ``with SimulatorThread(options) as simulator: simulator.url``.

    Args:
        options: The simulator's settings; ``url`` is replaced by the real one.
        port: 0 picks a free one.
        clock: The time; see ``create_app``.
    """

    def __init__(self, options: Options, port: int = 0, clock: Clock | None = None) -> None:
        self._listener = listen("127.0.0.1", port)
        self.url = url_of(self._listener)
        self._server = server_of(dataclasses.replace(options, url=self.url), clock)
        self._thread = threading.Thread(target=self._run, name="stripe-simulator", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.should_exit = True
        self._thread.join()
        self._listener.close()

    def _run(self) -> None:
        asyncio.run(self._server.serve(sockets=[self._listener]))
