"""Jobs that something happens to, and the API over them under a real server."""

import asyncio
import json
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import httpx
import psycopg
import pytest
from pydantic import SecretStr
from sqlalchemy import Engine, event, text

from api.app import create_app
from api.events import EventHub
from api.server import Server
from deploy.embedded.postgres import EmbeddedPostgres
from rekindle.contracts.renders import GraphOutput
from rekindle.contracts.statuses import AttemptStatus, Stage
from rekindle.models import Attempt, JobEvent
from rekindle.ports.identity import Principal
from rekindle.settings import Settings
from rekindle.store import attempts, deletion, events, jobs
from rekindle.store.database import LISTENER, Database
from rekindle.wiring.api import ApiPorts
from tests.services.rows import stored_job

ISSUER = "https://issuer.example/"


class Story:
    """Lets things happen to jobs, by the functions that activities and the API use."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.gpu_class: Any = f"class-{uuid4()}"
        """Its own, so that attempts and pods of other tests do not stand in the same line."""
        self.graph = f"graph-{uuid4()}"

    async def job(self, subject: str = "ada", issuer: str = ISSUER) -> UUID:
        async with self.database.transaction() as session:
            return (await stored_job(session, issuer=issuer, subject=subject)).id

    def attempt(self, job_id: UUID, **changed: Any) -> Attempt:
        return Attempt(
            id=uuid4(),
            job_id=job_id,
            **changed,
            graph=self.graph,
            graph_version="1",
            gpu_class=self.gpu_class,
            priority=3,
            parameters={"seed": 7},
            stamp="s",
        )

    async def queue(self, job_id: UUID, **changed: Any) -> UUID:
        attempt = self.attempt(job_id, **changed)
        async with self.database.transaction() as session:
            await attempts.record(session, attempt)
        return attempt.id

    async def advance(
        self, attempt_id: UUID, progress: float, stage: Stage = Stage.RENDERING, try_number: int = 1
    ) -> bool:
        async with self.database.transaction() as session:
            return await attempts.advance(
                session,
                attempt_id,
                try_number=try_number,
                stage=stage,
                progress=progress,
                pod_id="p",
            )

    async def advance_often(self, attempt_id: UUID, count: int, padding: int = 0) -> None:
        """As many times `advance`, all in one statement, and each event as long as is wanted."""
        statement = text(
            """
            with written as (
                insert into job_events (job_id, attempt_id, kind, data)
                select job_id, id, 'attempt.progress', jsonb_build_object(
                    'status', 'running', 'stage', 'rendering', 'progress', n / 1e6,
                    'error_code', null, 'padding', repeat('x', :padding))
                from attempts, generate_series(1, :count) n where id = :id
                returning job_id, id)
            select pg_notify('job_events', concat(job_id, ':', max(id)))
            from written group by job_id
            """
        )
        async with self.database.transaction() as session:
            await session.execute(statement, {"count": count, "id": attempt_id, "padding": padding})

    async def succeed(self, attempt_id: UUID) -> bool:
        output = GraphOutput(key="m", sha256="0" * 64, size_bytes=1, engine_seconds=1.5, pod_id="p")
        async with self.database.transaction() as session:
            return await attempts.succeed(
                session,
                attempt_id,
                output,
                attempts.Result(
                    key=output.key,
                    sha256=output.sha256,
                    width=8,
                    height=6,
                    preview_key="p",
                    thumbnail_key="t",
                ),
            )

    async def close(
        self, attempt_id: UUID, status: AttemptStatus, error_code: str | None = None
    ) -> bool:
        async with self.database.transaction() as session:
            return await attempts.close(session, attempt_id, status, error_code=error_code)

    async def choose(self, job_id: UUID, attempt_id: UUID) -> None:
        async with self.database.transaction() as session:
            await jobs.choose(session, job_id, attempt_id)

    async def animated(self, job_id: UUID, attempt_id: UUID) -> None:
        async with self.database.transaction() as session:
            await jobs.animated(session, job_id, attempt_id)

    async def delete(self, job_id: UUID) -> None:
        async with self.database.transaction() as session:
            job = await deletion.by_id(session, job_id)
            assert job is not None
            await deletion.mark(session, job, undo=timedelta(hours=1))

    async def undelete(self, job_id: UUID) -> None:
        async with self.database.transaction() as session:
            job = await deletion.by_id(session, job_id)
            assert job is not None
            assert await deletion.undo(session, job)

    async def log(self, job_id: UUID, after: int = 0) -> list[JobEvent]:
        async with self.database.transaction() as session:
            return list(await events.since(session, {job_id: after}, limit=1_000_000))

    async def ids(self, job_id: UUID) -> list[int]:
        return [event.id or 0 for event in await self.log(job_id)]


@pytest.fixture
def story(database: Database) -> Story:
    return Story(database)


_OF_THE_MOMENT = ("attempt.waiting", "order.waiting")


@dataclass
class Event:
    """One event as a client read it."""

    id: int = -1
    kind: str = "message"
    data: Any = None
    received_at: float = 0.0


@dataclass
class Stream:
    """A client's end of a stream; reads frames by the book, not by our code."""

    reply: httpx.Response
    comments: list[str] = field(default_factory=list)
    waiting: list[Event] = field(default_factory=list)
    """What was told beside the log, and passed over by `event`."""
    retry: int | None = None

    def __post_init__(self) -> None:
        self._lines = self.reply.aiter_lines()

    async def event(self) -> Event | None:
        """The next event that stands in the log, or the snapshot; None at the end of the stream."""
        while (event := await self.any_event()) is not None and event.kind in _OF_THE_MOMENT:
            self.waiting.append(event)
        return event

    async def any_event(self) -> Event | None:
        """The next event of any kind; None at the end of the stream."""
        found, begun = Event(), False
        async for line in self._lines:
            name, _, value = line.partition(":")
            value = value.removeprefix(" ")
            if not line and begun:
                found.received_at = time.perf_counter()
                return found
            if line.startswith(":"):
                self.comments.append(value)
            elif name == "retry":
                self.retry = int(value)
            elif line:
                begun = True
                match name:
                    case "id":
                        found.id = int(value)
                    case "event":
                        found.kind = value
                    case "data":
                        found.data = json.loads(value)
        return None

    async def events(self, count: int) -> list[Event]:
        found: list[Event] = []
        while len(found) < count:
            event = await self.event()
            assert event is not None, f"the stream ended after {len(found)} of {count}"
            found.append(event)
        return found

    async def rest(self) -> list[Event]:
        """Everything up to the end of the stream."""
        found: list[Event] = []
        while (event := await self.event()) is not None:
            found.append(event)
        return found


