"""Jobs of photos that lie in the bucket: what really arrived decides."""

import asyncio
import hashlib
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest
from sqlalchemy import update
from sqlmodel import col

from rekindle.contracts import keys
from rekindle.errors import StorageUnavailable, WorkflowsUnavailable
from rekindle.models import Upload
from rekindle.store.database import Database
from tests.services.api.uploads.conftest import (
    Browser,
    begun,
    incoming,
    job_of,
    refused,
)
from tests.services.statements import statements


async def arrived(http: httpx.AsyncClient, browser: Browser, photo: bytes) -> dict[str, Any]:
    """An upload whose photo lies in the bucket."""
    upload = await begun(http)
    reply = await browser.send(upload, photo)
    assert reply.status_code == 204, reply.text
    return upload


async def set_row(database: Database, upload: dict[str, Any], **values: Any) -> None:
    async with database.transaction() as session:
        row = col(Upload.id) == UUID(upload["id"])
        await session.execute(update(Upload).where(row).values(values))


async def own_jobs(http: httpx.AsyncClient) -> list[str]:
    return [each["id"] for each in (await http.get("/api/v1/jobs")).json()["jobs"]]


async def test_a_photo_in_the_bucket_becomes_a_job_byte_for_byte(
    http: httpx.AsyncClient, browser: Browser, make_photo: Any, objects: Any
) -> None:
    photo = make_photo(comment=b"Berlin, 1931")
    upload = await arrived(http, browser, photo)
    reply = await job_of(http, upload)
    assert reply.status_code == 201, reply.text
    job = reply.json()
    assert reply.headers["location"] == job["links"]["self"]
    assert job["photo"] == {
        "width": 40,
        "height": 30,
        "media_type": "image/jpeg",
        "size_bytes": len(photo),
        "sha256": hashlib.sha256(photo).hexdigest(),
    }
    assert (await browser.page.get(job["original_url"])).content == photo
    assert await objects.head(keys.working(UUID(job["id"]))) is not None
    assert not await incoming(objects, upload)
    assert await own_jobs(http) == [job["id"]]


async def test_the_content_decides_whatever_the_form_said(
    http: httpx.AsyncClient, browser: Browser, make_photo: Any, objects: Any
) -> None:
    upload = await begun(http, "image/heic")
    await browser.send(upload, make_photo("WEBP"))
    job = (await job_of(http, upload)).json()
    assert job["photo"]["media_type"] == "image/webp"
    assert await objects.head(keys.uploaded(UUID(job["id"]), "webp")) is not None


async def test_an_upload_is_used_once(
    http: httpx.AsyncClient, browser: Browser, make_photo: Any, world: Any
) -> None:
    upload = await arrived(http, browser, make_photo())
    key = str(uuid4())
    first, again = [await job_of(http, upload, key=key) for _ in range(2)]
    assert (first.status_code, again.content) == (201, first.content)
    assert refused(await job_of(http, upload)) == (409, "upload_already_used")
    # Its form may still be good; what comes by it now is nobody's.
    await browser.send(upload, make_photo(size=(50, 50)))
    assert refused(await job_of(http, upload)) == (409, "upload_already_used")
    assert await own_jobs(http) == [first.json()["id"]]
    assert len(world.jobs.opened) == 1


async def test_of_several_at_once_one_makes_the_job_and_nothing_of_the_others_stays(
    http: httpx.AsyncClient, browser: Browser, make_photo: Any, world: Any
) -> None:
    upload = await arrived(http, browser, make_photo())
    replies = await asyncio.gather(*(job_of(http, upload) for _ in range(4)))
    [made] = [each for each in replies if each.status_code == 201]
    codes = {refused(each) for each in replies if each is not made}
    assert codes <= {(409, "upload_already_used"), (409, "upload_incomplete")}
    assert await own_jobs(http) == [made.json()["id"]]
    for opened in world.jobs.opened:
        is_made = str(opened.job_id) == made.json()["id"]
        for key in (keys.working(opened.job_id), keys.uploaded(opened.job_id, "jpg")):
            assert (await world.objects.head(key) is not None) is is_made


async def test_an_upload_used_while_its_photo_was_read_makes_no_second_job(
    serve: Any, browser: Browser, make_photo: Any, world: Any
) -> None:
    """The other request is through between the look at the upload and the last step."""
    world.jobs = Interrupted(world.jobs)
    async with serve() as http:
        upload = await arrived(http, browser, make_photo())
        made: list[httpx.Response] = []

        async def other() -> None:
            made.append(await job_of(http, upload))

        world.jobs.interruption = other
        reply = await job_of(http, upload)
        assert refused(reply) == (409, "upload_already_used")
        assert await own_jobs(http) == [made[0].json()["id"]]
    lost, won = world.jobs.opened
    assert str(won.job_id) == made[0].json()["id"]
    assert await world.objects.head(keys.working(lost.job_id)) is None
    assert await world.objects.head(keys.working(won.job_id)) is not None


