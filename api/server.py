"""The HTTP server around the application."""

import gc
import socket
import sys
from contextlib import suppress

import uvicorn
from fastapi import FastAPI

from api.http_protocol import BoundedHttpProtocol
from rekindle.settings import Settings

_GRACE_SECONDS = 30
_STARTUP_FAILED = 3
_YOUNG_OBJECTS = 10_000
"""New objects until the garbage collector looks at them: those of a request are gone by then."""


class Server(uvicorn.Server):
    """uvicorn, which tells the application that it is about to leave.

    By itself it first waits for open connections and only then ends the lifespan: an event stream,
    which ends only when it is told to, would hold it up until its patience is over.
    """

    def __init__(self, app: FastAPI, *, host: str, port: int) -> None:
        """Prepare to serve `app`.

        Args:
            app: from `create_app`; its settings name the proxies that are believed.
            host: address to listen on.
            port: 0 takes a free one.
        """
        self._app = app
        settings: Settings = app.state.settings
        config = uvicorn.Config(
            app,
            host=host,
            port=port,
            loop="uvloop",
            http=BoundedHttpProtocol,
            ws="none",
            lifespan="on",
            log_config=None,  # ours is configured, and scrubs
            access_log=False,  # `RequestContext` writes a line without queries and ids
            server_header=False,
            proxy_headers=bool(settings.trusted_proxies),  # by itself uvicorn trusts 127.0.0.1
            forwarded_allow_ips=list(settings.trusted_proxies),
            timeout_graceful_shutdown=_GRACE_SECONDS,
        )
        super().__init__(config)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """End the event streams, then leave as uvicorn does."""
        self._app.state.events.end_streams()
        await super().shutdown(sockets)


class _OnlyServer(Server):
    """A server with a process to itself."""

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start; what is in memory then stays, and the garbage collector need not look at it.

        Every full collection stopped all requests for 0.2 s, and with two thousand event streams
        it still stops them for 0.1 s: the fewer short-lived objects it meets, the rarer it is.
        """
        await super().startup(sockets)
        gc.collect()
        gc.freeze()
        gc.set_threshold(_YOUNG_OBJECTS, *gc.get_threshold()[1:])


def serve(app: FastAPI, *, host: str, port: int) -> None:
    """Serve until SIGTERM or SIGINT; exits with 3 when the application does not start."""
    server = _OnlyServer(app, host=host, port=port)
    with suppress(KeyboardInterrupt):
        server.run()
    if not server.started:
        sys.exit(_STARTUP_FAILED)
