"""The upload form: what is asked of it, and that nothing of it stays."""

import tempfile
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from rekindle.errors import (
    AnimatedPhoto,
    DamagedPhoto,
    DecoderBusy,
    EmptyPhoto,
    PhotoError,
    TooManyPixels,
    UnsupportedPhotoType,
)
from rekindle.ports.photos import ImageFile, IngestedPhoto, PhotoFormat

UPLOAD = "/api/v1/jobs/upload"
PHOTO = b"\xff\xd8\xff a photo"
EMAIL = "ada@example.com"


@pytest.fixture(autouse=True)
def scratch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The folder for temporary files; empty again after every request."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    yield tmp_path
    assert list(tmp_path.iterdir()) == []


def refused_fields(reply: httpx.Response) -> list[str]:
    problem = reply.json()
    assert (reply.status_code, problem["code"]) == (422, "invalid_request")
    return sorted(each["field"] for each in problem.get("errors", []))


async def send(http: httpx.AsyncClient, photo: bytes = PHOTO, **fields: str) -> httpx.Response:
    data = {"email": EMAIL, **fields}
    return await http.post(UPLOAD, data=data, files={"photo": ("x.jpg", photo, "image/jpeg")})


@pytest.mark.parametrize(
    "error",
    [
        EmptyPhoto,
        UnsupportedPhotoType,
        DamagedPhoto,
        TooManyPixels,
        AnimatedPhoto,
        DecoderBusy,
    ],
)
async def test_what_the_decoder_says_is_the_answer_and_nothing_is_stored(
    error: type[PhotoError], http: httpx.AsyncClient, world: Any
) -> None:
    world.photos.failure = error()
    reply = await send(http)
    assert (reply.status_code, reply.json()["code"]) == (error.status, error.code)
    assert world.objects.kept == {}


async def test_the_decoder_gets_the_file_byte_for_byte_under_a_name_of_ours(
    http: httpx.AsyncClient, world: Any, scratch: Path
) -> None:
    world.photos.failure = DamagedPhoto()
    photo = bytes(range(256)) * 3000
    name = "../../\u202egpj.x\r\nX-Bad: 1\x00" + "n" * 2000
    await http.post(UPLOAD, data={"email": EMAIL}, files={"photo": (name, photo)})
    [(path, seen)] = world.photos.seen
    assert seen == photo
    assert path.name == "photo"
    assert path.parent.parent == scratch


@pytest.mark.parametrize(
    "email", ["", "ada", "ada@", "@example.com", "a b@example.com", "ada@example", "x" * 900]
)
async def test_a_wrong_address_is_named_and_neither_repeated_nor_logged(
    email: str, http: httpx.AsyncClient, log: list[Any]
) -> None:
    reply = await send(http, email=email)
    assert refused_fields(reply) == ["body.email"]
    if email:
        assert email not in reply.text
        assert email not in str(log)


async def test_everything_that_is_missing_is_named_at_once(http: httpx.AsyncClient) -> None:
    reply = await http.post(UPLOAD, files={"other": ("x.jpg", PHOTO)})
    assert refused_fields(reply) == ["body.email", "body.other", "body.photo"]


async def test_a_field_too_many_is_refused(http: httpx.AsyncClient) -> None:
    assert refused_fields(await send(http, user_id="7")) == ["body.user_id"]


async def test_a_photo_sent_as_text_is_refused(http: httpx.AsyncClient) -> None:
    files = {"email": (None, EMAIL), "photo": (None, "text")}
    assert refused_fields(await http.post(UPLOAD, files=files)) == ["body.photo"]


async def test_an_address_sent_as_a_file_is_refused(http: httpx.AsyncClient) -> None:
    reply = await http.post(UPLOAD, files={"email": ("e", b"ada@example.com")})
    assert refused_fields(reply) == ["body.email", "body.photo"]


@pytest.mark.parametrize(
    "files",
    [
        [("photo", ("a.jpg", PHOTO)), ("photo", ("b.jpg", PHOTO)), ("email", (None, EMAIL))],
        [("email", (None, EMAIL))] * 3 + [("photo", ("a.jpg", PHOTO))],
        [(f"field{n}", (None, "x")) for n in range(10_000)],
        [("email", (None, "x" * 2000)), ("photo", ("a.jpg", PHOTO))],
    ],
    ids=["two photos", "three addresses", "ten thousand fields", "a field of 2000 bytes"],
)
async def test_a_form_with_too_much_in_it_is_refused(
    files: Any, http: httpx.AsyncClient, world: Any
) -> None:
    assert refused_fields(await http.post(UPLOAD, files=files)) == []
    assert world.photos.seen == []


