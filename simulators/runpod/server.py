"""Serving the simulator: as a process, or in a thread of somebody else's."""

from __future__ import annotations

import dataclasses

import uvicorn

from simulators.common.asgi import TellingProtocol
from simulators.common.clock import Clock
from simulators.common.serving import ServerThread
from simulators.runpod.app import create_app
from simulators.runpod.options import Options


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


class SimulatorThread(ServerThread):
    """A simulator on a free port, in a thread with an event loop of its own.

    For tests and notebooks: ``with SimulatorThread(options) as simulator: simulator.url``.
    Leaving the block ends every pod.

    Args:
        options: The simulator's settings.
        port: 0 picks a free one.
        clock: The time; see ``create_app``.
    """

    def __init__(self, options: Options, port: int = 0, clock: Clock | None = None) -> None:
        super().__init__("runpod-simulator", port, lambda url: server_of(options, url, clock))
