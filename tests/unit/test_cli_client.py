"""The client of the API, against answers written down here."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest

from deploy.cli import client as client_module
from deploy.cli.client import ApiClient, Attempt
from deploy.cli.connection import Connection
from deploy.cli.failures import AttemptFailed, FileUnusable, Refused, Unreachable

Handler = Callable[[httpx.Request], httpx.Response]


def api(handler: Handler) -> ApiClient:
    connection = Connection("http://api.test", "secret-token")
    return ApiClient(connection, transport=httpx.MockTransport(handler))


def document(status: str = "queued", **further: Any) -> dict[str, Any]:
    links = {"self": "/api/v1/jobs/j/restores/a"}
    fixed = {"id": "a", "job_id": "j", "stage": None, "progress": 0.0, "links": links}
    return {**fixed, "status": status, **further}


def problem(status: int, code: str, **further: Any) -> httpx.Response:
    body = {"code": code, "detail": "A sentence.", "status": status, **further}
    return httpx.Response(status, json=body)


@pytest.fixture(autouse=True)
def _no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client_module, "POLL_SECONDS", 0)


def test_every_call_carries_the_token() -> None:
    def answer(request: httpx.Request) -> httpx.Response:
        return httpx.Response(200, json={"who": request.headers["Authorization"]})

    assert api(answer).job("j") == {"who": "Bearer secret-token"}


def test_an_upload_sends_the_bytes_and_tells_how_many(tmp_path: Path) -> None:
    photo = tmp_path / "p.jpg"
    photo.write_bytes(b"\xff\xd8" + b"x" * 200_000)
    seen: list[tuple[int, int]] = []

    def answer(request: httpx.Request) -> httpx.Response:
        assert photo.read_bytes() in request.read()
        assert b"you@example.com" in request.content
        return httpx.Response(201, json={"id": "j"})

    job = api(answer).upload(photo, "you@example.com", sent=lambda *done: seen.append(done))
    assert job == {"id": "j"}
    assert seen[-1] == (200_002, 200_002)
    assert [done for done, _ in seen] == sorted(done for done, _ in seen)


def test_a_photo_that_is_not_there_is_told_apart(tmp_path: Path) -> None:
    with pytest.raises(FileUnusable, match="cannot be read"):
        api(lambda _: httpx.Response(500)).upload(tmp_path / "none.jpg", "you@example.com")


def test_what_was_not_wished_for_is_left_to_the_api() -> None:
    def answer(request: httpx.Request) -> httpx.Response:
        assert json.loads(request.content) == {"denoise": 0.0, "colorize": False}
        return httpx.Response(202, json=document())

    api(answer).restore("j", {"denoise": 0.0, "colorize": False, "seed": None, "graph": None})


def test_a_problem_becomes_a_refusal_with_its_fields() -> None:
    fields = [{"field": "body.email", "message": "not an address"}]
    refuse = api(lambda _: problem(422, "invalid_request", errors=fields))
    with pytest.raises(Refused, match=r"body\.email: not an address") as refused:
        refuse.job("j")
    assert (refused.value.code, refused.value.status) == ("invalid_request", 422)


@pytest.mark.parametrize(
    "reply",
    [
        httpx.Response(502, text="<html>Bad gateway</html>"),
        httpx.Response(404, json=["not", "a", "problem"]),
        httpx.Response(200, text="<html>a router's page</html>"),
    ],
)
def test_an_answer_of_something_else_counts_as_no_answer(reply: httpx.Response) -> None:
    with pytest.raises(Unreachable):
        api(lambda _: reply).job("j")


def test_following_ends_with_the_attempt() -> None:
    story = [
        document("running", stage="staging", progress=0.1),
        document("running", stage="rendering", progress=0.6),
        document("succeeded", progress=1.0),
    ]
    seen: list[float] = []
    attempt = api(lambda _: httpx.Response(200, json=story.pop(0))).follow(
        Attempt.of(document()), seen=lambda attempt: seen.append(attempt.progress)
    )
    attempt.require_success()
    assert seen == [0.1, 0.6, 1.0]


def test_following_survives_a_restart_of_the_api() -> None:
    def refused_connection() -> httpx.Response:
        raise httpx.ConnectError("refused")

    story: list[Callable[[], httpx.Response]] = [
        refused_connection,
        lambda: problem(503, "database_unavailable", retryable=True),
        lambda: httpx.Response(200, json=document("succeeded", progress=1.0)),
    ]
    attempt = api(lambda _: story.pop(0)()).follow(Attempt.of(document()), seen=lambda _: None)
    assert attempt.status == "succeeded"


def test_following_does_not_wait_for_what_never_comes() -> None:
    gone = api(lambda _: problem(404, "job_not_found", retryable=False))
    with pytest.raises(Refused):
        gone.follow(Attempt.of(document()), seen=lambda _: None)


def test_following_gives_up_after_a_while(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client_module, "PATIENCE_SECONDS", 0)
    away = api(lambda _: problem(503, "database_unavailable", retryable=True))
    with pytest.raises(Refused):
        away.follow(Attempt.of(document()), seen=lambda _: None)


def test_a_failed_attempt_says_why() -> None:
    failed = document("failed", error={"code": "model_missing", "message": "No model."})
    with pytest.raises(AttemptFailed, match="No model") as why:
        Attempt.of(failed).require_success()
    assert why.value.code == "model_missing"


def test_a_canceled_attempt_is_no_success() -> None:
    with pytest.raises(AttemptFailed) as why:
        Attempt.of(document("canceled")).require_success()
    assert why.value.code == "canceled"
