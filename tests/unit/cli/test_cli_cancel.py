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

JOB, DONE, OPEN = (str(uuid4()) for _ in range(3))


class Api:
    """A job with one finished attempt and one that ends two looks after it was canceled."""

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
        return {
            **{"id": attempt_id, "job_id": JOB, "status": status, "stage": stage},
            **{"progress": 0.5, "graph": "restore_classic", "seed": 9007199254740991},
            **{"width": 1024, "height": 768, "engine_seconds": 1.25, "error": None},
            "links": {"self": f"/api/v1/jobs/{JOB}/restores/{attempt_id}"},
        }

    def answer(self, request: httpx.Request) -> httpx.Response:
        path = request.url.path.removeprefix(f"/api/v1/jobs/{JOB}")
        if request.method == "POST":
            attempt_id = path.split("/")[2]
            assert path == f"/restores/{attempt_id}/cancel"
            if attempt_id == OPEN:
                self.canceled.append(attempt_id)
            return httpx.Response(202, json=self.attempt(attempt_id))
        if path:
            return httpx.Response(200, json=self.attempt(path.removeprefix("/restores/")))
        photo = {"width": 40, "height": 30, "media_type": "image/jpeg"}
        restores = [self.attempt(DONE), self.attempt(OPEN)]
        job = {"id": JOB, "status": "active", "photo": photo, "selected_restore_id": DONE}
        return httpx.Response(200, json={**job, "restores": restores})


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


def test_an_attempt_that_ended_stays_as_it_ended(api: Api, rekindle: Callable[..., Result]) -> None:
    result = rekindle("cancel", JOB, DONE)
    assert (result.exit_code, result.stdout) == (0, f"{DONE}  succeeded\n")


@pytest.mark.usefixtures("api")
@pytest.mark.parametrize("columns", [40, 80, 200])
def test_status_shows_whole_ids_on_any_terminal(
    rekindle: Callable[..., Result], columns: int
) -> None:
    lines = rekindle("status", JOB, columns=columns).stdout.splitlines()
    assert any(line.startswith(f"* {DONE}  succeeded") for line in lines)
    assert any(line.startswith(f"  {OPEN}  restoring, 50%") for line in lines)
    assert any("seed 9007199254740991, 1024 x 768, 1.2 s on the GPU" in line for line in lines)
