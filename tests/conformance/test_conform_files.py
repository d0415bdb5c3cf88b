"""The contract of uploads and of `GET /view`."""

import io
from typing import Any
from uuid import uuid4

import pytest
from PIL import Image

SERVER_ERROR = "500 Internal Server Error\n\nServer got itself in trouble"


def png(color: str) -> bytes:
    buffer = io.BytesIO()
    Image.new("RGB", (9, 7), color).save(buffer, "PNG")
    return buffer.getvalue()


async def test_same_name_with_other_bytes_is_numbered(wire: Any) -> None:
    name = f"{uuid4().hex}.png"
    told = [
        (await wire.upload(data, name)).json()
        for data in (png("red"), png("red"), png("blue"), png("blue"), png("red"))
    ]
    numbered = name.replace(".png", " (1).png")
    assert [one["name"] for one in told] == [name, name, numbered, numbered, name]
    assert told[0] == {"name": name, "subfolder": "", "type": "input"}


@pytest.mark.parametrize(("word", "replaces"), [("true", True), ("1", True), ("True", False)])
async def test_overwrite_means_true_or_1(wire: Any, word: str, replaces: bool) -> None:
    folder = f"conform/{uuid4().hex}"
    await wire.upload(png("red"), "p.png", subfolder=folder)
    reply = await wire.upload(png("blue"), "p.png", subfolder=folder, overwrite=word)
    name = "p.png" if replaces else "p (1).png"
    assert reply.json() == {"name": name, "subfolder": folder, "type": "input"}
    where = {"filename": name, "subfolder": folder, "type": "input"}
    assert (await wire.http.get("/view", params=where)).content == png("blue")


@pytest.mark.parametrize(
    ("name", "fields", "status"),
    [
        ("p.png", {"subfolder": "../../x"}, 400),
        ("p.png", {"subfolder": "/etc"}, 400),
        ("../../x.png", {}, 400),
        ("missing/p.png", {}, 500),
        ("/etc/p.png", {}, 500),
        ("p.png", {"type": "bogus"}, 500),
    ],
)
async def test_upload_refuses(wire: Any, name: str, fields: dict[str, str], status: int) -> None:
    reply = await wire.upload(png("red"), name, **fields)
    assert (reply.status_code, reply.text) == (status, "" if status == 400 else SERVER_ERROR)


async def test_upload_without_a_file(wire: Any) -> None:
    missing = await wire.http.post("/upload/image", files={"other": ("a", b"b")})
    assert (missing.status_code, missing.content) == (400, b"")
    text = {"files": {"other": ("a", b"b")}, "data": {"image": "abc"}}
    reply = await wire.http.post("/upload/image", **text)
    assert (reply.status_code, reply.text) == (500, SERVER_ERROR)


async def test_view_hands_out_what_was_stored(wire: Any) -> None:
    name = f"{uuid4().hex}.png"
    await wire.upload(png("red"), name)
    where = {"filename": name, "type": "input"}
    seen = await wire.http.get("/view", params=where)
    assert (seen.status_code, seen.content) == (200, png("red"))
    assert seen.headers["content-type"] == "image/png"
    assert seen.headers["content-length"] == str(len(png("red")))
    assert seen.headers["content-disposition"] == f'filename="{name}"'
    assert seen.headers["accept-ranges"] == "bytes"
    known = {"If-None-Match": seen.headers["etag"]}
    assert (await wire.http.get("/view", params=where, headers=known)).status_code == 304
    part = await wire.http.get("/view", params=where, headers={"Range": "bytes=2-5"})
    assert (part.status_code, part.content) == (206, png("red")[2:6])


@pytest.mark.parametrize(
    ("query", "status"),
    [
        ({}, 404),
        ({"filename": ""}, 400),
        ({"filename": "nope.png"}, 404),
        ({"filename": "../x.png"}, 400),
        ({"filename": "/etc/hosts"}, 400),
        ({"filename": "x.png", "type": "bogus"}, 400),
        ({"filename": "x.png", "subfolder": "../.."}, 403),
    ],
)
async def test_view_refuses(wire: Any, query: dict[str, str], status: int) -> None:
    reply = await wire.http.get("/view", params=query)
    assert (reply.status_code, reply.content) == (status, b"")


async def test_pages_are_stored_and_handed_out_as_bytes(wire: Any) -> None:
    name = f"{uuid4().hex}.html"
    assert (await wire.upload(b"<b>x</b>", name)).json()["name"] == name
    seen = await wire.http.get("/view", params={"filename": name, "type": "input"})
    assert seen.headers["content-type"] == "application/octet-stream"
    assert seen.content == b"<b>x</b>"
