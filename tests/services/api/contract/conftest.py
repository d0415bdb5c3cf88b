"""The API over loopback, for strangers to ask whatever its description allows, and what not.

Tokens, database, bucket and decoder are the real ones; commands to workflows are noted, so that no
answer depends on how fast a worker is here. Nothing is limited.
"""

import threading
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

import httpx
import pytest
from pydantic import SecretStr
from structlog.processors import format_exc_info
from structlog.testing import capture_logs
from structlog.typing import EventDict

from api.app import create_app
from api.server import Server
from deploy.embedded.ports import free_port
from deploy.embedded.postgres import EmbeddedPostgres
from deploy.stack.services import CLIENT, OPERATOR_CLIENT, Issuer
from rekindle.adapters.oidc import OidcVerifier
from rekindle.adapters.s3 import S3Store
from rekindle.adapters.stripe import StripePayments
from rekindle.settings import Settings
from rekindle.store.database import Database
from rekindle.wiring.api import ApiPorts
from tests.services.api.conftest import SETTINGS, World
from tests.services.api.orders.conftest import KEY, SECRET, Orders

AUDIENCE = "https://api.example"
UNLIMITED = {
    **{name: "none" for name in Settings.model_fields if name.startswith("rate_limit_")},
    **{"rate_limit_address_factor": 0, "rate_limit_operator_factor": 0},
    **{"rate_limit_storage_url": None, "max_open_attempts": 0, "max_open_orders": 0},
    **{name: 0 for name in Settings.model_fields if name.startswith("upload_quota_")},
}


@pytest.fixture(autouse=True)
def log() -> Iterator[list[EventDict]]:
    """What is logged, with where it was raised."""
    with capture_logs(processors=[format_exc_info]) as lines:
        yield lines


@pytest.fixture(scope="module")
def issuer(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Issuer]:
    with Issuer(tmp_path_factory.mktemp("issuer"), port=free_port(), audience=AUDIENCE) as issuer:
        yield issuer


@dataclass(frozen=True)
class Tokens:
    """Of a user, and of an operator."""

    user: str
    operator: str


@pytest.fixture(scope="module")
def tokens(issuer: Issuer) -> Tokens:
    def token(client: str, secret: str) -> str:
        reply = httpx.post(
            f"{issuer.issuer}oauth/token",
            data={"grant_type": "client_credentials"},
            auth=(client, secret),
            timeout=60,
        )
        return str(reply.raise_for_status().json()["access_token"])

    return Tokens(
        token(CLIENT, issuer.secret_file.read_text()),
        token(OPERATOR_CLIENT, issuer.operator_secret_file.read_text()),
    )


@pytest.fixture
def server(
    postgres_server: EmbeddedPostgres, objects: S3Store, issuer: Issuer, log: list[EventDict]
) -> Iterator[str]:
    """The address of the API, in a thread of its own; it must meet nothing unexpected."""
    settings = SETTINGS.model_copy(
        update={
            **UNLIMITED,
            "auth0_domain": issuer.issuer,
            "auth0_audience": AUDIENCE,
            "stripe_webhook_secret": SecretStr(SECRET),
            "event_stream_seconds": 0.05,  # nobody waits for a stream to end
        }
    )

    @asynccontextmanager
    async def open_ports(_settings: Settings) -> AsyncIterator[ApiPorts]:
        database = Database(postgres_server.address.url, patience_seconds=60)
        verifier = OidcVerifier(issuer.issuer, AUDIENCE)
        account = StripePayments(key=KEY, webhook_secret=SECRET, api_url="http://127.0.0.1:9")
        world = World(database, objects, tokens=verifier, orders=Orders(database), payments=account)
        async with world.open(settings) as ports:
            yield ports
        await account.close()
        await verifier.aclose()
        await database.close()

    app = create_app(settings, open_ports=open_ports)
    server = Server(app, host="127.0.0.1", port=0)
    thread = threading.Thread(target=server.run, name="API of strangers")
    thread.start()
    try:
        deadline = time.monotonic() + 60
        while not server.started:
            assert thread.is_alive(), "the API did not start"
            assert time.monotonic() < deadline
            time.sleep(0.01)
        yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join()
    assert [line for line in log if line["log_level"] == "error"] == []