class Client:
    """Somebody who follows jobs of one API process."""

    def __init__(self, url: str, subject: str = "ada") -> None:
        self.http = httpx.AsyncClient(
            base_url=url,
            headers={"Authorization": f"Bearer {subject}"},
            trust_env=False,
            timeout=httpx.Timeout(120, pool=None),
            limits=httpx.Limits(max_connections=None),
        )

    @asynccontextmanager
    async def follows(
        self, job_id: UUID, after: object = None, **query: object
    ) -> AsyncIterator[Stream]:
        headers = {} if after is None else {"Last-Event-ID": str(after)}
        path = f"/api/v1/jobs/{job_id}/events"
        params = {name: str(value) for name, value in query.items()}
        async with self.http.stream("GET", path, headers=headers, params=params) as reply:
            assert reply.status_code == 200, await reply.aread()
            yield Stream(reply)


class Tokens:
    """Every word is a good token for an hour; `short-` ones are about to expire."""

    async def verify(self, token: str) -> Principal:
        seconds = 0.3 if token.startswith("short-") else 3600
        expires_at: Any = time.time() + seconds
        return Principal(ISSUER, token.removeprefix("short-"), frozenset(), None, expires_at)

    async def check(self) -> None:
        return None


class Unused:
    """A port that events do not need, but for addresses of pictures."""

    def url(self, key: str, **_: object) -> str:
        return f"https://bucket.example/{key}"

    async def check(self) -> None:
        raise AssertionError


