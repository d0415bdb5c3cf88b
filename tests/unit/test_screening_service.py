"""The screening service is asked after the built-in rules, and nothing passes while it is away."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import httpx
import pytest
from structlog.testing import capture_logs

from rekindle.adapters.screening import HttpScreening
from rekindle.errors import PromptRefused, ScreeningUnavailable

ADDRESS = "http://screening.example/judge"
HARBOUR = "A harbour at dawn."
Answer = Callable[[httpx.Request], httpx.Response]


@asynccontextmanager
async def service(answer: Answer, *, token: str | None = None) -> AsyncIterator[HttpScreening]:
    screening = HttpScreening(
        ADDRESS, token=token, seconds=60, transport=httpx.MockTransport(answer)
    )
    try:
        yield screening
    finally:
        await screening.close()


async def test_it_is_told_the_words_and_by_whom() -> None:
    asked: list[httpx.Request] = []

    def allow(request: httpx.Request) -> httpx.Response:
        asked.append(request)
        return httpx.Response(200, json={"allowed": True, "score": 0.1})

    async with service(allow, token="word") as screening:
        await screening.require_allowed(HARBOUR)
    [request] = asked
    assert (request.method, str(request.url)) == ("POST", ADDRESS)
    assert request.headers["authorization"] == "Bearer word"
    assert json.loads(request.content) == {"prompt": HARBOUR}


async def test_what_it_refuses_is_refused_and_its_words_are_not_logged() -> None:
    async with service(lambda _: httpx.Response(200, json={"allowed": False})) as screening:
        with capture_logs() as log, pytest.raises(PromptRefused):
            await screening.require_allowed(HARBOUR)
    assert [line["event"] for line in log] == ["prompt_refused"]
    assert HARBOUR not in str(log)


async def test_what_the_rules_refuse_never_reaches_it() -> None:
    asked: list[httpx.Request] = []

    def allow(request: httpx.Request) -> httpx.Response:
        asked.append(request)
        return httpx.Response(200, json={"allowed": True})

    async with service(allow) as screening:
        with pytest.raises(PromptRefused, match="undresses nobody"):
            await screening.require_allowed("Undress her")
    assert asked == []


@pytest.mark.parametrize(
    "answer",
    [
        httpx.Response(500, json={"allowed": True}),
        httpx.Response(302, headers={"location": "http://elsewhere.example/"}),
        httpx.Response(204),
        httpx.Response(200, content=b""),
        httpx.Response(200, content=b"yes"),
        httpx.Response(200, json=True),
        httpx.Response(200, json={}),
        httpx.Response(200, json={"allowed": "true"}),
        httpx.Response(200, json={"allowed": 1}),
        httpx.Response(200, json={"allowed": True, "why": "x" * 70_000}),
        httpx.Response(200, content=b"[" * 60_000),
    ],
    ids=lambda answer: f"{answer.status_code}-{answer.content[:20]!r}",
)
async def test_an_answer_that_is_no_verdict_lets_nothing_pass(answer: httpx.Response) -> None:
    async with service(lambda _: answer) as screening:
        with pytest.raises(ScreeningUnavailable):
            await screening.require_allowed(HARBOUR)


async def test_a_service_that_cannot_be_reached_lets_nothing_pass() -> None:
    def refuse(request: httpx.Request) -> httpx.Response:
        raise httpx.ConnectError("no", request=request)

    async with service(refuse) as screening:
        with pytest.raises(ScreeningUnavailable):
            await screening.require_allowed(HARBOUR)


async def test_a_service_that_never_answers_is_not_waited_for() -> None:
    async def silent(_: httpx.Request) -> httpx.Response:
        await asyncio.Event().wait()
        raise AssertionError

    screening = HttpScreening(ADDRESS, seconds=0.02, transport=httpx.MockTransport(silent))
    with pytest.raises(ScreeningUnavailable):
        await screening.require_allowed(HARBOUR)
    await screening.close()
