"""The real services, started once for each test process; nothing here is a stand-in of our code."""

import contextlib
import sys
from collections.abc import AsyncIterator, Iterator
from copy import copy
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import httpx
import psycopg
import pytest
from psycopg import sql
from sqlalchemy import null, update
from temporalio.client import Client
from temporalio.contrib.pydantic import pydantic_data_converter
from temporalio.service import RPCError
from temporalio.testing import TimeSkipper

from deploy.embedded.ports import free_port
from deploy.embedded.postgres import EmbeddedPostgres
from deploy.embedded.process import GuardedProcess
from deploy.embedded.s3 import EmbeddedS3
from deploy.embedded.temporal import EmbeddedTemporal
from rekindle.adapters.s3 import S3Store
from rekindle.contracts import search
from rekindle.models import PodRecord
from rekindle.store.database import Database
from rekindle.store.schema import migrate


@pytest.fixture(scope="session")
def temporal_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedTemporal]:
    with EmbeddedTemporal(
        tmp_path_factory.mktemp("temporal"),
        search_attributes=dict.fromkeys(search.KEYWORDS, "Keyword"),
        time_skipping=True,
    ) as server:
        yield server


@pytest.fixture
async def temporal(temporal_server: EmbeddedTemporal) -> AsyncIterator[Client]:
    """A client; whatever the test leaves running is terminated."""
    client = await Client.connect(
        temporal_server.address.address, data_converter=pydantic_data_converter
    )
    yield client
    async for found in client.list_workflows("ExecutionStatus = 'Running'"):
        with contextlib.suppress(RPCError):  # it ended by itself meanwhile
            await client.get_workflow_handle(found.id, run_id=found.run_id).terminate()


@pytest.fixture
def skipping(temporal: Client) -> TimeSkipper:
    """Workflows started through its client skip over their timers."""
    return TimeSkipper(temporal)


@pytest.fixture(scope="session")
def postgres_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedPostgres]:
    with EmbeddedPostgres(tmp_path_factory.mktemp("postgres")) as server:
        migrate(server.address.url)
        yield server


@pytest.fixture(scope="session")
def shared_database(postgres_server: EmbeddedPostgres) -> Database:
    """One pool for all tests, without connections between them: it knows what it has compiled."""
    # Time-outs are tested where they belong; here they would only measure the machine.
    return Database(postgres_server.address.url, patience_seconds=60)


@pytest.fixture
async def database(shared_database: Database) -> AsyncIterator[Database]:
    """The migrated database; rows of other tests may be there.

    But nobody knows what pods could run: that decides which graphs are offered.
    """
    database = shared_database
    async with database.transaction() as session:
        await session.execute(update(PodRecord).values(graphs=null()))
    yield database
    await database.close()


@pytest.fixture
def fresh_database_url(postgres_server: EmbeddedPostgres) -> str:
    """An empty database of its own on the same server."""
    name = f"fresh_{uuid4().hex}"
    with psycopg.connect(postgres_server.address.url, autocommit=True) as connection:
        connection.execute(sql.SQL("create database {}").format(sql.Identifier(name)))
    return postgres_server.address.url.rpartition("/")[0] + f"/{name}"


@pytest.fixture(scope="session")
def s3_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedS3]:
    with EmbeddedS3(tmp_path_factory.mktemp("s3"), bucket="media") as server:
        yield server


@pytest.fixture(scope="session")
def shared_objects(s3_server: EmbeddedS3) -> S3Store:
    """Knows the services of AWS, and keeps its connections."""
    address = s3_server.address
    key = next(iter(address.keys.values()))
    return S3Store(
        bucket=address.bucket,
        region=address.region,
        endpoint_url=address.endpoint_url,
        access_key=key.access_key,
        secret_key=key.secret_key,
        url_seconds=60,
    )


@pytest.fixture
def objects(shared_objects: S3Store) -> S3Store:
    """The bucket; objects of other tests may be there. What a test replaces in it is its own."""
    return copy(shared_objects)


class Engine:
    """A running ComfyUI engine with its own folder, and what may be done to it."""

    def __init__(self, folder: Path, models_mode: str) -> None:
        self._port = free_port()
        self.url = f"http://127.0.0.1:{self._port}"
        self.process = GuardedProcess(
            [
                *(sys.executable, "-m", "simulators.comfyui"),
                *("--listen", "127.0.0.1", "--port", str(self._port)),
                *("--base-directory", folder, "--models-mode", models_mode),
            ],
            name="comfyui",
            log=folder / "log.txt",
        )

    def start(self) -> None:
        self.process.start(self._probe)

    def _probe(self) -> str | None:
        try:
            return (
                None
                if httpx.get(f"{self.url}/system_stats", timeout=60).is_success
                else "not ready"
            )
        except httpx.TransportError as error:
            return repr(error)

    def restart(self) -> None:
        """Kill it, as a crash would, and start it on the same folder and port."""
        self.process.kill()
        self.start()

    def delay(self, **seconds_by_class: float) -> None:
        """Make nodes of these classes take so long; nothing puts them back to normal."""
        httpx.post(
            f"{self.url}/simulator/faults", json={"node_delay": seconds_by_class}, timeout=60
        )

    def runs(self, prompt_id: UUID) -> list[dict[str, Any]]:
        """Every run of a prompt, from the engine's own ledger."""
        reply = httpx.get(
            f"{self.url}/simulator/ledger", params={"prompt_id": str(prompt_id)}, timeout=60
        )
        return list(reply.json()["runs"])


@pytest.fixture(scope="session")
def shared_engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    engine = Engine(tmp_path_factory.mktemp("comfyui"), "none")
    engine.start()
    yield engine
    engine.process.stop()


@pytest.fixture
def engine(shared_engine: Engine) -> Engine:
    """The engine at its ordinary speed."""
    shared_engine.delay()
    return shared_engine


@pytest.fixture(scope="session")
def shared_card_engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    engine = Engine(tmp_path_factory.mktemp("cards"), "test-card")
    engine.start()
    yield engine
    engine.process.stop()


@pytest.fixture
def card_engine(shared_card_engine: Engine) -> Engine:
    """An engine that draws test cards where models would be needed."""
    shared_card_engine.delay()
    return shared_card_engine
