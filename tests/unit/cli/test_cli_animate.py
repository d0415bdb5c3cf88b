"""`rekindle animate`, against answers written down here."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import pytest
from typer.testing import CliRunner, Result

from deploy.cli import client as client_module
from deploy.cli.client import ApiClient
from deploy.cli.connection import Connection
from deploy.cli.main import app

JOB, RESTORE, CLIP = (str(uuid4()) for _ in range(3))


class Api:
    """Restores and animates at once; what it was asked is kept in order."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, Any]] = []
        self.restored = True
        self.end: dict[str, Any] = {"status": "succeeded", "progress": 1.0}

    def attempt(self, attempt_id: str, folder: str, **changed: Any) -> dict[str, Any]:
        return {
            **{"id": attempt_id, "job_id": JOB, "status": "queued", "stage": "queued"},
            **{"progress": 0.0, "error": None, "preview_url": "http://bucket.test/clip.mp4"},
            "links": {"self": f"/api/v1/jobs/{JOB}/{folder}/{attempt_id}"},
            **changed,
        }

    def answer(self, request: httpx.Request) -> httpx.Response:
        path = request.url.path.removeprefix("/api/v1/jobs/").removeprefix(JOB)
        if request.method == "GET":
            if path == f"/restores/{RESTORE}":
                found = self.attempt(RESTORE, "restores", status="succeeded", stage=None)
            else:
                assert path == f"/animations/{CLIP}"
                found = self.attempt(CLIP, "animations", stage=None, **self.end)
            return httpx.Response(200, json=found)
        if path == "upload":
            self.asked.append(("upload", None))
            return httpx.Response(201, json={"id": JOB})
        wish = json.loads(request.content)
        self.asked.append((path, wish))
        if path == "/restore":
            return httpx.Response(202, json=self.attempt(RESTORE, "restores"))
        assert path == "/animate"
        if not self.restored:
            problem = {"code": "nothing_selected", "detail": "The job has no restoration yet."}
            return httpx.Response(409, json=problem)
        return httpx.Response(202, json=self.attempt(CLIP, "animations", restore_id=RESTORE))


@pytest.fixture
def api(monkeypatch: pytest.MonkeyPatch) -> Api:
    api = Api()

    def connected(connection: Connection) -> ApiClient:
        return ApiClient(connection, transport=httpx.MockTransport(api.answer))

    def download(address: str, **_: Any) -> httpx.Response:
        return httpx.Response(200, content=b"clip", request=httpx.Request("GET", address))

    monkeypatch.setattr(client_module, "ApiClient", connected)
    monkeypatch.setattr(client_module, "POLL_SECONDS", 0)
    monkeypatch.setattr(httpx, "get", download)
    return api


@pytest.fixture
def animate(tmp_path: Path) -> Callable[..., Result]:
    def invoke(*arguments: str) -> Result:
        at = ("--api", "http://api.test", "--token", "t", "--out", str(tmp_path / "clip.mp4"))
        return CliRunner().invoke(app, ["animate", *arguments, *at])

    return invoke


def test_a_photo_is_restored_first_and_that_restoration_is_animated(
    api: Api, animate: Callable[..., Result], tmp_path: Path
) -> None:
    photo = tmp_path / "photo.jpg"
    photo.write_bytes(b"\xff\xd8")
    result = animate(str(photo), "--motion", "drift", "--seconds", "4", "--json")
    assert result.exit_code == 0, result.output
    wish = {"motion": "drift", "seconds": 4, "restore_id": RESTORE}
    assert api.asked == [("upload", None), ("/restore", {}), ("/animate", wish)]
    answer = json.loads(result.stdout)
    assert (answer["id"], answer["status"]) == (CLIP, "succeeded")
    assert answer["out"] == str(tmp_path / "clip.mp4")
    assert (tmp_path / "clip.mp4").read_bytes() == b"clip"


def test_of_a_job_the_selected_restoration_is_animated(
    api: Api, animate: Callable[..., Result], tmp_path: Path
) -> None:
    further = ("--graph", "animate_classic", "--prompt", "Leaves.", "--fps", "12", "--seed", "3")
    result = animate(JOB, *further)
    assert result.exit_code == 0, result.output
    wish = {"graph": "animate_classic", "prompt": "Leaves.", "fps": 12, "seed": 3}
    assert api.asked == [("/animate", wish)]
    assert str(tmp_path / "clip.mp4") in result.stdout
    assert JOB in result.stdout


def test_a_job_that_was_not_restored_says_so(api: Api, animate: Callable[..., Result]) -> None:
    api.restored = False
    result = animate(JOB, "--json")
    assert result.exit_code == 1
    assert json.loads(result.stdout)["code"] == "nothing_selected"


@pytest.mark.parametrize(
    ("end", "code"),
    [
        ({"status": "canceled"}, "canceled"),
        (
            {"status": "failed", "error": {"code": "graph_stalled", "message": "It stalled."}},
            "graph_stalled",
        ),
    ],
    ids=["canceled", "failed"],
)
def test_an_animation_without_a_result_leaves_no_file(
    end: dict[str, Any],
    code: str,
    api: Api,
    animate: Callable[..., Result],
    tmp_path: Path,
) -> None:
    api.end = end
    result = animate(JOB, "--json")
    assert result.exit_code == 1
    assert json.loads(result.stdout)["code"] == code
    assert not (tmp_path / "clip.mp4").exists()


@pytest.mark.usefixtures("api")
@pytest.mark.parametrize("what", ["missing.jpg", "x" * 5000, "1234"])
def test_what_is_neither_a_photo_nor_a_job_is_a_usage_error(
    what: str, animate: Callable[..., Result]
) -> None:
    result = animate(what, "--json")
    assert result.exit_code == 2
    assert json.loads(result.stdout)["code"] == "file_unusable"
