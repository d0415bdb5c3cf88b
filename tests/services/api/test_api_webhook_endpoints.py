"""Webhook endpoints over HTTP: made, shown, rotated and deleted by their owners alone."""

import asyncio
import base64
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest
from sqlalchemy import text
from structlog.typing import EventDict

from api import paths
from rekindle.rules.webhooks import LONGEST_URL, MOST_ENDPOINTS, secret, secret_text

ENDPOINTS = paths.WEBHOOK_ENDPOINTS
URL = "https://album.example/hook?token=canary-url"
Serve = Callable[[], AbstractAsyncContextManager[httpx.AsyncClient]]


async def made(http: httpx.AsyncClient, **wish: Any) -> dict[str, Any]:
    headers = wish.pop("headers", {})
    reply = await http.post(ENDPOINTS, json={"url": URL, **wish}, headers=headers)
    assert reply.status_code == 201, reply.text
    document: dict[str, Any] = reply.json()
    return document


async def test_the_secret_is_shown_once_and_is_what_messages_are_signed_with(
    http: httpx.AsyncClient,
) -> None:
    new = await made(http, events=["attempt.failed", "attempt.failed"])
    shown = new.pop("secret")
    assert shown == secret_text(secret("s" * 32, UUID(new["id"]), 0))
    assert len(base64.b64decode(shown.removeprefix("whsec_"))) == 32
    assert (new["url"], new["events"], new["status"]) == (URL, ["attempt.failed"], "enabled")
    assert (await http.get(new["links"]["self"])).json() == new
    assert (await http.get(ENDPOINTS)).json() == {"webhook_endpoints": [new]}


async def test_the_same_key_makes_one_endpoint_and_shows_its_secret_again(
    http: httpx.AsyncClient,
) -> None:
    headers = {"Idempotency-Key": str(uuid4())}
    first, second = await made(http, headers=headers), await made(http, headers=headers)
    assert first == second
    assert len((await http.get(ENDPOINTS)).json()["webhook_endpoints"]) == 1


async def test_a_rotation_is_another_secret_and_happens_once_for_a_key(
    http: httpx.AsyncClient,
) -> None:
    new = await made(http)
    headers = {"Idempotency-Key": str(uuid4())}
    rotated = [(await http.post(new["links"]["rotate"], headers=headers)) for _ in range(2)]
    assert [each.status_code for each in rotated] == [200, 200]
    first, second = [each.json() for each in rotated]
    assert first == second
    assert first["secret"] == secret_text(secret("s" * 32, UUID(new["id"]), 1))
    assert first["rotated_at"] is not None
    again = (await http.post(new["links"]["rotate"])).json()
    assert again["secret"] not in (new["secret"], first["secret"])


async def test_a_deleted_endpoint_is_gone(http: httpx.AsyncClient) -> None:
    new = await made(http)
    assert (await http.delete(new["links"]["self"])).status_code == 204
    assert (await http.get(ENDPOINTS)).json() == {"webhook_endpoints": []}
    for method, link in (("DELETE", "self"), ("GET", "self"), ("POST", "rotate")):
        reply = await http.request(method, new["links"][link])
        assert (reply.status_code, reply.json()["code"]) == (404, "webhook_endpoint_not_found")


async def test_a_stranger_neither_sees_nor_changes_an_endpoint(http: httpx.AsyncClient) -> None:
    new = await made(http)
    stranger = {"Authorization": f"Bearer eve-{uuid4()}"}
    unknown = ENDPOINTS + f"/{uuid4()}"
    for method, path in (("DELETE", ""), ("GET", ""), ("POST", "/rotate")):
        theirs = await http.request(method, new["links"]["self"] + path, headers=stranger)
        nobodys = await http.request(method, unknown + path, headers=stranger)
        assert (theirs.status_code, nobodys.status_code) == (404, 404)
        assert theirs.json()["code"] == nobodys.json()["code"] == "webhook_endpoint_not_found"
    mine = await http.get(ENDPOINTS, headers=stranger)
    assert mine.json() == {"webhook_endpoints": []}
    assert (await http.get(new["links"]["self"])).json()["rotated_at"] is None


async def test_nobody_has_more_endpoints_than_one_account_may_have(
    http: httpx.AsyncClient,
) -> None:
    replies = await asyncio.gather(
        *(http.post(ENDPOINTS, json={"url": URL}) for _ in range(MOST_ENDPOINTS + 3))
    )
    refused = [each.json()["code"] for each in replies if each.status_code != 201]
    assert refused == ["too_many_webhook_endpoints"] * 3
    first = (await http.get(ENDPOINTS)).json()["webhook_endpoints"][0]
    await http.delete(first["links"]["self"])
    await made(http)


@pytest.mark.parametrize(
    "url", ["http://album.example/", "https://127.0.0.1/", "https://u:p@album.example/", "hook"]
)
async def test_an_address_that_cannot_be_told_anything_is_refused(
    http: httpx.AsyncClient, url: str
) -> None:
    reply = await http.post(ENDPOINTS, json={"url": url})
    assert (reply.status_code, reply.json()["code"]) == (422, "webhook_url_refused")


@pytest.mark.parametrize(
    "wish",
    [
        {},
        {"url": ""},
        {"url": "https://a.example/" + "a" * LONGEST_URL},
        {"url": URL, "events": ["job.deleted"]},
        {"url": URL, "events": ["attempt.failed"] * 20},
        {"url": URL, "secret": "whsec_mine"},  # pragma: allowlist secret
        {"url": URL, "user_id": str(uuid4())},
        {"url": URL, "status": "enabled"},
    ],
    ids=["nothing", "empty", "long", "event", "events", "secret", "user", "status"],
)
async def test_a_wish_that_is_none_is_refused(http: httpx.AsyncClient, wish: Any) -> None:
    reply = await http.post(ENDPOINTS, json=wish)
    assert (reply.status_code, reply.json()["code"]) == (422, "invalid_request")


async def test_no_secret_and_no_address_is_logged_or_kept(
    http: httpx.AsyncClient, world: Any, log: list[EventDict]
) -> None:
    headers = {"Idempotency-Key": str(uuid4())}
    new = await made(http, headers=headers)
    rotated = (await http.post(new["links"]["rotate"], headers=headers)).json()
    shown = [new["secret"], rotated["secret"]]
    assert [each for each in (*shown, "canary") if each in str(log)] == []
    async with world.database.transaction() as session:
        for table in ("webhook_endpoints", "idempotency_keys"):
            rows = (await session.execute(text(f"select t::text from {table} t"))).scalars().all()  # noqa: S608
            assert [each for each in shown if any(each in row for row in rows)] == []
        bodies = (await session.execute(text("select body from idempotency_keys"))).scalars()
        assert not any(b"whsec_" in body for body in bodies if body)