class Interrupted:
    """Workflows of which the first to be opened takes so long that something else happens."""

    def __init__(self, jobs: Any) -> None:
        self._jobs = jobs
        self.interruption: Any = None
        self.opened: list[Any] = []

    async def open(self, job: Any) -> None:
        self.opened.append(job)
        interruption, self.interruption = self.interruption, None
        if interruption is not None:
            await interruption()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._jobs, name)


async def test_a_strangers_upload_is_not_there(
    http: httpx.AsyncClient, browser: Browser, make_photo: Any, objects: Any
) -> None:
    upload = await arrived(http, browser, make_photo())
    mine = http.headers["Authorization"]
    http.headers["Authorization"] = f"Bearer stranger-{uuid4()}"
    stranger = await job_of(http, upload)
    nobody = await job_of(http, upload | {"id": str(uuid4())})
    assert refused(stranger) == refused(nobody) == (404, "upload_not_found")
    for name in ("detail", "title"):
        assert stranger.json()[name] == nobody.json()[name]
    http.headers["Authorization"] = mine
    assert (await job_of(http, upload)).status_code == 201


async def test_before_the_photo_has_arrived_there_is_no_job_and_afterwards_there_is(
    http: httpx.AsyncClient, browser: Browser, make_photo: Any
) -> None:
    upload, key = await begun(http), str(uuid4())
    early = await job_of(http, upload, key=key)
    assert refused(early) == (409, "upload_incomplete")
    assert early.json()["retryable"] is True
    await browser.send(upload, make_photo())
    assert (await job_of(http, upload, key=key)).status_code == 201


async def test_a_photo_that_did_not_arrive_in_time_is_told_apart(
    http: httpx.AsyncClient, world: Any
) -> None:
    upload = await begun(http)
    await set_row(world.database, upload, expires_at=datetime.now(UTC) - timedelta(seconds=1))
    reply = await job_of(http, upload)
    assert refused(reply) == (410, "upload_expired")
    assert reply.json()["retryable"] is False


async def test_a_photo_that_arrived_in_time_may_become_a_job_later(
    http: httpx.AsyncClient, browser: Browser, make_photo: Any, world: Any
) -> None:
    upload = await arrived(http, browser, make_photo())
    await set_row(world.database, upload, expires_at=datetime.now(UTC) - timedelta(hours=1))
    assert (await job_of(http, upload)).status_code == 201


@pytest.mark.parametrize(
    ("content", "status", "code"),
    [
        (b"<html><script>alert(1)</script>", 415, "unsupported_photo_type"),
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", 415, "unsupported_photo_type"),
        (b"%PDF-1.7\n", 415, "unsupported_photo_type"),
        (b"PK\x03\x04", 415, "unsupported_photo_type"),
        (b"SIMPLE  =                    T", 415, "unsupported_photo_type"),
        (b"%!PS-Adobe-3.0 EPSF-3.0\n", 415, "unsupported_photo_type"),
        (b"GIF89a\x01\x00\x01\x00", 415, "unsupported_photo_type"),
        (b"\xff\xd8\xff\xe0\x00\x10JFIF\x00", 422, "damaged_photo"),
    ],
    ids=["html", "svg", "pdf", "zip", "fits", "eps", "gif", "truncated"],
)
async def test_what_is_no_photo_is_refused_deleted_and_may_be_replaced(
    content: bytes,
    status: int,
    code: str,
    http: httpx.AsyncClient,
    browser: Browser,
    make_photo: Any,
    world: Any,
) -> None:
    upload = await arrived(http, browser, content)
    assert refused(await job_of(http, upload)) == (status, code)
    assert world.jobs.opened == []
    assert not await incoming(world.objects, upload)
    assert refused(await job_of(http, upload)) == (409, "upload_incomplete")
    await browser.send(upload, make_photo())
    assert (await job_of(http, upload)).status_code == 201


async def test_what_a_careless_store_let_in_is_measured_again(
    http: httpx.AsyncClient, world: Any, tmp_path: Path
) -> None:
    """Some stores do not keep to a form's sizes."""
    await larger_than_told(http, world, tmp_path, (1 << 20) + 1, (413, "photo_too_large"))
    await larger_than_told(http, world, tmp_path, 11, (422, "damaged_photo"), size_bytes=10)


