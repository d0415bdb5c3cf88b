"""One process: the engine, the hub and the HTTP server around them."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager

import uvicorn
from starlette.applications import Starlette

from simulators.comfyui.engine.engine import Engine
from simulators.comfyui.options import Options
from simulators.comfyui.wire.app import make_app
from simulators.comfyui.wire.hub import Hub
from simulators.comfyui.wire.misfortune import TellingProtocol
from simulators.comfyui.wire.userdata import LogTail


class _Server(uvicorn.Server):
    """Leaves signals alone: like ComfyUI, SIGTERM ends the process at once, without drain."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Capture nothing."""
        yield


def serve(options: Options) -> None:
    """Listen and serve until the process is ended.

    Raises:
        OSError: The address is not free or not ours.
    """
    logs = LogTail()
    logging.getLogger().addHandler(logs)
    listener = _listen(options.listen, options.port)
    hub = Hub()
    engine = Engine(options, hub)

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        publisher = asyncio.create_task(hub.publish())
        await asyncio.sleep(0)
        engine.start()
        address, port = listener.getsockname()[:2]
        print(f"To see the GUI go to: http://{address}:{port}", flush=True)
        yield
        publisher.cancel()

    config = uvicorn.Config(
        make_app(engine, hub, logs, lifespan),
        http=TellingProtocol,
        ws="websockets-sansio",
        ws_ping_interval=None,
        ws_per_message_deflate=False,
        log_config=None,
        access_log=False,
        server_header=False,
        timeout_keep_alive=75,
    )
    # Control-C ends whatever the worker thread is doing as well; SIGTERM does so by itself.
    signal.signal(signal.SIGINT, lambda *_: os._exit(130))
    asyncio.run(_Server(config).serve(sockets=[listener]))


def _listen(address: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    # asyncio turns Nagle's delay off only where the protocol is named: 44 ms became 1 ms.
    listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind((address, port))
    return listener
