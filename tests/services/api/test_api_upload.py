"""An upload becomes a job: stored, opened, recorded; or nothing at all."""

import hashlib
import io
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx
import pytest
from PIL import Image
from sqlalchemy.ext.asyncio import AsyncSession

from rekindle.contracts import keys
from rekindle.errors import (
    DatabaseUnavailable,
    StorageUnavailable,
    WorkflowsUnavailable,
)
from rekindle.models import Job
from rekindle.rules.identity import fairness_key
from rekindle.store.database import Database


@pytest.fixture(autouse=True)
def scratch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The folder for temporary files; empty again after every request."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    yield tmp_path
    assert list(tmp_path.iterdir()) == []


async def own_jobs(http: httpx.AsyncClient) -> list[Any]:
    jobs: list[Any] = (await http.get("/api/v1/jobs")).json()["jobs"]
    return jobs


async def test_an_uploaded_photo_is_a_job(
    http: httpx.AsyncClient, upload: Any, make_photo: Any
) -> None:
    photo = make_photo()
    reply = await upload(http, photo, name="grandma.png")
    assert reply.status_code == 201
    job = reply.json()
    assert reply.headers["location"] == f"/api/v1/jobs/{job['id']}" == job["links"]["self"]
    assert job["status"] == "active"
    assert job["restores"] == []
    assert job["selected_restore_id"] is None
    assert job["photo"] == {
        "width": 40,
        "height": 30,
        "media_type": "image/jpeg",
        "size_bytes": len(photo),
        "sha256": hashlib.sha256(photo).hexdigest(),
    }
    found = (await http.get(job["links"]["self"])).json()
    assert found | {"original_url": ""} == job | {"original_url": ""}


async def test_the_original_is_kept_byte_for_byte_and_comes_as_a_download(
    http: httpx.AsyncClient, upload: Any, make_photo: Any
) -> None:
    photo = make_photo(comment=b"Berlin, 1931")
    job = (await upload(http, photo)).json()
    async with httpx.AsyncClient(trust_env=False, timeout=60) as browser:
        reply = await browser.get(job["original_url"])
    assert reply.content == photo
    assert reply.headers["content-type"] == "image/jpeg"
    assert reply.headers["content-disposition"] == 'attachment; filename="original.jpg"'


async def test_the_working_copy_lies_where_graphs_look_for_it(
    http: httpx.AsyncClient, upload: Any, world: Any, tmp_path: Path
) -> None:
    job = (await upload(http)).json()
    stored = await world.objects.head(keys.working(UUID(job["id"])))
    assert stored is not None
    target = tmp_path / "copy"
    await world.objects.fetch_file(stored.key, target)
    assert target.read_bytes().startswith(b"\x89PNG")
    target.unlink()


async def test_the_workflow_is_opened_under_a_key_that_tells_nothing(
    http: httpx.AsyncClient, upload: Any, world: Any
) -> None:
    first, second = (await upload(http)).json(), (await upload(http)).json()
    opened = world.jobs.opened
    assert [str(job.job_id) for job in opened] == [first["id"], second["id"]]
    assert opened[0].fairness_key == opened[1].fairness_key
    assert opened[0].idle_seconds == 99.0
    async with world.database.transaction() as session:
        row = await session.get_one(Job, UUID(first["id"]))
    assert opened[0].fairness_key == fairness_key(row.user_id, "s" * 32)


async def test_neither_the_address_nor_any_key_is_in_an_answer_or_in_the_log(
    http: httpx.AsyncClient, upload: Any, log: list[Any]
) -> None:
    reply = await upload(http)
    for text in (reply.text, (await http.get("/api/v1/jobs")).text, str(log)):
        assert "ada@example.com" not in text
        assert "working/" not in text


@pytest.mark.parametrize(
    ("kind", "media_type", "extension"),
    [
        ("JPEG", "image/jpeg", "jpg"),
        ("PNG", "image/png", "png"),
        ("WEBP", "image/webp", "webp"),
    ],
)
async def test_the_content_decides_what_a_photo_is(
    kind: str,
    media_type: str,
    extension: str,
    http: httpx.AsyncClient,
    upload: Any,
    make_photo: Any,
    world: Any,
) -> None:
    job = (await upload(http, make_photo(kind), name="x.gif")).json()
    assert job["photo"]["media_type"] == media_type
    assert await world.objects.head(keys.uploaded(UUID(job["id"]), extension)) is not None


