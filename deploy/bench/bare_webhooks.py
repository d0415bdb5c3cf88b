"""The webhook route as a page of documentation has it: verify, insert, answer. A baseline.

`python -m deploy.bench.bare_webhooks PORT` serves it; the addresses and the secret come by the
environment. It has its own table, and our server's event loop and parser.
"""

import os
import sys
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import stripe
import uvicorn
from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse
from psycopg_pool import AsyncConnectionPool

from deploy.embedded.ports import HOST
from deploy.stack.services import HttpService

PATH = "/webhook"
_HEALTH = "/health"
_CONNECTIONS = 10


class BareRoute(HttpService):
    """A process that serves nothing but that route."""

    name = "bare_webhooks"
    module = "deploy.bench.bare_webhooks"
    health = _HEALTH

    def __init__(self, data: Path, *, port: int, database_url: str, secret: str) -> None:
        """Describe the process; nothing runs yet.

        Args:
            database_url: of Postgres; a table is made there.
            secret: that signs events.
        """
        super().__init__(data, port=port)
        self._words = {"BARE_DATABASE_URL": database_url, "BARE_SECRET": secret}

    def _arguments(self) -> Sequence[str]:
        return (str(self.port),)

    def _variables(self) -> Mapping[str, str]:
        return self._words


def bare_app(database_url: str, secret: str) -> FastAPI:
    """The application.

    Args:
        database_url: of Postgres.
        secret: that signs events.
    """
    pool = AsyncConnectionPool(
        database_url, min_size=_CONNECTIONS, max_size=_CONNECTIONS, open=False
    )

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        async with pool:
            async with pool.connection() as connection:
                await connection.execute(
                    "create table if not exists bare_events "
                    "(id text primary key, kind text not null, at timestamptz default now())"
                )
            yield

    app = FastAPI(lifespan=lifespan)

    @app.get(_HEALTH)
    async def health() -> JSONResponse:
        return JSONResponse({})

    @app.post(PATH)
    async def webhook(request: Request) -> JSONResponse:
        event = stripe.Webhook.construct_event(
            await request.body(), request.headers["stripe-signature"], secret
        )
        async with pool.connection() as connection:
            await connection.execute(
                "insert into bare_events (id, kind) values (%s, %s) on conflict do nothing",
                (event["id"], event["type"]),
            )
        return JSONResponse({"received": True})

    return app


def main() -> None:
    """Serve until asked to leave."""
    app = bare_app(os.environ["BARE_DATABASE_URL"], os.environ["BARE_SECRET"])
    uvicorn.run(
        app,
        host=HOST,
        port=int(sys.argv[1]),
        loop="uvloop",
        http="httptools",
        access_log=False,
        log_level="warning",
    )


if __name__ == "__main__":
    main()