async def larger_than_told(
    http: httpx.AsyncClient,
    world: Any,
    folder: Path,
    size: int,
    expected: tuple[int, str],
    **told: Any,
) -> None:
    upload = await begun(http, **told)
    file = folder / "large"
    file.write_bytes(bytes(size))
    await world.objects.put_file(upload["fields"]["key"], file, content_type="image/jpeg")
    file.unlink()
    assert refused(await job_of(http, upload)) == expected
    assert not await incoming(world.objects, upload)


async def test_a_photo_that_grows_while_it_is_looked_at_is_cut_off(
    serve: Any, browser: Browser, world: Any, tmp_path: Path
) -> None:
    """The store said that it is small, and then hands out something large."""
    world.objects = Swapped(world.objects, tmp_path)
    async with serve() as http:
        upload = await arrived(http, browser, b"small")
        assert refused(await job_of(http, upload)) == (413, "photo_too_large")
        assert not await incoming(world.objects, upload)


class Swapped:
    """A bucket in which an object is replaced right after it was asked about."""

    def __init__(self, objects: Any, folder: Path) -> None:
        self._objects = objects
        self._file = folder / "swapped"

    async def head(self, key: str) -> Any:
        found = await self._objects.head(key)
        if found is not None:
            self._file.write_bytes(bytes((1 << 20) + 1))
            await self._objects.put_file(key, self._file, content_type="image/jpeg")
            self._file.unlink()
        return found

    def __getattr__(self, name: str) -> Any:
        return getattr(self._objects, name)


class Failing:
    """A bucket that fails at some of its calls, as often as is said."""

    def __init__(self, objects: Any, **failures: int) -> None:
        self._objects = objects
        self.failures = failures

    def __getattr__(self, name: str) -> Any:
        if self.failures.get(name, 0) == 0:
            return getattr(self._objects, name)
        self.failures[name] -= 1

        async def fails(*_: Any, **__: Any) -> Any:
            raise StorageUnavailable("no route to 10.0.0.7")

        return fails


@pytest.mark.parametrize("call", ["head", "fetch_file", "put_file"])
async def test_where_the_store_fails_the_same_request_finishes_later(
    call: str, serve: Any, browser: Browser, make_photo: Any, world: Any
) -> None:
    world.objects = Failing(world.objects, **{call: 1})
    async with serve() as http:
        upload, key = await arrived(http, browser, make_photo()), str(uuid4())
        assert refused(await job_of(http, upload, key=key)) == (503, "storage_unavailable")
        assert await own_jobs(http) == []
        assert (await job_of(http, upload, key=key)).status_code == 201
        assert not await incoming(world.objects, upload)


async def test_without_workflows_the_photo_stays_and_another_request_may_use_it(
    serve: Any, browser: Browser, make_photo: Any, world: Any
) -> None:
    world.jobs.failure = WorkflowsUnavailable()
    async with serve() as http:
        upload = await arrived(http, browser, make_photo())
        assert refused(await job_of(http, upload)) == (503, "workflows_unavailable")
        assert await incoming(world.objects, upload)
        world.jobs.failure = None
        assert (await job_of(http, upload)).status_code == 201


async def test_a_job_is_there_also_when_its_incoming_photo_cannot_be_deleted(
    serve: Any, browser: Browser, make_photo: Any, world: Any, log: list[Any]
) -> None:
    world.objects = Failing(world.objects, delete=1)
    async with serve() as http:
        upload = await arrived(http, browser, make_photo())
        assert (await job_of(http, upload)).status_code == 201
        assert await incoming(world.objects, upload)
    [line] = [each for each in log if each["event"] == "incoming_photo_stays"]
    assert line["upload_id"] == upload["id"]


async def test_how_many_statements_a_job_of_an_upload_takes(
    http: httpx.AsyncClient, browser: Browser, make_photo: Any, world: Any
) -> None:
    """It looks at the upload; writes the job, notes its use, and reads the job."""
    upload = await arrived(http, browser, make_photo())
    body = {"upload_id": upload["id"], "email": "ada@example.com"}
    with statements(world.database) as sent:
        assert (await http.post("/api/v1/jobs", json=body)).status_code == 201
    assert len(sent) == 4


@pytest.mark.parametrize(
    "changed",
    [{"email": "ada"}, {"email": None}, {"upload_id": "x"}, {"upload_id": None}, {"key": "x"}],
    ids=["no address", "without address", "no id", "without id", "more"],
)
async def test_a_wrong_request_is_refused(
    changed: dict[str, str | None], http: httpx.AsyncClient
) -> None:
    body = {"upload_id": str(uuid4()), "email": "ada@example.com", **changed}
    sent = {name: value for name, value in body.items() if value is not None}
    assert refused(await http.post("/api/v1/jobs", json=sent)) == (422, "invalid_request")
