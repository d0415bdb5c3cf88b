"""`POST /generate`: a photo in, a picture out, in one request."""

import base64
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest


@pytest.fixture(scope="module")
def photo(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    path = tmp_path_factory.mktemp("photo") / "photo.png"
    cv2.imwrite(str(path), np.linspace(0, 255, 64 * 48 * 3, dtype=np.uint8).reshape(48, 64, 3))
    return path.read_bytes()


def in_base64(photo: bytes) -> str:
    return base64.b64encode(photo).decode()


def picture(reply: Any) -> Any:
    assert (reply.status_code, reply.json()["status"]) == (200, "done"), reply.text
    assert reply.json()["error"] is None
    return cv2.imdecode(
        np.frombuffer(base64.b64decode(reply.json()["image"]), np.uint8), cv2.IMREAD_COLOR
    )


@pytest.mark.parametrize("form", ["{}", "data:image/png;base64,{}"], ids=["base64", "data URL"])
async def test_a_photo_comes_back_restored(http: Any, photo: bytes, form: str) -> None:
    params = {"image": form.format(in_base64(photo)), "megapixels": 0.1, "denoise": 0.5}
    asked = {"workflow": "restore_classic", "params": params}
    result = picture(await http.post("/generate", json=asked))
    height, width = result.shape[:2]
    assert width / height == pytest.approx(64 / 48, abs=0.02)


async def test_an_uploaded_photo_is_named_instead(http: Any, photo: bytes) -> None:
    form = {"subfolder": "jobs/generate", "overwrite": "true"}
    await http.post("/upload/image", files={"image": ("p.png", photo)}, data=form)
    params = {"image": "jobs/generate/p.png", "megapixels": 0.1}
    asked = {"workflow": "restore_classic", "params": params}
    assert picture(await http.post("/generate", json=asked)) is not None


@pytest.mark.parametrize(
    ("asked", "status", "code"),
    [
        (b"no json", 422, "invalid_request"),
        ({}, 422, "invalid_request"),
        ({"workflow": "none", "params": {}}, 422, "unknown_graph"),
        ({"workflow": "../restore_classic", "params": {}}, 422, "unknown_graph"),
        ({"workflow": "restore_classic", "params": {}}, 422, "invalid_request"),
        ({"workflow": "restore_classic", "extra": 1}, 422, "invalid_request"),
        ({"workflow": "restore_classic", "params": {"image": "!"}}, 422, "invalid_request"),
        ({"workflow": "restore_classic", "params": {"image": "data:,"}}, 422, "empty_photo"),
        ({"workflow": "restore_classic", "params": {"image": "R0lGODlh"}}, 415, None),
        ({"workflow": "restore_classic", "params": {"image": "../../x.png"}}, 422, None),
        ({"workflow": "restore_classic", "params": {"image": "/etc/passwd.png"}}, 422, None),
        ({"workflow": "restore_classic", "params": {"nothing": 1}}, 422, "invalid_request"),
        (
            {"workflow": "restore_classic", "params": {"denoise": 1.5}},
            422,
            "parameter_out_of_range",
        ),
        ({"workflow": "restore_classic", "params": {"image": "A" * 14_000_000}}, 413, None),
    ],
    ids=[
        *("text", "empty", "workflow", "path", "no image", "extra", "not base64", "no bytes"),
        *("gif", "dots", "absolute", "parameter", "range", "large"),
    ],
)
async def test_wrong_input_is_failed_with_its_code(
    http: Any, asked: Any, status: int, code: str | None
) -> None:
    body = {"content": asked} if isinstance(asked, bytes) else {"json": asked}
    reply = await http.post("/generate", **body)
    assert reply.status_code == status, reply.text
    assert (reply.json()["status"], reply.json()["image"]) == ("failed", None)
    assert code in (reply.json()["error"], None)


async def test_a_graph_that_breaks_is_failed(pod: Any, http: Any, photo: bytes) -> None:
    pod.plan(faults=[{"kind": "node_error", "node": "*"}])
    params = {"image": in_base64(photo), "megapixels": 0.1, "denoise": 0.21}
    reply = await http.post("/generate", json={"workflow": "restore_classic", "params": params})
    assert (reply.status_code, reply.json()["error"]) == (500, "graph_failed")


async def test_one_that_takes_too_long_is_cancelled(make_pod: Any, photo: bytes) -> None:
    pod = make_pod(GENERATE_SECONDS="1").start()
    pod.hold("LoadImage", "*")
    params = {"image": in_base64(photo), "megapixels": 0.1}
    async with pod.http() as http:
        reply = await http.post("/generate", json={"workflow": "restore_classic", "params": params})
        assert reply.json() == {"status": "failed", "image": None, "error": "deadline_exceeded"}
        queue = (await http.get("/queue")).json()
    assert queue["queue_pending"] == []
    assert not list(Path(pod.base, "output").rglob("*.png"))


async def test_without_comfyui_it_is_failed(make_pod: Any, photo: bytes) -> None:
    pod = make_pod()
    pod.start_agent("degraded")
    params = {"image": in_base64(photo), "megapixels": 0.1}
    async with pod.http() as http:
        reply = await http.post("/generate", json={"workflow": "restore_classic", "params": params})
    assert (reply.status_code, reply.json()["error"]) == (503, "comfy_unavailable")
