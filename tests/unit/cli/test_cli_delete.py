"""`rekindle delete` and `rekindle undelete`, against answers written down here."""

import json
from collections.abc import Callable
from uuid import uuid4

import httpx
import pytest
from typer.testing import CliRunner, Result

from deploy.cli import client as client_module
from deploy.cli.client import ApiClient
from deploy.cli.connection import Connection
from deploy.cli.main import app

JOB = str(uuid4())
UNTIL = "2026-01-03T09:00:00Z"


class Api:
    """A job that is deleted and had back."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, str]] = []
        self.refusal: str | None = None
        self.undo: str | None = f"/api/v1/jobs/{JOB}/undelete"

    def answer(self, request: httpx.Request) -> httpx.Response:
        self.asked.append((request.method, request.url.path))
        if self.refusal is not None:
            return httpx.Response(409, json={"code": self.refusal, "detail": "Not now."})
        if request.method == "POST":
            return httpx.Response(200, json={"id": JOB, "status": "active"})
        gone = {"job_id": JOB, "status": "deleted", "undo_until": UNTIL}
        return httpx.Response(202, json={**gone, "links": {"undo": self.undo}})


@pytest.fixture
def api(monkeypatch: pytest.MonkeyPatch) -> Api:
    api = Api()

    def connected(connection: Connection) -> ApiClient:
        return ApiClient(connection, transport=httpx.MockTransport(api.answer))

    monkeypatch.setattr(client_module, "ApiClient", connected)
    return api


@pytest.fixture
def rekindle() -> Callable[..., Result]:
    def invoke(*arguments: str) -> Result:
        return CliRunner().invoke(app, [*arguments, "--api", "http://api.test", "--token", "t"])

    return invoke


def test_delete_says_until_when_it_can_be_had_back(
    api: Api, rekindle: Callable[..., Result]
) -> None:
    result = rekindle("delete", JOB, "--yes")
    assert result.exit_code == 0, result.output
    assert result.stdout == f"{JOB}  deleted; until {UNTIL}: rekindle undelete {JOB}\n"
    assert api.asked == [("DELETE", f"/api/v1/jobs/{JOB}")]


def test_delete_says_when_it_is_for_good(api: Api, rekindle: Callable[..., Result]) -> None:
    api.undo = None
    assert rekindle("delete", JOB, "--yes").stdout == f"{JOB}  deleted for good\n"


@pytest.mark.parametrize("more", [(), ("--json",)], ids=["text", "json"])
def test_nothing_is_deleted_unless_somebody_is_sure(
    more: tuple[str, ...], api: Api, rekindle: Callable[..., Result]
) -> None:
    result = rekindle("delete", JOB, *more)
    assert (result.exit_code, api.asked) == (2, [])
    assert "--yes" in result.output


def test_undelete_has_the_job_back(api: Api, rekindle: Callable[..., Result]) -> None:
    result = rekindle("undelete", JOB)
    assert (result.exit_code, result.stdout) == (0, f"{JOB}  active\n")
    assert api.asked == [("POST", f"/api/v1/jobs/{JOB}/undelete")]
    assert json.loads(rekindle("undelete", JOB, "--json").stdout)["id"] == JOB


@pytest.mark.parametrize("words", [("delete", "--yes"), ("undelete",)], ids=lambda w: w[0])
def test_what_the_api_refuses_is_told(
    words: tuple[str, ...], api: Api, rekindle: Callable[..., Result]
) -> None:
    api.refusal = "order_undelivered"
    result = rekindle(words[0], JOB, *words[1:])
    assert result.exit_code == 1
    assert "Not now. (order_undelivered)" in result.output
