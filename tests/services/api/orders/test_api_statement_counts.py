"""How many SQL statements each operation takes: one table, which nobody raises by accident.

A new operation has no row here and fails until it has one. What belongs to a request is told by its
id, which also follows it into its statements: what goes on behind the answers is not counted.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID, uuid4

import httpx
import structlog
from fastapi import FastAPI
from sqlalchemy import event

from api import paths
from api.open_routes import OPEN_ROUTES
from rekindle.contracts import keys
from rekindle.ports.identity import Principal
from rekindle.rules.identity import OPERATE
from rekindle.store.database import Database
from tests.services.api.belongings import Belongings, belongings
from tests.services.api.conftest import ISSUER, Serve

JPEG = {"content_type": "image/jpeg"}
EMAIL = {"email": "ada@example.com"}
CLIP = {"attempt_id": "animation_id"}
PAINTED = {"job_id": "generated_job_id", "attempt_id": "generation_id"}


class AnOperator:
    """Whose every word is a good token, for everything."""

    async def verify(self, token: str) -> Principal:
        return Principal(ISSUER, token, frozenset({OPERATE}), None, 2**33)

    async def check(self) -> None:
        return None


@dataclass(frozen=True)
class Ask:
    """An operation, how it is asked for, and how many statements it takes.

    Strings in the body name belongings in braces; `called` says where ids of the path have other
    names among them.
    """

    method: str
    path: str
    statements: int
    body: Mapping[str, Any] | None = None
    called: Mapping[str, str] = field(default_factory=dict)
    status: int = 200
    takes_photo: bool = False


# In this order: what ends something comes behind what needs it. Why so many, stands where the
# statements are; here is that it is no more. Workflows are stand-ins: the one of orders writes
# a few statements of a checkout itself, which count here.
TABLE = (
    Ask("GET", paths.GRAPHS, 0),
    Ask("GET", paths.JOBS, 4),
    Ask("GET", paths.JOB, 3),
    Ask("GET", paths.RESTORATION_JOB, 2),
    Ask("GET", paths.RESTORE_ATTEMPT, 2),
    Ask("GET", paths.ANIMATION, 2, called=CLIP),
    Ask("GET", paths.GENERATION, 3, called=PAINTED),
    Ask("GET", paths.TASK, 2, called=PAINTED),
    Ask("GET", paths.EVENTS, 2),
    Ask("GET", paths.ORDERS, 2),
    Ask("GET", paths.ORDER, 2),
    Ask("GET", paths.ALBUMS, 1),
    Ask("GET", paths.ALBUM, 3),
    Ask("GET", paths.API_KEYS, 1),
    Ask("GET", paths.OPERATOR_API_KEYS, 1),
    Ask("GET", paths.SESSION, 0),
    Ask("GET", paths.WEBHOOK_ENDPOINTS, 1),
    Ask("GET", paths.WEBHOOK_ENDPOINT, 1),
    Ask("POST", paths.UPLOAD, 3, EMAIL, takes_photo=True, status=201),
    Ask("POST", paths.RESTORATION, 6, EMAIL, takes_photo=True, status=202),
    Ask("POST", paths.UPLOADS, 2, JPEG, status=201),
    Ask("POST", paths.JOBS, 4, {"upload_id": "{upload_id}", **EMAIL}, status=201),
    Ask("POST", paths.RESTORE, 4, {}, status=202),
    Ask("POST", paths.ANIMATE, 5, {"restore_id": "{restore_id}"}, status=202),
    Ask("POST", paths.GENERATE, 6, {"prompt": "A harbour at dawn."}, status=202),
    Ask("POST", paths.SELECT, 6, {"attempt_id": "{attempt_id}"}),
    Ask("POST", paths.CHECKOUT, 11, {"attempt_id": "{attempt_id}"}),
    Ask("GET", paths.RESTORE_HD, 3, status=402),
    Ask("GET", paths.ANIMATION_HD, 4, called=CLIP, status=402),
    Ask("POST", paths.CANCEL_RESTORE_ATTEMPT, 2, status=202),
    Ask("POST", paths.CANCEL_ANIMATION, 2, called=CLIP, status=202),
    Ask("POST", paths.CANCEL_GENERATION, 2, called=PAINTED, status=202),
    Ask("POST", paths.CANCEL_ORDER, 6),
    Ask("POST", paths.ALBUMS, 7, {"job_ids": ["{job_id}"]}, status=201),
    Ask("POST", paths.ALBUM_ITEMS, 10, {"job_ids": ["{job_id}"]}),
    Ask("POST", paths.ALBUM_RESTORE, 3, {}, status=202),
    Ask("POST", paths.ALBUM_CHECKOUT, 15, {}, status=201),
    Ask("GET", paths.ALBUM_ZIP, 2, status=402),
    Ask("POST", paths.API_KEYS, 3, {"name": "mine"}, status=201),
    Ask("POST", paths.WEBHOOK_ENDPOINTS, 3, {"url": "https://m.example/"}, status=201),
    Ask("POST", paths.ROTATE_WEBHOOK_ENDPOINT, 1),
    Ask("DELETE", paths.ALBUM_ITEM, 5, status=204),
    Ask("DELETE", paths.ALBUM, 8, status=204),
    Ask("DELETE", paths.WEBHOOK_ENDPOINT, 1, status=204),
    Ask("DELETE", paths.OPERATOR_API_KEY, 1, status=204),
    Ask("DELETE", paths.API_KEY, 1, status=204),
    Ask("DELETE", paths.JOB, 5, status=202),
    Ask("POST", paths.UNDELETE, 7),
)


class Asker:
    """Asks, and counts the statements of each request by its id."""

    def __init__(self, http: httpx.AsyncClient, ids: Belongings, photo: bytes) -> None:
        self._http = http
        self._ids = ids
        self._photo = photo
        self.sent: dict[str, list[str]] = {}

    async def asks(self, ask: Ask) -> tuple[int, int]:
        """Statements and status."""
        request_id = str(uuid4())
        self.sent[request_id] = []
        ids = {**self._ids, **{name: self._ids[other] for name, other in ask.called.items()}}
        body = None if ask.body is None else {n: filled(v, ids) for n, v in ask.body.items()}
        sent: dict[str, Any] = {"json": body}
        if ask.takes_photo:
            sent = {"data": body, "files": {"photo": ("x", self._photo)}}
        reply = await self._http.request(
            ask.method, ask.path.format(**ids), headers={"X-Request-ID": request_id}, **sent
        )
        return len(self.sent[request_id]), reply.status_code


def filled(value: Any, ids: Belongings) -> Any:
    return [filled(each, ids) for each in value] if isinstance(value, list) else value.format(**ids)


@contextmanager
def counted(database: Database, by_request: dict[str, list[str]]) -> Iterator[None]:
    def note(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        request_id = structlog.contextvars.get_contextvars().get("request_id")
        if request_id in by_request:
            by_request[request_id].append(statement)

    engine = database._engine.sync_engine
    event.listen(engine, "before_cursor_execute", note)
    try:
        yield
    finally:
        event.remove(engine, "before_cursor_execute", note)


async def test_every_operation_takes_as_many_statements_as_the_table_says(
    serve: Serve,
    world: Any,
    make_job: Any,
    succeed: Any,
    make_photo: Any,
    set_settings: Any,
) -> None:
    world.tokens = AnOperator()
    set_settings(event_stream_seconds=0.01)  # a stream that ends
    async with serve() as http:
        ids = await belongings(http, await make_job(http), succeed)
        photo = make_photo()
        await arrived(world.objects, ids["upload_id"], photo)
        asker = Asker(http, ids, photo)
        with counted(world.database, asker.sent):
            found = {f"{ask.method} {ask.path}": await asker.asks(ask) for ask in TABLE}
    assert found == {f"{ask.method} {ask.path}": (ask.statements, ask.status) for ask in TABLE}


async def arrived(objects: Any, upload_id: str, photo: bytes) -> None:
    """A photo lies in the bucket for an upload."""
    form = objects.post_form(
        keys.incoming(UUID(upload_id)),
        content_type="image/jpeg",
        max_bytes=1 << 20,
        seconds=600,
    )
    async with httpx.AsyncClient(timeout=60) as browser:
        reply = await browser.post(form.url, data=dict(form.fields), files={"file": photo})
    assert reply.is_success, reply.text


def test_the_table_has_every_guarded_operation_of_the_api(app: FastAPI) -> None:
    """Whoever adds an operation says there how many statements it takes."""
    guarded = {
        (method.upper(), path)
        for path, methods in app.openapi()["paths"].items()
        for method in methods
    } - OPEN_ROUTES
    assert {(ask.method, ask.path) for ask in TABLE} == guarded
