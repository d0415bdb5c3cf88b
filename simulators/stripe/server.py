"""Serving the simulator: as a process, or in a thread of somebody else's."""

from __future__ import annotations

import dataclasses

import uvicorn

from simulators.common.asgi import TellingProtocol
from simulators.common.clock import Clock
from simulators.common.serving import ServerThread
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


class SimulatorThread(ServerThread):
    """A simulator on a free port, in a thread with an event loop of its own.

    For tests: ``with SimulatorThread(options) as simulator: simulator.url``.

    Args:
        options: The simulator's settings; ``url`` is replaced by the real one.
        port: 0 picks a free one.
        clock: The time; see ``create_app``.
    """

    def __init__(self, options: Options, port: int = 0, clock: Clock | None = None) -> None:
        super().__init__(
            "stripe-simulator",
            port,
            lambda url: server_of(dataclasses.replace(options, url=url), clock),
        )
