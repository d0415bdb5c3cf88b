"""A POST under a key happens once: replays, twins, failures in the middle, takeovers."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest
from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from api.idempotency import IdempotencyKeys
from rekindle.contracts import keys
from rekindle.errors import DatabaseUnavailable, StorageUnavailable, WorkflowsUnavailable
from rekindle.models import IdempotencyKey
from rekindle.store.database import Database
from tests.services.statements import statements as statements_of

UPLOAD = "/api/v1/jobs/upload"
HOUR = timedelta(hours=1)
"""As long as a try counts as alive here."""


@pytest.fixture
def key() -> dict[str, str]:
    return {"Idempotency-Key": f"key-{uuid4()}"}


@pytest.fixture(scope="module")
def photo(make_photo: Any) -> bytes:
    made: bytes = make_photo()
    return made


async def send(
    http: httpx.AsyncClient, photo: bytes, headers: dict[str, str], **changed: Any
) -> httpx.Response:
    form: dict[str, Any] = {"data": {"email": "ada@example.com"}, "name": "a.jpg", **changed}
    files = {"photo": (form["name"], photo)}
    return await http.post(UPLOAD, data=form["data"], files=files, headers=headers)


def is_replay(reply: httpx.Response) -> bool:
    return bool(reply.headers.get("idempotent-replayed") == "true")


def refused(reply: httpx.Response) -> tuple[int, str]:
    return reply.status_code, reply.json()["code"]


async def own_jobs(http: httpx.AsyncClient) -> list[str]:
    return [job["id"] for job in (await http.get("/api/v1/jobs")).json()["jobs"]]


async def newest_row(database: Database) -> IdempotencyKey:
    async with database.transaction() as session:
        newest = select(IdempotencyKey).order_by(col(IdempotencyKey.first_used_at).desc()).limit(1)
        return (await session.execute(newest)).scalar_one()


async def shift(database: Database, row: IdempotencyKey, **by: timedelta) -> None:
    """Move moments of a key into the past."""
    async with database.transaction() as session:
        values = {name: getattr(IdempotencyKey, name) - span for name, span in by.items()}
        scope = col(IdempotencyKey.scope) == row.scope
        await session.execute(update(IdempotencyKey).where(scope).values(values))


# -- Replays -----------------------------------------------------------------------------------


async def test_an_upload_sent_again_is_answered_with_the_first_reply(
    http: httpx.AsyncClient, photo: bytes, key: dict[str, str], world: Any
) -> None:
    first = await send(http, photo, key)
    again = await send(http, photo, key)
    assert (first.status_code, again.status_code) == (201, 201)
    assert (is_replay(first), is_replay(again)) == (False, True)
    assert again.content == first.content
    for name in ("location", "content-type"):
        assert again.headers[name] == first.headers[name]
    assert again.headers["x-request-id"] != first.headers["x-request-id"]
    assert await own_jobs(http) == [first.json()["id"]]
    assert len(world.jobs.opened) == 1


async def test_every_kind_of_command_is_carried_out_once(
    http: httpx.AsyncClient, job: dict[str, Any], key: dict[str, str], world: Any
) -> None:
    """Restore, select and cancel: one key for all, since a key belongs to a path."""
    attempt: dict[str, Any] = {}
    for path, body in (("restore", {"seed": 7}), ("select", None), ("cancel", None)):
        address = attempt["links"]["cancel"] if path == "cancel" else job["links"][path]
        body = {"attempt_id": attempt["id"]} if path == "select" else body
        replies = [await http.post(address, json=body, headers=key) for _ in range(3)]
        assert [is_replay(reply) for reply in replies] == [False, True, True]
        assert {reply.content for reply in replies} == {replies[0].content}
        attempt = attempt or replies[0].json()
    attempt_id = UUID(attempt["id"])
    assert [command.attempt_id for command in world.jobs.restored] == [attempt_id]
    assert (world.jobs.selected, world.jobs.canceled) == ([attempt_id], [attempt_id])


async def test_a_refusal_is_replayed_too(
    http: httpx.AsyncClient, job: dict[str, Any], key: dict[str, str]
) -> None:
    first, again = [
        await http.post(job["links"]["restore"], json={"denoise": 7}, headers=key) for _ in range(2)
    ]
    assert refused(first) == refused(again) == (422, "parameter_out_of_range")
    assert (is_replay(again), again.content) == (True, first.content)
    assert again.headers["content-type"] == "application/problem+json"


async def test_what_is_missing_is_refused_again_in_the_same_words(
    http: httpx.AsyncClient, key: dict[str, str]
) -> None:
    path = f"/api/v1/jobs/{uuid4()}/restore"
    first, again = [await http.post(path, json={}, headers=key) for _ in range(2)]
    assert refused(first) == refused(again) == (404, "job_not_found")
    assert is_replay(again)


async def test_a_key_costs_two_statements_and_a_replay_one(
    http: httpx.AsyncClient, photo: bytes, job: dict[str, Any], key: dict[str, str], world: Any
) -> None:
    async def statements(headers: dict[str, str]) -> tuple[int, int]:
        with statements_of(world.database) as of_upload:
            await send(http, photo, headers)
        with statements_of(world.database) as of_restore:
            await http.post(job["links"]["restore"], json={"seed": 7}, headers=headers)
        return len(of_upload), len(of_restore)

    await http.get("/api/v1/graphs")  # now it is known what pods can run
    with statements_of(world.database) as plain:
        # A restoration reads the job, writes the attempt, reads it, and looks how it waits.
        assert await statements({}) == (3, 4)
    assert not [each for each in plain if "idempotency" in each]
    assert await statements(key) == (5, 6)
    assert await statements(key) == (1, 1)


# -- What is the same, and what is not ---------------------------------------------------------


def form(boundary: str, photo: bytes, *, photo_first: bool = False) -> Any:
    email = b'Content-Disposition: form-data; name="email"\r\n\r\nada@example.com'
    file = b'Content-Disposition: form-data; name="photo"; filename="a"\r\n\r\n' + photo
    parts = [file, email] if photo_first else [email, file]
    line = b"--" + boundary.encode()
    body = b"".join(line + b"\r\n" + part + b"\r\n" for part in parts) + line + b"--\r\n"
    headers = {"Content-Type": f"multipart/form-data; boundary={boundary}"}
    return {"content": body, "headers": headers}


async def test_boundaries_names_and_order_of_a_form_make_no_difference(
    http: httpx.AsyncClient, photo: bytes, key: dict[str, str], world: Any
) -> None:
    http.headers.update(key)
    replies = [
        await http.post(UPLOAD, **form("one", photo)),
        await http.post(UPLOAD, **form("another", photo)),
        await http.post(UPLOAD, **form("one", photo, photo_first=True)),
        await send(http, photo, {}, name="somewhat else.png"),
    ]
    assert [is_replay(reply) for reply in replies] == [False, True, True, True]
    assert len({reply.content for reply in replies}) == 1
    assert len(world.jobs.opened) == 1


async def test_a_key_with_another_photo_or_another_field_is_refused(
    http: httpx.AsyncClient, photo: bytes, key: dict[str, str], world: Any, make_photo: Any
) -> None:
    assert (await send(http, photo, key)).status_code == 201
    for reply in (
        await send(http, make_photo(size=(50, 50)), key),
        await send(http, photo + b"\x00", key),
        await send(http, photo, key, data={"email": "eve@example.com"}),
        await send(http, photo, key, data={}),
        await send(http, b"", key),
    ):
        assert refused(reply) == (422, "idempotency_key_reused")
        assert not is_replay(reply)
    assert len(world.jobs.opened) == 1


async def test_a_key_with_another_body_is_refused(
    http: httpx.AsyncClient, job: dict[str, Any], key: dict[str, str], world: Any
) -> None:
    path = job["links"]["restore"]
    assert (await http.post(path, json={"seed": 1}, headers=key)).status_code == 202
    for body in (b'{"seed":2}', b"", b"{", b"\xff"):
        headers = {**key, "Content-Type": "application/json"}
        reply = await http.post(path, content=body, headers=headers)
        assert refused(reply) == (422, "idempotency_key_reused")
    assert len(world.jobs.restored) == 1


async def test_keys_of_two_people_do_not_meet(
    serve: Any, photo: bytes, key: dict[str, str], make_photo: Any
) -> None:
    async with serve() as one, serve() as other:
        mine = await send(one, photo, key)
        theirs = await send(other, make_photo(size=(50, 50)), key)
        assert (theirs.status_code, is_replay(theirs)) == (201, False)
        assert await own_jobs(one) == [mine.json()["id"]]
        assert await own_jobs(other) == [theirs.json()["id"]] != await own_jobs(one)


async def test_a_key_on_another_path_is_another_key(
    http: httpx.AsyncClient, make_job: Any, key: dict[str, str], world: Any
) -> None:
    for _ in range(2):
        job = await make_job(http)
        reply = await http.post(job["links"]["restore"], json={}, headers=key)
        assert (reply.status_code, is_replay(reply)) == (202, False)
    assert len({command.attempt_id for command in world.jobs.restored}) == 2


async def test_two_keys_are_two_jobs(http: httpx.AsyncClient, photo: bytes) -> None:
    for _ in range(2):
        await send(http, photo, {"Idempotency-Key": str(uuid4())})
    assert len(await own_jobs(http)) == 2


@pytest.mark.parametrize("body", ["same", "other"])
async def test_after_24_hours_the_key_makes_another_job(
    body: str,
    http: httpx.AsyncClient,
    photo: bytes,
    key: dict[str, str],
    world: Any,
    make_photo: Any,
) -> None:
    first = await send(http, photo, key)
    row = await newest_row(world.database)
    await shift(world.database, row, first_used_at=timedelta(hours=24))
    again = await send(http, photo if body == "same" else make_photo(size=(50, 50)), key)
    assert (again.status_code, is_replay(again)) == (201, False)
    assert await own_jobs(http) == [again.json()["id"], first.json()["id"]]


async def test_old_keys_are_swept_behind_a_reply(
    http: httpx.AsyncClient, photo: bytes, world: Any, app: Any
) -> None:
    await send(http, photo, {"Idempotency-Key": str(uuid4())})
    old = await newest_row(world.database)
    await shift(world.database, old, first_used_at=timedelta(hours=25))
    app.state.idempotency._next_sweep = 0.0
    await send(http, photo, {"Idempotency-Key": str(uuid4())})
    async with world.database.transaction() as session:
        assert await session.get(IdempotencyKey, old.scope) is None


# -- Twins -------------------------------------------------------------------------------------


async def test_twenty_twins_are_one_job(
    http: httpx.AsyncClient, photo: bytes, key: dict[str, str], world: Any
) -> None:
    replies = await asyncio.gather(*(send(http, photo, key) for _ in range(20)))
    assert {reply.status_code for reply in replies} == {201}
    assert len({reply.content for reply in replies}) == 1
    assert sum(not is_replay(reply) for reply in replies) == 1
    assert len(world.jobs.opened) == 1
    assert await own_jobs(http) == [replies[0].json()["id"]]


async def test_twenty_twins_are_one_attempt(
    http: httpx.AsyncClient, job: dict[str, Any], key: dict[str, str], world: Any
) -> None:
    path = job["links"]["restore"]
    replies = await asyncio.gather(*(http.post(path, headers=key) for _ in range(20)))
    assert {reply.status_code for reply in replies} == {202}
    assert sum(not is_replay(reply) for reply in replies) == 1
    assert len(world.jobs.restored) == 1
    [attempt] = (await http.get(job["links"]["self"])).json()["restores"]
    assert attempt["id"] == replies[0].json()["id"]


class Gate:
    """Holds a call of a port until it is opened."""

    def __init__(self, call: Any) -> None:
        self._call = call
        self.reached, self.opened = asyncio.Event(), asyncio.Event()

    async def __call__(self, *args: Any, **named: Any) -> Any:
        self.reached.set()
        await self.opened.wait()
        return await self._call(*args, **named)


@pytest.fixture
async def slow(http: httpx.AsyncClient, world: Any) -> AsyncIterator[Gate]:
    """Workflows that answer when they are told to. `http` is there first: it is served."""
    gate = world.jobs.open = Gate(world.jobs.open)
    yield gate
    gate.opened.set()


async def test_a_twin_of_a_slow_request_gets_its_reply_once_it_is_there(
    http: httpx.AsyncClient, photo: bytes, key: dict[str, str], slow: Gate
) -> None:
    first = asyncio.create_task(send(http, photo, key))
    await slow.reached.wait()
    twin = asyncio.create_task(send(http, photo, key))
    other = await send(http, photo + b"\x00", key)
    assert refused(other) == (422, "idempotency_key_reused")
    assert not first.done()
    assert not twin.done()
    slow.opened.set()
    assert (await twin).content == (await first).content
    assert is_replay(await twin)


async def test_a_twin_that_has_waited_long_enough_is_told_to_come_back(
    http: httpx.AsyncClient, photo: bytes, key: dict[str, str], slow: Gate, app: Any, world: Any
) -> None:
    app.state.idempotency = IdempotencyKeys(world.database, patience_seconds=0.05, lease=HOUR)
    first = asyncio.create_task(send(http, photo, key))
    await slow.reached.wait()
    twin = await send(http, photo, key)
    assert refused(twin) == (409, "request_in_progress")
    assert twin.json()["retryable"] is True
    assert twin.headers["retry-after"] == "5"
    slow.opened.set()
    assert (await first).status_code == 201
    assert is_replay(await send(http, photo, key))


async def test_no_transaction_is_open_while_a_request_is_carried_out(
    http: httpx.AsyncClient, photo: bytes, key: dict[str, str], slow: Gate, world: Any
) -> None:
    first = asyncio.create_task(send(http, photo, key))
    await slow.reached.wait()
    assert world.database._engine.pool.checkedout() == 0
    slow.opened.set()
    await first


async def test_whoever_takes_long_stays_alive(
    http: httpx.AsyncClient, photo: bytes, key: dict[str, str], slow: Gate, app: Any, world: Any
) -> None:
    lease = timedelta(seconds=0.3)
    app.state.idempotency = IdempotencyKeys(world.database, lease=lease)
    first = asyncio.create_task(send(http, photo, key))
    await slow.reached.wait()
    claimed = await newest_row(world.database)
    async with asyncio.timeout(60):
        while True:
            row = await newest_row(world.database)
            assert row.leased_until is not None
            assert claimed.leased_until is not None
            if row.leased_until > claimed.leased_until + lease:
                break
            await asyncio.sleep(0.02)
    slow.opened.set()
    assert (await first).status_code == 201
    assert (await newest_row(world.database)).tries == 1


# -- Failures in the middle --------------------------------------------------------------------


async def test_a_failure_of_ours_is_not_kept_and_the_next_try_makes_the_same_job(
    http: httpx.AsyncClient, photo: bytes, key: dict[str, str], world: Any
) -> None:
    stored: list[str] = []
    put = world.objects.put_file

    async def noted(name: str, *args: Any, **named: Any) -> Any:
        stored.append(name)
        return await put(name, *args, **named)

    world.objects.put_file = noted
    world.jobs.failure = WorkflowsUnavailable()
    failed = await send(http, photo, key)
    assert refused(failed) == (503, "workflows_unavailable")
    assert [await world.objects.head(name) for name in stored] == [None, None]
    assert refused(await send(http, photo + b"\x00", key)) == (422, "idempotency_key_reused")
    world.jobs.failure = None
    again = await send(http, photo, key)
    assert (again.status_code, is_replay(again)) == (201, False)
    assert len(stored) == 4
    assert sorted(stored[:2]) == sorted(stored[2:])
    assert await world.objects.head(keys.uploaded(UUID(again.json()["id"]), "jpg")) is not None
    assert is_replay(await send(http, photo, key))


async def test_an_unexpected_error_gives_the_key_back(
    http: httpx.AsyncClient, photo: bytes, key: dict[str, str], world: Any
) -> None:
    world.jobs.failure = RuntimeError("nobody expected this")
    assert refused(await send(http, photo, key)) == (500, "platform_error")
    world.jobs.failure = None
    again = await send(http, photo, key)
    assert (again.status_code, is_replay(again)) == (201, False)


class Cut:
    """A database whose answers to some commits are lost on the way."""

    def __init__(self, database: Database, *lost: int) -> None:
        self._database = database
        self._lost = lost
        self._count = 0

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[AsyncSession]:
        async with self._database.transaction() as session:
            yield session
        self._count += 1
        if self._count in self._lost:
            raise DatabaseUnavailable("server closed the connection unexpectedly")


async def test_a_job_whose_record_was_lost_on_the_way_is_found_by_the_next_try(
    serve: Any, photo: bytes, key: dict[str, str], world: Any
) -> None:
    """Transactions of an upload: claim, user, job, job once more; then the release."""
    database = world.database
    world.database = Cut(database, 3, 4)
    async with serve() as http:
        assert refused(await send(http, photo, key)) == (503, "database_unavailable")
        world.database = database
        [job_id] = await own_jobs(http)
        world.jobs.failure = AssertionError("opened again")
        again = await send(http, photo, key)
        assert (again.status_code, again.json()["id"]) == (201, job_id)
        assert await own_jobs(http) == [job_id]
    assert await world.objects.head(keys.uploaded(UUID(job_id), "jpg")) is not None


async def test_a_claim_whose_answer_was_lost_is_followed_when_its_lease_is_over(
    serve: Any, photo: bytes, key: dict[str, str], world: Any, app: Any
) -> None:
    database = world.database
    world.database = Cut(database, 1)
    async with serve() as http:
        assert refused(await send(http, photo, key)) == (503, "database_unavailable")
        app.state.idempotency = IdempotencyKeys(database, patience_seconds=0.0, lease=HOUR)
        assert refused(await send(http, photo, key)) == (409, "request_in_progress")
        await shift(database, await newest_row(database), leased_until=HOUR)
        assert (await send(http, photo, key)).status_code == 201
        assert len(await own_jobs(http)) == 1


class NoAnswers(Database):
    """A database that goes away just when a reply is to be kept."""

    away = False

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[AsyncSession]:
        if self.away:
            raise DatabaseUnavailable("connection refused")
        async with super().transaction() as session:
            yield session


@pytest.mark.parametrize("what", ["upload", "restore"])
async def test_a_reply_that_could_not_be_kept_is_given_and_its_work_found_again(
    what: str, serve: Any, make_job: Any, photo: bytes, key: dict[str, str], world: Any, app: Any
) -> None:
    database = NoAnswers(world.database._url)
    async with serve() as http:
        job = await make_job(http)
        app.state.idempotency = IdempotencyKeys(database, patience_seconds=0.0, lease=HOUR)

        async def ask() -> httpx.Response:
            if what == "upload":
                return await send(http, photo, key)
            reply: httpx.Response = await http.post(job["links"]["restore"], headers=key)
            return reply

        for name in ("open", "begin"):
            setattr(world.jobs, name, Then(getattr(world.jobs, name), database))
        first = await ask()
        assert first.is_success
        database.away = False
        assert refused(await ask()) == (409, "request_in_progress")
        await shift(database, await newest_row(database), leased_until=HOUR)
        world.jobs.failure = AssertionError("it was done before")
        again = await ask()
        assert (again.status_code, is_replay(again)) == (first.status_code, False)
        assert again.json()["id"] == first.json()["id"]
        assert is_replay(await ask())
    await database.close()


class Then:
    """A call after which a database is away."""

    def __init__(self, call: Any, database: NoAnswers) -> None:
        self._call = call
        self._database = database

    async def __call__(self, *args: Any, **named: Any) -> Any:
        done = await self._call(*args, **named)
        self._database.away = True
        return done


async def test_an_attempt_accepted_by_a_dead_process_is_the_same_attempt_to_the_next(
    http: httpx.AsyncClient, job: dict[str, Any], key: dict[str, str], world: Any
) -> None:
    """Between the workflow's yes and our row: the command is sent again, word for word."""
    accept = world.jobs.begin

    async def accepted_then_lost(*args: Any) -> Any:
        await accept(*args)
        raise WorkflowsUnavailable("reply lost")

    world.jobs.begin = accepted_then_lost
    assert (await http.post(job["links"]["restore"], headers=key)).status_code == 503
    world.jobs.begin = accept
    again = await http.post(job["links"]["restore"], headers=key)
    assert again.status_code == 202
    first, second = world.jobs.restored
    assert first == second
    assert str(first.attempt_id) == again.json()["id"]
    assert first.parameters["seed"] == again.json()["seed"]


async def test_a_frozen_try_that_wakes_up_does_not_undo_what_its_follower_made(
    http: httpx.AsyncClient, photo: bytes, key: dict[str, str], world: Any
) -> None:
    put = world.objects.put_file
    frozen = Gate(put)

    async def wakes_up_to_a_failure(*args: Any, **named: Any) -> Any:
        await frozen(*args, **named)
        raise StorageUnavailable("connection reset")

    world.objects.put_file = wakes_up_to_a_failure
    first = asyncio.create_task(send(http, photo, key))
    await frozen.reached.wait()
    world.objects.put_file = put
    row = await newest_row(world.database)
    await shift(world.database, row, leased_until=HOUR)
    follower = await send(http, photo, key)
    assert (follower.status_code, is_replay(follower)) == (201, False)
    frozen.opened.set()
    assert refused(await first) == (503, "storage_unavailable")
    job_id = UUID(follower.json()["id"])
    for stored in (keys.uploaded(job_id, "jpg"), keys.working(job_id)):
        assert await world.objects.head(stored) is not None
    replay = await send(http, photo, key)
    assert (is_replay(replay), replay.content) == (True, follower.content)
