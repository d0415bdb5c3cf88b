"""The API in this process, over ports that these tests hold in their hands."""

from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx
import pytest
from fastapi import FastAPI
from pydantic import SecretStr
from structlog.testing import capture_logs
from structlog.typing import EventDict

from api.app import create_app
from rekindle.contracts.jobs import AttemptAccepted, AttemptCommand, PhotoJobInput
from rekindle.errors import InvalidToken
from rekindle.ports.identity import Principal
from rekindle.ports.objects import StoredObject
from rekindle.ports.photos import Derivatives, IngestedPhoto
from rekindle.settings import Settings
from rekindle.store.database import Database
from rekindle.wiring.api import ApiPorts


@pytest.fixture(autouse=True)
def log() -> Iterator[list[EventDict]]:
    """What is logged."""
    with capture_logs() as lines:
        yield lines


class Tokens:
    """Knows `alice`; everybody else is turned away, or meets `failure`."""

    failure: Exception | None = None

    async def verify(self, token: str) -> Principal:
        if self.failure is not None:
            raise self.failure
        if token != "alice":
            raise InvalidToken
        return Principal("https://issuer.example/", "alice", frozenset(), None, 0)

    async def check(self) -> None:
        if self.failure is not None:
            raise self.failure


@dataclass
class Objects:
    """A bucket in memory."""

    kept: dict[str, bytes] = field(default_factory=dict)

    async def put_file(
        self,
        key: str,
        source: Path,
        *,
        content_type: str,
        labels: Mapping[str, str] | None = None,
    ) -> StoredObject:
        self.kept[key] = source.read_bytes()
        return StoredObject(key, len(self.kept[key]), None, labels or {})

    async def fetch_file(self, key: str, target: Path) -> None:
        target.write_bytes(self.kept[key])

    async def head(self, key: str) -> StoredObject | None:
        return StoredObject(key, len(self.kept[key]), None, {}) if key in self.kept else None

    async def delete(self, *keys: str) -> None:
        for key in keys:
            self.kept.pop(key, None)

    def url(self, key: str, *, filename: str | None = None, seconds: float | None = None) -> str:
        return f"https://bucket.example/{key}?signed&name={filename or ''}"

    async def check(self) -> None:
        return None


class Photos:
    """Looks at the upload, then refuses it."""

    def __init__(self) -> None:
        self.seen: list[tuple[Path, bytes]] = []
        self.failure: Exception = AssertionError("no photo was expected")

    async def ingest(self, source: Path, into: Path) -> IngestedPhoto:
        self.seen.append((source, source.read_bytes()))
        raise self.failure

    async def derive(
        self, master: Path, into: Path, *, digital_source_type: str | None = None
    ) -> Derivatives:
        raise AssertionError("the API derives nothing")


class Jobs:
    """Takes no command: these tests end before one is sent."""

    async def open(self, job: PhotoJobInput) -> None:
        raise AssertionError

    async def begin(self, job: PhotoJobInput, command: AttemptCommand) -> AttemptAccepted:
        raise AssertionError

    async def select(self, job: PhotoJobInput, attempt_id: UUID) -> None:
        raise AssertionError

    async def cancel(self, job: PhotoJobInput, attempt_id: UUID) -> None:
        raise AssertionError

    async def check(self) -> None:
        return None


@dataclass
class World:
    """Everything the API works through."""

    tokens: Tokens = field(default_factory=Tokens)
    objects: Any = field(default_factory=Objects)
    photos: Any = field(default_factory=Photos)
    jobs: Any = field(default_factory=Jobs)
    orders: Any = None
    payments: Any = None
    deletions: Any = None
    database: Any = field(default_factory=lambda: Database("postgresql://u:p@127.0.0.1:1/none"))

    @asynccontextmanager
    async def open(self, _settings: Settings) -> AsyncIterator[ApiPorts]:
        yield ApiPorts(
            database=self.database,
            objects=self.objects,
            photos=self.photos,
            tokens=self.tokens,
            jobs=self.jobs,
            orders=self.orders,
            payments=self.payments,
            deletions=self.deletions,
        )


@pytest.fixture
def world() -> World:
    return World()


MakeSettings = Callable[..., Settings]


@pytest.fixture(scope="session")
def make_settings() -> MakeSettings:
    def make(**changed: Any) -> Settings:
        fixed = {
            "secret_key": SecretStr("s" * 32),
            "auth0_domain": "https://issuer.example/",
            "max_upload_mb": 1,
        }
        return Settings(_env_file=None, **{**fixed, **changed})

    return make


@pytest.fixture(scope="session")
def app(make_settings: MakeSettings) -> FastAPI:
    """One application for all tests; `serve` gives it a test's world with each lifespan."""

    def open_ports(settings: Settings) -> AbstractAsyncContextManager[ApiPorts]:
        world: World = application.state.world
        return world.open(settings)

    application = create_app(make_settings(), open_ports=open_ports)
    return application


@pytest.fixture
def own_app(world: World, make_settings: MakeSettings) -> FastAPI:
    """An application that a test may change."""
    return create_app(make_settings(), open_ports=world.open)


Serve = Callable[[FastAPI], AbstractAsyncContextManager[httpx.AsyncClient]]


@pytest.fixture
def serve(world: World) -> Serve:
    """A client of an application whose lifespan is under way; it signs in as alice."""

    @asynccontextmanager
    async def served(app: FastAPI) -> AsyncIterator[httpx.AsyncClient]:
        app.state.world = world
        async with (
            app.router.lifespan_context(app),
            httpx.AsyncClient(
                transport=httpx.ASGITransport(app),
                base_url="http://api.example",
                headers={"Authorization": "Bearer alice"},
            ) as client,
        ):
            yield client

    return served


@pytest.fixture
async def http(app: FastAPI, serve: Serve) -> AsyncIterator[httpx.AsyncClient]:
    async with serve(app) as client:
        yield client


@pytest.fixture
async def stranger(app: FastAPI, serve: Serve) -> AsyncIterator[httpx.AsyncClient]:
    """A client without a token."""
    async with serve(app) as client:
        del client.headers["Authorization"]
        yield client
