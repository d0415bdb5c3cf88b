"""Forms that send photos straight to the bucket: what they take, and what they do not."""

from datetime import UTC, datetime, timedelta
from typing import Any, get_args
from uuid import UUID, uuid4

import httpx
import pytest
from sqlmodel import col, select

from api.routes.uploads import UploadRequest
from rekindle.models import Upload
from rekindle.ports.photos import PhotoFormat
from tests.services.api.uploads.conftest import Browser, begun, incoming, refused
from tests.services.statements import statements

PHOTO = b"\xff\xd8\xff a photo"
LARGEST = 1 << 20


async def test_a_form_puts_one_photo_under_a_key_of_its_own(
    http: httpx.AsyncClient, browser: Browser, objects: Any
) -> None:
    upload, other = await begun(http), await begun(http)
    assert upload["fields"]["key"] != other["fields"]["key"]
    assert upload["max_bytes"] == LARGEST
    ends = datetime.fromisoformat(upload["expires_at"])
    assert timedelta(0) < ends - datetime.now(UTC) <= timedelta(seconds=600)
    reply = await browser.send(upload, PHOTO)
    assert reply.status_code == 204, reply.text
    stored = await objects.head(upload["fields"]["key"])
    assert (stored.key, stored.size_bytes) == (f"incoming/{upload['id']}", len(PHOTO))
    assert not await incoming(objects, other)


@pytest.mark.parametrize(
    "changed",
    [
        {"key": "incoming/another"},
        {"key": "working/another.png"},
        {"Content-Type": "text/html"},
        {"Content-Type": "image/png"},
        {"x-amz-signature": "0" * 64},
        {"policy": "e30="},
    ],
    ids=["key", "prefix", "page", "type", "signature", "policy"],
)
async def test_a_form_that_was_changed_is_refused_by_the_store(
    changed: dict[str, str], http: httpx.AsyncClient, browser: Browser, objects: Any
) -> None:
    upload = await begun(http)
    reply = await browser.send(upload, PHOTO, **changed)
    assert reply.status_code in (400, 403), reply.text
    assert not await incoming(objects, upload)
    if "key" in changed:
        assert await objects.head(changed["key"]) is None


@pytest.mark.parametrize("field", ["acl", "x-amz-acl", "x-amz-grant-read"])
async def test_no_further_field_opens_a_photo_to_others(
    field: str, http: httpx.AsyncClient, browser: Browser
) -> None:
    """AWS refuses what the policy does not name; SeaweedFS takes it, and leaves it at that."""
    upload = await begun(http)
    await browser.send(upload, PHOTO, **{field: "public-read"})
    reply = await browser.page.get(f"{upload['url']}/{upload['fields']['key']}")
    assert reply.status_code == 403


@pytest.mark.parametrize("missing", ["policy", "x-amz-signature", "key", "Content-Type"])
async def test_a_form_without_one_of_its_fields_is_refused_by_the_store(
    missing: str, http: httpx.AsyncClient, browser: Browser, objects: Any
) -> None:
    upload = await begun(http)
    del upload["fields"][missing]
    reply = await browser.send(upload, PHOTO)
    assert reply.status_code in (400, 403), reply.text
    assert not await incoming(objects, upload)


@pytest.mark.parametrize("size", [0, LARGEST + 1], ids=["empty", "one byte too many"])
async def test_a_photo_outside_the_bounds_is_refused_by_the_store(
    size: int, http: httpx.AsyncClient, browser: Browser, objects: Any
) -> None:
    upload = await begun(http)
    reply = await browser.send(upload, bytes(size))
    assert reply.status_code == 400, reply.text
    assert not await incoming(objects, upload)


async def test_a_photo_of_exactly_the_limit_is_taken(
    http: httpx.AsyncClient, browser: Browser, objects: Any
) -> None:
    upload = await begun(http)
    assert (await browser.send(upload, bytes(LARGEST))).status_code == 204
    assert await incoming(objects, upload)


@pytest.mark.parametrize("more", [-1, 1])
async def test_where_a_size_was_told_no_other_is_taken(
    more: int, http: httpx.AsyncClient, browser: Browser, objects: Any
) -> None:
    upload = await begun(http, size_bytes=len(PHOTO))
    assert upload["max_bytes"] == len(PHOTO)
    assert (await browser.send(upload, bytes(len(PHOTO) + more))).status_code == 400
    assert not await incoming(objects, upload)
    assert (await browser.send(upload, PHOTO)).status_code == 204


async def test_a_photo_larger_than_allowed_gets_no_form(http: httpx.AsyncClient) -> None:
    body = {"content_type": "image/png", "size_bytes": LARGEST + 1}
    reply = await http.post("/api/v1/uploads", json=body)
    assert refused(reply) == (413, "photo_too_large")
    assert reply.json()["detail"] == "The file is larger than the allowed 1 MB."


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"content_type": "image/svg+xml"},
        {"content_type": "image/gif"},
        {"content_type": "image/jpeg; x"},
        {"content_type": "image/jpeg", "size_bytes": 0},
        {"content_type": "image/jpeg", "key": "working/x.png"},
    ],
    ids=["nothing", "svg", "gif", "more than a type", "no size", "a key"],
)
async def test_a_wrong_wish_gets_no_form(body: dict[str, Any], http: httpx.AsyncClient) -> None:
    reply = await http.post("/api/v1/uploads", json=body)
    assert refused(reply) == (422, "invalid_request")


def test_forms_are_given_for_every_format_that_is_read() -> None:
    offered = get_args(UploadRequest.model_fields["content_type"].annotation)
    assert set(offered) == {each.media_type for each in PhotoFormat}


@pytest.mark.parametrize("content_type", sorted(each.media_type for each in PhotoFormat))
async def test_every_type_is_taken_by_its_form(
    content_type: str, http: httpx.AsyncClient, browser: Browser
) -> None:
    upload = await begun(http, content_type)
    assert (await browser.send(upload, PHOTO)).status_code == 204


async def test_asked_again_under_its_key_the_same_form_is_given(
    http: httpx.AsyncClient, world: Any
) -> None:
    http.headers["Idempotency-Key"] = str(uuid4())
    first = await begun(http)
    assert await begun(http) == first
    async with world.database.transaction() as session:
        of_it = select(Upload).where(col(Upload.id) == UUID(first["id"]))
        [row] = (await session.execute(of_it)).scalars()
    assert (row.content_type, row.size_bytes, row.job_id) == ("image/jpeg", None, None)
    assert row.expires_at == datetime.fromisoformat(first["expires_at"])


async def test_a_form_costs_two_statements_and_no_question_to_the_store(
    serve: Any, world: Any
) -> None:
    world.objects = LocalStore(world.objects)
    async with serve() as http:
        with statements(world.database) as sent:
            await begun(http)
    assert len(sent) == 2


class LocalStore:
    """A store of which nothing may be asked but a form."""

    def __init__(self, objects: Any) -> None:
        self.post_form = objects.post_form
        self.check = objects.check


async def test_no_part_of_a_form_is_in_the_log(http: httpx.AsyncClient, log: list[Any]) -> None:
    upload = await begun(http)
    for name in ("policy", "x-amz-signature", "x-amz-credential"):
        assert upload["fields"][name] not in str(log)
