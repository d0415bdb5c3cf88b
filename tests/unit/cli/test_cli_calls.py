"""Commands of the client are sent again under one key, until they are answered or it is enough."""

from collections.abc import Callable
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx
import pytest

from deploy.cli.calls import LONGEST_PAUSE_SECONDS, MOST_TRIES
from deploy.cli.client import ApiClient, Attempt
from deploy.cli.connection import Connection
from deploy.cli.failures import Refused, Unreachable

Step = Callable[[], httpx.Response]


def lost() -> httpx.Response:
    raise httpx.RemoteProtocolError("the server left without an answer")


def refused_connection() -> httpx.Response:
    raise httpx.ConnectError("refused")


def problem(status: int, code: str, **headers: str) -> Step:
    body = {"code": code, "detail": "A sentence.", "retryable": True}
    return lambda: httpx.Response(status, json=body, headers=headers)


def away(seconds: str = "5") -> Step:
    return problem(503, "database_unavailable", **{"Retry-After": seconds})


def attempt() -> httpx.Response:
    links = {"self": "/api/v1/jobs/j/restores/a"}
    document = {"id": "a", "job_id": "j", "status": "queued", "links": links}
    return httpx.Response(202, json=document)


class Api:
    """Answers with one step after the other, and notes what it was sent."""

    def __init__(self, *story: Step) -> None:
        self.story = list(story)
        self.heard: list[httpx.Request] = []
        self.bodies: list[bytes] = []
        self.pauses: list[float] = []
        self.client = ApiClient(
            Connection("http://api.test", "secret-token"),
            transport=httpx.MockTransport(self._answer),
            pause=self.pauses.append,
        )

    def _answer(self, request: httpx.Request) -> httpx.Response:
        self.heard.append(request)
        self.bodies.append(request.read())
        return self.story.pop(0)()

    @property
    def keys(self) -> list[str]:
        return [request.headers["Idempotency-Key"] for request in self.heard]


def test_every_command_has_a_key_of_its_own(tmp_path: Path) -> None:
    photo = tmp_path / "p.jpg"
    photo.write_bytes(b"x")
    api = Api(lambda: httpx.Response(201, json={"id": "j"}), attempt, attempt)
    api.client.upload(photo, "you@example.com")
    api.client.cancel(api.client.restore("j", {}))
    assert len({UUID(key) for key in api.keys}) == 3


@pytest.mark.parametrize(
    "step",
    [
        pytest.param(lost, id="lost reply"),
        pytest.param(away(), id="a part is away"),
        pytest.param(problem(409, "request_in_progress", **{"Retry-After": "5"}), id="a twin"),
        pytest.param(problem(429, "too_many_requests", **{"Retry-After": "5"}), id="too fast"),
        pytest.param(lambda: httpx.Response(502, text="<html>"), id="gateway"),
    ],
)
def test_a_command_without_an_answer_is_sent_again_under_its_key(step: Step) -> None:
    api = Api(step, step, attempt)
    assert api.client.restore("j", {"seed": 7}).id == "a"
    assert len(api.heard) == 3
    assert len(set(api.keys)) == 1
    assert set(api.bodies) == {b'{"seed":7}'}


def test_a_cancel_whose_answer_was_lost_is_sent_again() -> None:
    api = Api(lost, attempt)
    api.client.cancel(Attempt.of(attempt().json()))
    assert [request.url.path for request in api.heard] == ["/api/v1/jobs/j/restores/a/cancel"] * 2
    assert len(set(api.keys)) == 1


def test_a_photo_is_sent_whole_again(tmp_path: Path) -> None:
    photo = tmp_path / "p.jpg"
    photo.write_bytes(b"\xff\xd8" + b"x" * 200_000)
    api = Api(lost, away(), lambda: httpx.Response(201, json={"id": "j"}))
    assert api.client.upload(photo, "you@example.com") == {"id": "j"}
    assert len(set(api.keys)) == 1
    assert [body.count(photo.read_bytes()) for body in api.bodies] == [1, 1, 1]


def test_the_api_says_how_long_to_wait() -> None:
    api = Api(away("7"), away("Fri, 31 Dec 1999 23:59:59 GMT"), away("0"), attempt)
    api.client.restore("j", {})
    assert (api.pauses[0], api.pauses[2]) == (7, 0)
    assert 0 < api.pauses[1] <= LONGEST_PAUSE_SECONDS


def test_a_restart_of_the_api_behind_a_lost_answer_is_waited_for() -> None:
    api = Api(lost, refused_connection, attempt)
    assert api.client.restore("j", {}).id == "a"
    assert api.pauses == sorted(api.pauses)


def test_nobody_there_is_told_at_once() -> None:
    api = Api(refused_connection)
    with pytest.raises(Unreachable):
        api.client.restore("j", {})
    assert api.pauses == []


@pytest.mark.parametrize(
    ("step", "failure"), [(lost, Unreachable), (away(), Refused)], ids=["lost", "away"]
)
def test_it_is_enough_after_some_tries(step: Step, failure: type[Exception]) -> None:
    api = Api(*[step] * (MOST_TRIES + 1))
    with pytest.raises(failure):
        api.client.restore("j", {})
    assert len(api.heard) == MOST_TRIES
    assert len(api.pauses) == MOST_TRIES - 1


@pytest.mark.parametrize(
    "step",
    [
        pytest.param(problem(422, "invalid_request"), id="invalid"),
        pytest.param(problem(401, "expired_token"), id="expired"),
        pytest.param(problem(409, "attempt_not_selectable"), id="conflict"),
        pytest.param(problem(500, "platform_error"), id="bug"),
        pytest.param(problem(503, "no_capacity"), id="no time given"),
        pytest.param(away("3600"), id="too long"),
    ],
)
def test_an_answer_is_an_answer(step: Step) -> None:
    api = Api(step)
    with pytest.raises(Refused):
        api.client.restore("j", {})
    assert api.pauses == []


def test_questions_are_asked_once_and_without_a_key() -> None:
    api = Api(away())
    with pytest.raises(Refused):
        api.client.job("j")
    assert "Idempotency-Key" not in api.heard[0].headers


def test_nothing_of_the_token_is_in_a_failure() -> None:
    api = Api(*[lost] * MOST_TRIES)
    with pytest.raises(Unreachable) as failure:
        api.client.restore("j", {})
    shown: Any = (str(failure.value), repr(failure.value), str(failure.value.__cause__))
    assert "secret-token" not in str(shown)