@pytest.mark.parametrize(
    ("content_type", "body"),
    [
        (None, b""),
        ("application/json", b'{"email": "ada@example.com"}'),
        ("application/x-www-form-urlencoded", b"email=ada%40example.com&photo=x"),
        ("image/jpeg", PHOTO),
        ("multipart/form-data", b"no boundary"),
        ("multipart/form-data; boundary=x", b"--y\r\n\r\nwrong boundary\r\n--y--"),
        ("multipart/form-data; boundary=x", b"--x\r\nContent-Disposition: form-data\r\n\r\n1\r\n"),
        ("multipart/form-data; boundary=" + "x" * 500, b"long boundary"),
        ("multipart/form-data; boundary=x", b"--x\r\n" + b"A: " + b"b" * 9000 + b"\r\n\r\n"),
    ],
)
async def test_what_is_no_form_is_refused(
    content_type: str | None, body: bytes, http: httpx.AsyncClient
) -> None:
    headers = {"Content-Type": content_type} if content_type else {}
    reply = await http.post(UPLOAD, content=body, headers=headers)
    assert (reply.status_code, reply.json()["code"]) == (422, "invalid_request")


# Starlette leaves closing the file of an unfinished part to its destructor.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
async def test_a_form_that_breaks_off_is_refused(http: httpx.AsyncClient, world: Any) -> None:
    """Its last boundary never came, so nobody knows whether the photo is whole."""
    body = (
        b'--x\r\nContent-Disposition: form-data; name="email"\r\n\r\nada@example.com\r\n'
        b'--x\r\nContent-Disposition: form-data; name="photo"; filename="a"\r\n\r\nhalf'
    )
    headers = {"Content-Type": "multipart/form-data; boundary=x"}
    reply = await http.post(UPLOAD, content=body, headers=headers)
    assert refused_fields(reply) == ["body.photo"]
    assert world.photos.seen == []


async def pieces(total: int) -> AsyncIterator[bytes]:
    yield b'--x\r\nContent-Disposition: form-data; name="photo"; filename="a"\r\n\r\n'
    for _ in range(total // 65536):
        yield b"\x00" * 65536


async def test_a_form_without_a_length_ends_where_it_passes_the_limit(
    http: httpx.AsyncClient, world: Any
) -> None:
    headers = {"Content-Type": "multipart/form-data; boundary=x"}
    reply = await http.post(UPLOAD, content=pieces(4 << 20), headers=headers)
    assert (reply.status_code, reply.json()["code"]) == (413, "photo_too_large")
    assert reply.json()["detail"] == "The file is larger than the allowed 1 MB."
    assert world.photos.seen == []


async def test_a_form_declared_too_large_is_not_read(http: httpx.AsyncClient, world: Any) -> None:
    reply = await send(http, photo=b"\x00" * (2 << 20))
    assert (reply.status_code, reply.json()["code"]) == (413, "photo_too_large")
    assert world.photos.seen == []


async def test_a_photo_of_exactly_the_limit_reaches_the_decoder(
    http: httpx.AsyncClient, world: Any
) -> None:
    world.photos.failure = DamagedPhoto()
    await send(http, photo=b"\x00" * (1 << 20))
    assert len(world.photos.seen[0][1]) == 1 << 20


async def test_a_database_that_is_away_is_noticed_before_anything_is_stored(
    http: httpx.AsyncClient, world: Any, ingested: Any
) -> None:
    world.photos.ingest = ingested
    reply = await send(http)
    assert (reply.status_code, reply.json()["code"]) == (503, "database_unavailable")
    assert reply.headers["retry-after"] == "5"
    assert world.objects.kept == {}


@pytest.fixture
def ingested() -> Any:
    """A decoder that accepts everything."""

    async def ingest(source: Path, into: Path) -> IngestedPhoto:
        working = ImageFile(into / "working.png", "image/png", 4, 3, 1)
        working.path.write_bytes(b"p")
        return IngestedPhoto(PhotoFormat.JPEG, 4, 3, "0" * 64, len(PHOTO), working)

    return ingest
