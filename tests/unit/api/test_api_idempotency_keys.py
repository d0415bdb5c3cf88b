"""What counts as a key, when it is looked at, and what makes two requests the same."""

from typing import Any
from uuid import UUID

import httpx
import pytest

from rekindle.errors import DatabaseUnavailable

UPLOAD = "/api/v1/jobs/upload"
FORM = {"Content-Type": "multipart/form-data; boundary=x"}


class Watched:
    """A database that is away, and counts who asked."""

    asked = 0

    def transaction(self) -> Any:
        self.asked += 1
        raise DatabaseUnavailable("connection refused")


@pytest.fixture
def database(world: Any) -> Watched:
    world.database = Watched()
    watched: Watched = world.database
    return watched


def refused(reply: httpx.Response) -> tuple[int, str]:
    return reply.status_code, reply.json()["code"]


async def send(http: httpx.AsyncClient, key: Any, photo: bytes = b"photo") -> httpx.Response:
    headers = key if isinstance(key, list) else [("Idempotency-Key", key)]
    return await http.post(
        UPLOAD,
        data={"email": "ada@example.com"},
        files={"photo": ("a", photo)},
        headers=headers,
    )


@pytest.mark.parametrize(
    "key",
    [
        "",
        " ",
        "two words",
        "tab\there",
        "x" * 256,
        b"caf\xc3\xa9",
        b"\x7f",
        [("Idempotency-Key", "one"), ("Idempotency-Key", "one")],
    ],
    ids=repr,
)
async def test_what_is_no_key_is_refused_before_anything_is_read(
    database: Watched, key: Any, http: httpx.AsyncClient
) -> None:
    reply = await send(http, key)
    assert refused(reply) == (422, "invalid_request")
    assert "Idempotency-Key" in reply.json()["detail"]
    assert database.asked == 0


@pytest.mark.parametrize(
    "key", ["x", "!~", "x" * 255, "00000000-0000-4000-8000-000000000001", '"quoted"']
)
async def test_any_visible_ascii_is_a_key(
    database: Watched, key: str, http: httpx.AsyncClient, world: Any
) -> None:
    assert refused(await send(http, key)) == (503, "database_unavailable")
    assert database.asked == 1
    assert world.photos.seen == []


async def test_a_stranger_with_a_key_is_told_to_sign_in(
    database: Watched, stranger: httpx.AsyncClient
) -> None:
    assert refused(await send(stranger, "no key at all")) == (401, "missing_token")
    assert refused(await send(stranger, "a-key")) == (401, "missing_token")
    assert database.asked == 0


async def test_a_body_over_the_limit_claims_no_key(
    database: Watched, http: httpx.AsyncClient
) -> None:
    assert refused(await send(http, "a-key", b"\x00" * (2 << 20))) == (413, "photo_too_large")
    reply = await http.post(
        f"/api/v1/jobs/{UUID(int=1)}/restore",
        content=b"x" * 100_000,
        headers={"Idempotency-Key": "a-key"},
    )
    assert refused(reply) == (413, "request_too_large")
    assert database.asked == 0


@pytest.mark.parametrize(
    ("headers", "body"),
    [
        ({"Content-Type": "application/json"}, b"{}"),
        (FORM, b"--y\r\n\r\nwrong boundary\r\n--y--"),
    ],
)
async def test_what_is_no_form_claims_no_key(
    headers: dict[str, str], body: bytes, database: Watched, http: httpx.AsyncClient
) -> None:
    headers = {**headers, "Idempotency-Key": "a-key"}
    reply = await http.post(UPLOAD, content=body, headers=headers)
    assert refused(reply) == (422, "invalid_request")
    assert database.asked == 0


async def test_reading_has_no_keys(database: Watched, http: httpx.AsyncClient) -> None:
    address = "/api/v1/graphs"
    assert (await http.get(address)).status_code == 200  # also reads what pods can run, for a while
    before = database.asked
    reply = await http.get(address, headers={"Idempotency-Key": "a-key"})
    assert reply.status_code == 200
    assert database.asked == before
