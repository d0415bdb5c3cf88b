"""The security headers of every answer: each route, and each kind of refusal (SEC-H1)."""

import re
from collections.abc import AsyncIterator
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest
from fastapi import FastAPI

from api import paths
from api.app import create_app

ORIGIN = "https://photos.example"
EVIL = "https://evil.example"
ORDER = UUID(int=7)

SECURE = {
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "x-frame-options": "DENY",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
}


def doors(app: FastAPI) -> list[tuple[str, str]]:
    return [
        (method.upper(), re.sub(r"\{\w+\}", str(uuid4()), path))
        for path, operations in app.openapi()["paths"].items()
        for method in operations
    ]


def assert_secure(reply: httpx.Response) -> None:
    where = (reply.request.method, reply.request.url.path, reply.status_code)
    for name, value in SECURE.items():
        assert reply.headers.get(name) == value, (where, name)
    policy = reply.headers["content-security-policy"]
    assert policy.startswith("default-src 'none'"), where
    assert "frame-ancestors 'none'" in policy, where
    assert reply.headers["cache-control"].startswith("no-"), where
    assert "server" not in reply.headers, where
    assert "x-powered-by" not in reply.headers, where


async def test_answers_of_every_route_have_them(app: FastAPI, http: httpx.AsyncClient) -> None:
    """Most of them fail here, for want of a database: those answers count as well."""
    found = doors(app)
    assert len(found) > 20
    for method, path in found:
        assert_secure(await http.request(method, path, json={}))


async def test_refusals_of_every_route_have_them(app: FastAPI, stranger: httpx.AsyncClient) -> None:
    for method, path in doors(app):
        assert_secure(await stranger.request(method, path))


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/nothing", 404),
        ("PATCH", paths.GRAPHS, 405),
        ("GET", f"{paths.JOBS}?limit=x", 422),
        ("GET", paths.CHECKOUT_SUCCESS.format(order_id=ORDER), 200),
        ("GET", paths.CHECKOUT_CANCEL.format(order_id=ORDER), 200),
        ("OPTIONS", paths.GRAPHS, 405),
        ("GET", paths.SIGN_IN, 503),
        ("GET", paths.SIGN_IN_CALLBACK, 503),
        ("GET", paths.ACCOUNT, 503),
        ("POST", paths.SIGN_OUT, 403),
    ],
)
async def test_pages_and_what_is_not_there_have_them(
    method: str, path: str, status: int, http: httpx.AsyncClient
) -> None:
    for accepted in ("*/*", "text/html"):
        reply = await http.request(method, path, headers={"Accept": accepted})
        assert reply.status_code == status
        assert_secure(reply)


async def test_who_asks_too_often_gets_them_and_a_page_may_read_when_to_come_back(
    world: Any, make_settings: Any, serve: Any
) -> None:
    settings = make_settings(rate_limit_reads="1/hour", cors_origins=(ORIGIN,))
    async with serve(create_app(settings, open_ports=world.open)) as http:
        await http.get(paths.GRAPHS)
        reply = await http.get(paths.GRAPHS, headers={"Origin": ORIGIN})
    assert reply.status_code == 429
    assert_secure(reply)
    assert reply.headers["access-control-allow-origin"] == ORIGIN
    readable = reply.headers["access-control-expose-headers"].lower()
    for name in ("retry-after", "ratelimit", "ratelimit-policy"):
        assert name in reply.headers
        assert name in [each.strip() for each in readable.split(",")]


@pytest.mark.parametrize("path", [paths.DOCS, paths.REDOC, paths.OPENAPI])
async def test_interactive_docs_have_them_and_are_off_by_default(
    path: str, http: httpx.AsyncClient, world: Any, make_settings: Any, serve: Any
) -> None:
    assert (await http.get(path)).status_code == 404
    async with serve(create_app(make_settings(debug=True), open_ports=world.open)) as debug:
        reply = await debug.get(path)
    assert reply.status_code == 200
    assert_secure(reply)


async def test_behind_a_proxy_that_speaks_https_browsers_are_told_to_stay_there(
    world: Any, make_settings: Any, serve: Any
) -> None:
    settings = make_settings(public_url="https://api.example")
    async with serve(create_app(settings, open_ports=world.open)) as http:
        reply = await http.get("/nothing")
    assert reply.headers["strict-transport-security"].startswith("max-age=63072000")


# -- Other origins -------------------------------------------------------------------------------


@pytest.fixture
async def shared(world: Any, make_settings: Any, serve: Any) -> AsyncIterator[httpx.AsyncClient]:
    app = create_app(make_settings(cors_origins=(ORIGIN,)), open_ports=world.open)
    async with serve(app) as http:
        yield http


async def test_a_page_that_is_allowed_may_use_every_method_of_every_route(
    app: FastAPI, shared: httpx.AsyncClient
) -> None:
    for method, path in doors(app):
        asked = {"Origin": ORIGIN, "Access-Control-Request-Method": method}
        reply = await shared.options(path, headers=asked)
        assert reply.status_code == 200, (method, path)
        assert reply.headers["access-control-allow-origin"] == ORIGIN
        assert_secure(reply)


async def test_another_page_may_use_none_whatever_it_sends_along(
    app: FastAPI, shared: httpx.AsyncClient
) -> None:
    for method, path in doors(app):
        asked = {"Origin": EVIL, "Access-Control-Request-Method": method}
        reply = await shared.options(path, headers=asked)
        assert reply.status_code == 400, (method, path)
        assert "access-control-allow-origin" not in reply.headers
        reply = await shared.request(method, path, headers={"Origin": EVIL, "Cookie": "a=b"})
        assert "access-control-allow-origin" not in reply.headers
        assert "access-control-allow-credentials" not in reply.headers


@pytest.mark.parametrize("origin", ["null", f"{ORIGIN}.evil.example", "http://photos.example"])
async def test_an_origin_that_only_looks_alike_is_another(
    origin: str, shared: httpx.AsyncClient
) -> None:
    reply = await shared.get(paths.GRAPHS, headers={"Origin": origin})
    assert "access-control-allow-origin" not in reply.headers