@pytest.mark.parametrize(
    ("photo", "status", "code"),
    [
        (b"", 422, "empty_photo"),
        (b"<html><script>alert(1)</script>", 415, "unsupported_photo_type"),
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", 415, "unsupported_photo_type"),
        (b"%PDF-1.7\n", 415, "unsupported_photo_type"),
        (b"PK\x03\x04", 415, "unsupported_photo_type"),
        (b"GIF89a\x01\x00\x01\x00", 415, "unsupported_photo_type"),
        (b"\x00" * (1 << 20) + b"\x00", 413, "photo_too_large"),
    ],
    ids=["empty", "html", "svg", "pdf", "zip", "gif", "one byte too many"],
)
async def test_what_is_no_photo_is_refused_and_nothing_is_stored(
    photo: bytes, status: int, code: str, http: httpx.AsyncClient, upload: Any, world: Any
) -> None:
    reply = await upload(http, photo, name="holiday.jpg")
    assert (reply.status_code, reply.json()["code"]) == (status, code)
    assert await own_jobs(http) == []
    assert world.jobs.opened == []


async def test_an_animation_is_refused(
    http: httpx.AsyncClient, upload: Any, make_photo: Any
) -> None:
    further = [Image.effect_noise((40, 30), 90).convert("RGB")]
    photo = make_photo("WEBP", save_all=True, append_images=further)
    reply = await upload(http, photo)
    assert (reply.status_code, reply.json()["code"]) == (422, "animated_photo")


async def test_a_truncated_photo_is_refused(
    http: httpx.AsyncClient, upload: Any, make_photo: Any
) -> None:
    photo: bytes = make_photo(size=(300, 300))
    reply = await upload(http, photo[: len(photo) // 2])
    assert (reply.status_code, reply.json()["code"]) == (422, "damaged_photo")


async def test_a_photo_with_too_many_pixels_is_refused(
    http: httpx.AsyncClient, upload: Any, make_photo: Any
) -> None:
    """A picture of one colour: 10 KB as a file, 81 MP in memory."""
    file = io.BytesIO()
    Image.new("1", (9000, 9000)).save(file, "PNG")
    reply = await upload(http, file.getvalue())
    assert (reply.status_code, reply.json()["code"]) == (422, "too_many_pixels")


class Bucket:
    """A bucket that fails to store some keys, and remembers what it was told to delete."""

    def __init__(self, objects: Any, *, fails_at: str) -> None:
        self._objects = objects
        self._fails_at = fails_at
        self.stored: list[str] = []

    async def put_file(self, key: str, *args: Any, **named: Any) -> Any:
        if key.startswith(self._fails_at):
            raise StorageUnavailable("no route to 10.0.0.7")
        stored = await self._objects.put_file(key, *args, **named)
        self.stored.append(key)
        return stored

    def __getattr__(self, name: str) -> Any:
        return getattr(self._objects, name)


@pytest.mark.parametrize("fails_at", ["uploaded/", "working/"])
async def test_a_bucket_that_fails_half_way_keeps_no_half(
    fails_at: str, serve: Any, upload: Any, world: Any
) -> None:
    world.objects = Bucket(world.objects, fails_at=fails_at)
    async with serve() as http:
        reply = await upload(http)
        assert await own_jobs(http) == []
    assert (reply.status_code, reply.json()["code"]) == (503, "storage_unavailable")
    assert "10.0.0.7" not in reply.text
    [stored] = world.objects.stored
    assert await world.objects.head(stored) is None
    assert world.jobs.opened == []


async def test_without_workflows_nothing_stays_stored(serve: Any, upload: Any, world: Any) -> None:
    world.objects = Bucket(world.objects, fails_at="nowhere")
    world.jobs.failure = WorkflowsUnavailable()
    async with serve() as http:
        reply = await upload(http)
        assert await own_jobs(http) == []
    assert (reply.status_code, reply.json()["code"]) == (503, "workflows_unavailable")
    assert reply.headers["retry-after"] == "5"
    assert len(world.objects.stored) == 2
    assert [await world.objects.head(key) for key in world.objects.stored] == [None, None]


class LostReply:
    """A database whose answer to one commit is lost on the way."""

    def __init__(self, database: Database, *, at: int) -> None:
        self._database = database
        self._left = at

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[AsyncSession]:
        async with self._database.transaction() as session:
            yield session
        self._left -= 1
        if self._left == 0:
            raise DatabaseUnavailable("server closed the connection unexpectedly")


async def test_a_commit_whose_answer_was_lost_is_still_one_whole_job(
    serve: Any, upload: Any, world: Any
) -> None:
    world.database = LostReply(world.database, at=2)
    async with serve() as http:
        reply = await upload(http)
        assert reply.status_code == 201
        [job] = await own_jobs(http)
    assert job["id"] == reply.json()["id"]
    assert await world.objects.head(keys.uploaded(UUID(job["id"]), "jpg")) is not None