@dataclass
class Api:
    """An API process, as far as one process can hold several."""

    server: Server
    hub: EventHub
    url: str

    async def until_streams(self, count: int) -> None:
        async with asyncio.timeout(120):
            while self.hub.streams != count:
                await asyncio.sleep(0.01)

    async def stop(self) -> None:
        self.server.should_exit = True


ServeApi = Callable[..., Awaitable[Api]]


@pytest.fixture
async def serve_api(postgres_server: EmbeddedPostgres) -> AsyncIterator[ServeApi]:
    """Starts APIs with settings of the test's own, each with a pool of its own."""
    async with AsyncExitStack() as stack:

        async def serve(database_url: str = postgres_server.address.url, **changed: Any) -> Api:
            return await stack.enter_async_context(served(database_url, **changed))

        yield serve


@asynccontextmanager
async def served(database_url: str, **changed: Any) -> AsyncIterator[Api]:
    settings = Settings(
        _env_file=None, secret_key=SecretStr("s" * 32), auth0_domain=ISSUER, **changed
    )

    @asynccontextmanager
    async def open_ports(_settings: Settings) -> AsyncIterator[ApiPorts]:
        unused: Any = Unused()
        database = Database(database_url, patience_seconds=60)
        try:
            yield ApiPorts(database, unused, unused, Tokens(), unused, unused, None, unused)
        finally:
            await database.close()

    app = create_app(settings, open_ports=open_ports)
    server = Server(app, host="127.0.0.1", port=0)
    running = asyncio.create_task(server.serve())
    async with asyncio.timeout(120):
        while not server.started:
            await asyncio.sleep(0.01)
    port = server.servers[0].sockets[0].getsockname()[1]
    try:
        yield Api(server, app.state.events, f"http://127.0.0.1:{port}")
    finally:
        server.should_exit = True
        async with asyncio.timeout(120):
            await running


@pytest.fixture
async def api(serve_api: ServeApi) -> Api:
    return await serve_api()


ConnectClient = Callable[..., Client]


@pytest.fixture
async def connect_client() -> AsyncIterator[ConnectClient]:
    async with AsyncExitStack() as stack:

        def connect(url: str, subject: str = "ada") -> Client:
            client = Client(url, subject)
            stack.push_async_callback(client.http.aclose)
            return client

        yield connect


@pytest.fixture
def ada(api: Api, connect_client: ConnectClient) -> Client:
    return connect_client(api.url)


@pytest.fixture
def log_reads() -> Iterator[list[str]]:
    """Every statement that reads behind a place in the log, whoever sends it."""
    sent: list[str] = []

    def note(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        if "LATERAL" in statement:
            sent.append(statement)

    event.listen(Engine, "before_cursor_execute", note)
    yield sent
    event.remove(Engine, "before_cursor_execute", note)


_TERMINATE = "pid, pg_terminate_backend(pid)"


class Listeners:
    """The connections that listen, as Postgres sees them."""

    def __init__(self, url: str) -> None:
        self._url = url

    def _ask(self, question: str) -> list[tuple[Any, ...]]:
        with psycopg.connect(self._url, autocommit=True) as connection:
            where = "from pg_stat_activity where application_name = %s"
            return connection.execute(f"select {question} {where}", [LISTENER]).fetchall()

    async def pids(self) -> list[int]:
        return [pid for (pid,) in await asyncio.to_thread(self._ask, "pid")]

    async def kill(self) -> int:
        """Terminate them all and see them gone; how many there were."""
        killed = {pid for pid, _ in await asyncio.to_thread(self._ask, _TERMINATE)}
        async with asyncio.timeout(120):
            while killed & set(await self.pids()):
                await asyncio.sleep(0.01)
        return len(killed)

    async def until(self, count: int) -> None:
        async with asyncio.timeout(120):
            while len(await self.pids()) != count:
                await asyncio.sleep(0.02)


@pytest.fixture
def listeners(postgres_server: EmbeddedPostgres) -> Listeners:
    return Listeners(postgres_server.address.url)
