"""The API in this process over the real database, bucket and decoder."""

import io
import re
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest
from fastapi import FastAPI
from PIL import Image
from pydantic import SecretStr
from sqlalchemy import delete
from sqlmodel import col
from structlog.testing import capture_logs
from structlog.typing import EventDict

from api.app import create_app
from api.idempotency import IdempotencyKeys
from api.offering import PodGraphs
from rekindle.adapters.pillow import PillowPhotoDecoder
from rekindle.adapters.s3 import S3Store
from rekindle.adapters.screening import RuleScreening
from rekindle.contracts import keys
from rekindle.contracts.jobs import AttemptAccepted, AttemptCommand, PhotoJobInput
from rekindle.contracts.renders import GraphOutput
from rekindle.contracts.statuses import GpuClass
from rekindle.models import PodRecord
from rekindle.models.pods import PodState
from rekindle.ports.identity import Principal
from rekindle.ports.photos import PhotoLimits
from rekindle.settings import Settings
from rekindle.store import attempts, jobs
from rekindle.store.database import Database
from rekindle.wiring.api import ApiPorts
from tests.services.rows import stored_job

ISSUER = "https://issuer.example/"
SETTINGS = Settings(
    _env_file=None,
    secret_key=SecretStr("s" * 32),
    auth0_domain=ISSUER,
    max_upload_mb=1,
    url_seconds=60,
    max_retries=2,
    restore_deadline=77.0,
    job_idle_seconds=99.0,
)


@pytest.fixture(autouse=True)
def log() -> Iterator[list[EventDict]]:
    """What is logged."""
    with capture_logs() as lines:
        yield lines


class Tokens:
    """Every word is a good token, and the name of its bearer."""

    async def verify(self, token: str) -> Principal:
        return Principal(ISSUER, token, frozenset(), None, 0)

    async def check(self) -> None:
        return None


@dataclass
class Jobs:
    """Notes commands instead of sending them; `failure` is what they meet."""

    opened: list[PhotoJobInput] = field(default_factory=list)
    restored: list[AttemptCommand] = field(default_factory=list)
    selected: list[UUID] = field(default_factory=list)
    canceled: list[UUID] = field(default_factory=list)
    failure: Exception | None = None

    async def open(self, job: PhotoJobInput) -> None:
        self._meet_failure()
        self.opened.append(job)

    async def begin(self, job: PhotoJobInput, command: AttemptCommand) -> AttemptAccepted:
        self._meet_failure()
        self.restored.append(command)
        return AttemptAccepted(attempt_id=command.attempt_id, stamp=f"stamp-{len(self.restored)}")

    async def select(self, job: PhotoJobInput, attempt_id: UUID) -> None:
        self._meet_failure()
        self.selected.append(attempt_id)

    async def cancel(self, job: PhotoJobInput, attempt_id: UUID) -> None:
        self._meet_failure()
        self.canceled.append(attempt_id)

    async def check(self) -> None:
        self._meet_failure()

    def _meet_failure(self) -> None:
        if self.failure:
            raise self.failure


@dataclass
class Deletions:
    """Notes what it is told; `failure` is what it meets."""

    begun: list[UUID] = field(default_factory=list)
    undone: list[UUID] = field(default_factory=list)
    failure: Exception | None = None

    async def begin(self, job_id: UUID) -> None:
        if self.failure:
            raise self.failure
        self.begun.append(job_id)

    async def undo(self, job_id: UUID) -> None:
        if self.failure:
            raise self.failure
        self.undone.append(job_id)


LIMITS = PhotoLimits(max_bytes=1 << 20, timeout_seconds=120, queue_seconds=120)


@dataclass
class World:
    """What the API works through; a test may replace any part before it asks."""

    database: Any
    objects: Any
    photos: Any = field(default_factory=lambda: PillowPhotoDecoder(LIMITS))
    tokens: Any = field(default_factory=Tokens)
    jobs: Any = field(default_factory=Jobs)
    orders: Any = None
    payments: Any = None
    deletions: Any = field(default_factory=lambda: Deletions())
    prompts: Any = field(default_factory=RuleScreening)

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
            prompts=self.prompts,
        )


@pytest.fixture
def world(database: Database, objects: S3Store) -> World:
    return World(database, objects)


@pytest.fixture(scope="session")
def app() -> FastAPI:
    """One application for all tests; `serve` gives it a test's world with each lifespan."""

    def open_ports(settings: Settings) -> AbstractAsyncContextManager[ApiPorts]:
        world: World = application.state.world
        return world.open(settings)

    application = create_app(SETTINGS, open_ports=open_ports)
    return application


Serve = Callable[[], AbstractAsyncContextManager[httpx.AsyncClient]]


Describes = Callable[[httpx.Response], Awaitable[None]]


@pytest.fixture(scope="session")
def described(app: FastAPI) -> Describes:
    """Fails for a reply whose status, or error code, its operation does not describe."""
    operations = [
        (method.upper(), re.compile(re.sub(r"\{\w+\}", "[^/]+", path)), operation["responses"])
        for path, methods in app.openapi()["paths"].items()
        for method, operation in methods.items()
    ]

    async def look(reply: httpx.Response) -> None:
        request = reply.request
        for method, path, responses in operations:
            if method == request.method and path.fullmatch(request.url.path):
                response = responses[str(reply.status_code)]
                if reply.status_code >= 400:
                    [content] = response["content"].values()
                    [code] = [part for part in content["schema"]["allOf"] if "properties" in part]
                    problem = httpx.Response(reply.status_code, content=await reply.aread()).json()
                    assert problem["code"] in code["properties"]["code"]["enum"]

    return look


