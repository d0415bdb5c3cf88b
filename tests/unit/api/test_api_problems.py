"""Every failure looks the same from outside, and tells nothing it should not."""

from typing import Any
from uuid import UUID

import httpx
import pytest

from api.problems.handlers import field_problem
from rekindle.errors import InputError, RekindleError, WebhookForged, all_errors

SECRET = "Is postgresql://app:hunter2@10.0.0.7 down."  # pragma: allowlist secret


def assert_problem(reply: httpx.Response, status: int, code: str) -> dict[str, Any]:
    """The shape of RFC 9457, with our members."""
    assert reply.status_code == status, reply.text
    assert reply.headers["content-type"] == "application/problem+json"
    problem: dict[str, Any] = reply.json()
    assert problem["type"] == "about:blank"
    assert problem["status"] == status
    assert problem["title"] == httpx.codes.get_reason_phrase(status)
    assert problem["code"] == code
    assert problem["charged"] is False
    assert isinstance(problem["retryable"], bool)
    assert problem["detail"].endswith(".")
    assert problem["instance"] == f"urn:rekindle:request:{reply.headers['x-request-id']}"
    return problem


@pytest.mark.parametrize("error", all_errors().values(), ids=all_errors())
async def test_every_error_is_a_problem_document(
    error: type[RekindleError], http: httpx.AsyncClient, world: Any
) -> None:
    world.tokens.failure = error(SECRET)
    reply = await http.get("/api/v1/graphs")
    problem = assert_problem(reply, error.status, error.code)
    assert problem["retryable"] is error.retryable
    wait = error.status in (409, 429, 503) and error.retryable
    assert ("retry-after" in reply.headers) is wait
    needs_token = error.status == 401 and error is not WebhookForged
    assert ("www-authenticate" in reply.headers) is needs_token
    if not issubclass(error, InputError):
        assert SECRET not in reply.text


async def test_an_unexpected_exception_is_a_500_that_tells_nothing_but_is_logged(
    http: httpx.AsyncClient, world: Any, log: list[Any]
) -> None:
    world.tokens.failure = RuntimeError(SECRET)
    reply = await http.get("/api/v1/graphs")
    assert_problem(reply, 500, "platform_error")
    assert SECRET not in reply.text
    assert "RuntimeError" not in reply.text
    [unexpected] = [line for line in log if line["event"] == "unexpected error"]
    assert unexpected["exc_info"]


async def test_a_request_leaves_one_line_without_its_query(
    http: httpx.AsyncClient, log: list[Any]
) -> None:
    await http.get("/api/v1/jobs", params={"cursor": "ada@example.com"})
    [line] = [line for line in log if line["event"] == "request"]
    assert (line["method"], line["route"], line["status"]) == ("GET", "/api/v1/jobs", 422)
    assert "ada@example.com" not in str(log)


async def test_an_unknown_path_is_a_problem(http: httpx.AsyncClient) -> None:
    assert_problem(await http.get("/api/v1/nothing"), 404, "not_found")


async def test_a_wrong_method_is_a_problem_that_names_the_right_one(
    http: httpx.AsyncClient,
) -> None:
    reply = await http.delete("/api/v1/graphs")
    assert_problem(reply, 405, "method_not_allowed")
    assert reply.headers["allow"] == "GET"


async def test_the_methods_that_a_path_has_are_all_told(http: httpx.AsyncClient) -> None:
    """Several routes may share it."""
    for path, methods in (
        ("/api/v1/jobs", "GET, POST"),
        (f"/api/v1/jobs/{UUID(int=1)}", "DELETE, GET"),
        ("/api/v1/graphs", "GET"),
    ):
        reply = await http.put(path)
        assert (reply.status_code, reply.headers["allow"]) == (405, methods)


async def test_a_slash_too_many_is_not_redirected(http: httpx.AsyncClient) -> None:
    assert_problem(await http.get("/api/v1/graphs/"), 404, "not_found")


@pytest.mark.parametrize(
    ("path", "field"),
    [
        ("/api/v1/jobs?limit=0", "query.limit"),
        ("/api/v1/jobs?limit=101", "query.limit"),
        ("/api/v1/jobs?limit=many", "query.limit"),
        (f"/api/v1/jobs?cursor={'x' * 129}", "query.cursor"),
        ("/api/v1/jobs/hunter2", "path.job_id"),
    ],
)
async def test_a_wrong_value_is_named_but_not_repeated(
    path: str, field: str, http: httpx.AsyncClient
) -> None:
    reply = await http.get(path)
    problem = assert_problem(reply, 422, "invalid_request")
    assert [each["field"] for each in problem["errors"]] == [field]
    assert "hunter2" not in reply.text


@pytest.mark.parametrize("word", ["", "x", "!!!!", "bm9wZQ", "MjAyNi0wMS0wMXww", "\x00"])
async def test_a_cursor_nobody_gave_is_refused(word: str, http: httpx.AsyncClient) -> None:
    reply = await http.get("/api/v1/jobs", params={"cursor": word})
    assert_problem(reply, 422, "invalid_request")


def test_only_known_messages_of_the_validator_are_passed_on() -> None:
    """A validator's message may hold a piece of what was sent."""
    error = {"type": "value_error", "loc": ("body", "email"), "msg": "ada@home is wrong"}
    assert field_problem(error).message == "This value is not valid"


def test_a_long_field_name_is_cut() -> None:
    error = {"type": "extra_forbidden", "loc": ("body", "x" * 5000), "msg": ""}
    assert len(field_problem(error).field) == 100


async def test_a_request_keeps_the_harmless_name_its_proxy_gave(http: httpx.AsyncClient) -> None:
    reply = await http.get("/health", headers={"X-Request-ID": "f00d-0123456789"})
    assert reply.headers["x-request-id"] == "f00d-0123456789"


@pytest.mark.parametrize("name", ["short", "a" * 65, "two words here", "semi;colon;semi"])
async def test_another_name_is_replaced(name: str, http: httpx.AsyncClient) -> None:
    reply = await http.get("/health", headers={"X-Request-ID": name})
    assert reply.headers["x-request-id"] != name
    assert len(reply.headers["x-request-id"]) == 36
