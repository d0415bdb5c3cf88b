"""`rekindle cancel` and `rekindle status`, against answers written down here."""

import json
from collections.abc import Callable
from typing import Any
from uuid import uuid4

import httpx
import pytest
from typer.testing import CliRunner, Result

from deploy.cli import client as client_module
from deploy.cli.client import ApiClient
from deploy.cli.connection import Connection
from deploy.cli.main import app

JOB, DONE, OPEN, CLIP = (str(uuid4()) for _ in range(4))


class Api:
    """A job with a clip, a finished attempt, and one that ends two looks after it was canceled."""

    def __init__(self) -> None:
        self.canceled: list[str] = []
        self.left = 2

    def attempt(self, attempt_id: str) -> dict[str, Any]:
        status, stage = "succeeded", None
        if attempt_id == OPEN:
            status, stage = "running", "rendering"
            if self.canceled:
                self.left -= 1
            if self.left <= 0:
                status, stage = "canceled", None
        folder = "animations" if attempt_id == CLIP else "restores"
        clip = {"restore_id": DONE, "seconds": 4.0, "fps": 24.0} if attempt_id == CLIP else {}
        return {
            **clip,
            **{"id": attempt_id, "job_id": JOB, "status": status, "stage": stage},
            **{"progress": 0.5, "graph": "restore_classic", "seed": 9007199254740991},
            **{"width": 1024, "height": 768, "engine_seconds": 1.25, "error": None},
            "links": {"self": f"/api/v1/jobs/{JOB}/{folder}/{attempt_id}"},
        }

    def answer(self, request: httpx.Request) -> httpx.Response:
        path = request.url.path.removeprefix(f"/api/v1/jobs/{JOB}")
        if request.method == "POST":
            attempt_id = path.split("/")[2]
            folder = "animations" if attempt_id == CLIP else "restores"
            assert path == f"/{folder}/{attempt_id}/cancel"
            if attempt_id == OPEN:
                self.canceled.append(attempt_id)
            return httpx.Response(202, json=self.attempt(attempt_id))
        if path:
            _, folder, attempt_id = path.split("/")
            if (folder == "animations") is not (attempt_id == CLIP):
                problem = {"code": "attempt_not_found", "detail": "There is no such attempt."}
                return httpx.Response(404, json=problem)
            return httpx.Response(200, json=self.attempt(attempt_id))
        photo = {"width": 40, "height": 30, "media_type": "image/jpeg"}
        restores = [self.attempt(DONE), self.attempt(OPEN)]
        job = {"id": JOB, "status": "active", "photo": photo, "selected_restore_id": DONE}
        animations = {"animations": [self.attempt(CLIP)], "latest_animation_id": CLIP}
        return httpx.Response(200, json={**job, "restores": restores, **animations})


@pytest.fixture
def api(monkeypatch: pytest.MonkeyPatch) -> Api:
    api = Api()

    def connected(connection: Connection) -> ApiClient:
        return ApiClient(connection, transport=httpx.MockTransport(api.answer))

    monkeypatch.setattr(client_module, "ApiClient", connected)
    monkeypatch.setattr(client_module, "POLL_SECONDS", 0)
    return api


@pytest.fixture
def rekindle() -> Callable[..., Result]:
    def invoke(*arguments: str, columns: int = 80) -> Result:
        at = ("--api", "http://api.test", "--token", "t")
        return CliRunner(env={"COLUMNS": str(columns)}).invoke(app, [*arguments, *at])

    return invoke


def test_cancel_stops_what_is_open_and_waits_for_its_end(
    api: Api, rekindle: Callable[..., Result]
) -> None:
    result = rekindle("cancel", JOB, "--json")
    assert result.exit_code == 0, result.output
    assert api.canceled == [OPEN]
    (ended,) = json.loads(result.stdout)["attempts"]
    assert (ended["id"], ended["status"]) == (OPEN, "canceled")


def test_cancelling_again_finds_nothing_to_do(api: Api, rekindle: Callable[..., Result]) -> None:
    first, again = rekindle("cancel", JOB), rekindle("cancel", JOB)
    assert (first.exit_code, first.stdout) == (0, f"{OPEN}  canceled\n")
    assert again.exit_code == 0
    assert "Nothing to cancel" in again.stdout
    assert api.canceled == [OPEN]


@pytest.mark.usefixtures("api")
@pytest.mark.parametrize("attempt_id", [DONE, CLIP], ids=["restoration", "animation"])
def test_an_attempt_that_ended_stays_as_it_ended(
    attempt_id: str, rekindle: Callable[..., Result]
) -> None:
    result = rekindle("cancel", JOB, attempt_id)
    assert (result.exit_code, result.stdout) == (0, f"{attempt_id}  succeeded\n")


@pytest.mark.usefixtures("api")
@pytest.mark.parametrize("columns", [40, 80, 200])
def test_status_shows_whole_ids_on_any_terminal(
    rekindle: Callable[..., Result], columns: int
) -> None:
    lines = rekindle("status", JOB, columns=columns).stdout.splitlines()
    assert any(line.startswith(f"* {DONE}  succeeded") for line in lines)
    assert any(line.startswith(f"  {OPEN}  restoring, 50%") for line in lines)
    assert any("seed 9007199254740991, 1024 x 768, 1.2 s on the GPU" in line for line in lines)
    [clip] = [line for line in lines if CLIP in line]
    assert clip.startswith(f"* {CLIP}  succeeded")
    assert "1024 x 768, 4 s at 24 fps" in clip
