"""`python -m simulators.oidc`: the issuer as one process."""

import socket
import sys

import uvicorn

from simulators.oidc.app import create_app
from simulators.oidc.arguments import parse


def main() -> None:
    """Bind, say where, serve until told to stop."""
    arguments = parse()
    family = socket.AF_INET6 if ":" in arguments.host else socket.AF_INET
    try:
        listener = socket.create_server((arguments.host, arguments.port), family=family)
        config = arguments.config(listener.getsockname()[1])
        app = create_app(config, arguments.data)
    except (OSError, ValueError) as error:
        sys.exit(f"The issuer cannot start: {error}")
    settings = uvicorn.Config(
        app,
        loop="asyncio",
        http="h11",
        ws="none",
        lifespan="off",
        log_level="warning",
        access_log=False,  # the query of an authorization request is nobody's business
        proxy_headers=False,
        server_header=False,
        timeout_graceful_shutdown=1,
    )
    # The socket listens already: a client that reads this line can connect at once.
    print(f"issuer {config.issuer}", flush=True)
    uvicorn.Server(settings).run(sockets=[listener])


if __name__ == "__main__":
    main()