@pytest.fixture
def serve(app: FastAPI, world: World, described: Describes) -> Serve:
    """A client of an API over the world as it is then, signed in as somebody without jobs."""

    @asynccontextmanager
    async def served() -> AsyncIterator[httpx.AsyncClient]:
        app.state.world = world
        async with (
            app.router.lifespan_context(app),
            httpx.AsyncClient(
                transport=httpx.ASGITransport(app),
                base_url="http://api.example",
                headers={"Authorization": f"Bearer someone-{uuid4()}"},
                event_hooks={"response": [described]},
            ) as client,
        ):
            # A busy machine is neither a twin that takes too long nor a try that died.
            app.state.idempotency = IdempotencyKeys(
                world.database, patience_seconds=60, lease=timedelta(hours=1)
            )
            # Nor does it forget what it knows of pods while a test counts statements.
            app.state.pod_graphs = PodGraphs(world.database, fresh_seconds=3600)
            yield client

    return served


@pytest.fixture
async def http(serve: Serve) -> AsyncIterator[httpx.AsyncClient]:
    async with serve() as client:
        yield client


MakePhoto = Callable[..., bytes]


@pytest.fixture(scope="session")
def make_photo() -> MakePhoto:
    """Encodes a small picture; what is not given is a JPEG of 40 x 30 pixels."""

    def make(kind: str = "JPEG", size: tuple[int, int] = (40, 30), **options: Any) -> bytes:
        file = io.BytesIO()
        Image.effect_noise(size, 40).convert("RGB").save(file, kind, **options)
        return file.getvalue()

    return make


@pytest.fixture
def upload(make_photo: MakePhoto) -> Any:
    """Uploads a photo and returns the reply."""

    async def send(
        http: httpx.AsyncClient, photo: bytes | None = None, name: str = "x"
    ) -> httpx.Response:
        return await http.post(
            "/api/v1/jobs/upload",
            data={"email": "ada@example.com"},
            files={"photo": (name, make_photo() if photo is None else photo)},
        )

    return send


MakeJob = Callable[..., Awaitable[dict[str, Any]]]


@pytest.fixture
def make_job(world: World) -> MakeJob:
    """The document of a new job of a client. Only its row is there: decoding takes its time."""

    async def make(http: httpx.AsyncClient) -> dict[str, Any]:
        subject = http.headers["Authorization"].removeprefix("Bearer ")
        async with world.database.transaction() as session:
            row = await stored_job(session, issuer=ISSUER, subject=subject, width=40, height=30)
        document: dict[str, Any] = (await http.get(f"/api/v1/jobs/{row.id}")).json()
        return document

    return make


Succeed = Callable[..., Awaitable[None]]


@pytest.fixture
def succeed(world: World) -> Succeed:
    """Records that an attempt has succeeded, as the activity that finishes it does."""

    async def done(attempt: dict[str, Any]) -> None:
        job_id, attempt_id = UUID(attempt["job_id"]), UUID(attempt["id"])
        is_clip = "restore_id" in attempt
        master = keys.animated_master if is_clip else keys.restored_master
        preview = keys.animated_preview if is_clip else keys.restored_preview
        output = GraphOutput(
            key=master(job_id, "s"), sha256="0" * 64, size_bytes=1, engine_seconds=1, pod_id="p"
        )
        result = attempts.Result(
            key=output.key,
            sha256=output.sha256,
            width=64,
            height=48,
            preview_key=preview(job_id, "s"),
            thumbnail_key=keys.thumbnail(job_id, "s"),
            seconds=4.0 if is_clip else None,
            fps=24.0 if is_clip else None,
        )
        tell = jobs.animated if is_clip else jobs.choose
        async with world.database.transaction() as session:
            assert await attempts.succeed(session, attempt_id, output, result)
            await tell(session, job_id, attempt_id)

    return done


@pytest.fixture
async def restoration(
    http: httpx.AsyncClient, job: dict[str, Any], succeed: Succeed, world: World
) -> dict[str, Any]:
    """The document of a succeeded, and so selected, restoration of `job`."""
    attempt = (await http.post(job["links"]["restore"])).json()
    world.jobs.restored.clear()
    await succeed(attempt)
    document: dict[str, Any] = (await http.get(attempt["links"]["self"])).json()
    return document


@pytest.fixture
async def job(http: httpx.AsyncClient, make_job: MakeJob) -> dict[str, Any]:
    """The document of a job of `http`."""
    return await make_job(http)


MakePod = Callable[..., Awaitable[str]]


@pytest.fixture
async def pod(database: Database) -> AsyncIterator[MakePod]:
    """Writes a pod of the image class that said what it can run; gone with the test."""
    made: list[str] = []
    numbers = count(9000)

    async def make(graphs: list[str] | None, *, ended_ago: timedelta | None = None) -> str:
        row = PodRecord(
            id=f"pod-{uuid4()}",
            gpu_class=GpuClass.IMAGE,
            number=next(numbers),
            generation=1,
            state=PodState.READY if ended_ago is None else PodState.TERMINATED,
            graphs=graphs,
            terminated_at=None if ended_ago is None else datetime.now(UTC) - ended_ago,
        )
        async with database.transaction() as session:
            session.add(row)
        made.append(row.id)
        return row.id

    yield make
    async with database.transaction() as session:
        await session.execute(delete(PodRecord).where(col(PodRecord.id).in_(made)))
