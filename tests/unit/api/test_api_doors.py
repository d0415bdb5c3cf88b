"""No route without a token, except those on the list."""

import re
from typing import Any
from uuid import uuid4

import httpx
import pytest
from fastapi import APIRouter, FastAPI

from api.app import create_app
from api.identity import CurrentPrincipal
from api.open_routes import OPEN_ROUTES, doors_left_open


def all_doors(app: FastAPI) -> list[tuple[str, str]]:
    return [
        (method.upper(), re.sub(r"\{\w+\}", str(uuid4()), path))
        for path, operations in app.openapi()["paths"].items()
        for method in operations
    ]


def guarded_doors(app: FastAPI) -> list[tuple[str, str]]:
    return [door for door in all_doors(app) if door not in OPEN_ROUTES]


def test_the_open_routes_are_these_and_no_others() -> None:
    """Whoever opens a door says so here as well."""
    assert {path for _, path in OPEN_ROUTES} == {
        "/health",
        "/health/ready",
        "/api/v1/health",
        "/openapi.json",
        "/docs",
        "/docs/assets",
        "/redoc",
        "/api/v1/webhooks/stripe",
        "/checkout/{order_id}/success",
        "/checkout/{order_id}/cancel",
        "/sign-in",
        "/sign-in/callback",
        "/sign-out",
        "/account",
        "/metrics",
    }
    others = {door for door in OPEN_ROUTES if door[0] != "GET"}
    assert others == {("POST", "/api/v1/webhooks/stripe"), ("POST", "/sign-out")}


@pytest.mark.parametrize("debug", [False, True])
def test_no_other_route_is_open(debug: bool, world: Any, make_settings: Any) -> None:
    app = create_app(make_settings(debug=debug), open_ports=world.open)
    assert doors_left_open(app) == []


def test_a_route_added_without_authentication_is_found(own_app: FastAPI) -> None:
    @own_app.get("/api/v1/secrets")
    async def secrets() -> str:
        return "all of them"

    router = APIRouter(prefix="/api/v1")

    @router.post("/more")
    async def more() -> str:
        return "and more"

    own_app.include_router(router)
    own_app.mount("/files", FastAPI())
    found = doors_left_open(own_app)
    assert ("GET", "/api/v1/secrets") in found
    assert ("POST", "/api/v1/more") in found
    assert any(path == "/files" for _, path in found)


def test_an_application_with_an_open_door_is_not_made(
    world: Any, make_settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("api.open_routes.OPEN_ROUTES", frozenset())
    with pytest.raises(RuntimeError, match="/health"):
        create_app(make_settings(), open_ports=world.open)


async def test_nobody_gets_in_without_a_token(app: FastAPI, stranger: httpx.AsyncClient) -> None:
    doors = guarded_doors(app)
    assert len(doors) >= 7
    for method, path in doors:
        reply = await stranger.request(method, path)
        assert reply.status_code == 401, (method, path)
        assert reply.json()["code"] == "missing_token"
        assert reply.headers["www-authenticate"] == "Bearer"


async def test_a_stranger_learns_nothing_about_what_was_sent(
    app: FastAPI, stranger: httpx.AsyncClient
) -> None:
    """401 comes before any look at path, query or body."""
    for method, path in guarded_doors(app):
        wrong = re.sub(r"[0-9a-f-]{36}", "no-uuid", path)
        for headers in ({}, {"Content-Type": "application/json"}):
            reply = await stranger.request(method, wrong, content=b"{not json", headers=headers)
            assert reply.status_code == 401, (method, wrong)


async def test_the_body_of_a_stranger_is_not_read(app: FastAPI, serve: Any) -> None:
    """The lifespan runs because the client is served; the request goes around it."""
    async with serve(app):
        for method, path in guarded_doors(app):
            scope = {
                "type": "http",
                "method": method,
                "path": path,
                "raw_path": path.encode(),
                "query_string": b"",
                "headers": [(b"content-length", b"10"), (b"content-type", b"application/json")],
                "scheme": "http",
                "server": ("api.example", 80),
                "http_version": "1.1",
            }
            sent: list[Any] = []

            async def receive() -> Any:
                raise AssertionError("the body was read")

            async def send(message: Any, sent: list[Any] = sent) -> None:
                sent.append(message)

            await app(scope, receive, send)
            assert sent[0]["status"] == 401


@pytest.mark.parametrize(
    ("header", "code"),
    [
        ("alice", "missing_token"),
        ("Basic YWxpY2U6", "missing_token"),
        ("Bearer", "missing_token"),
        ("Bearer  ", "missing_token"),
        ("Bearer bob", "invalid_token"),
    ],
)
async def test_a_header_that_is_no_good_token_is_refused(
    header: str, code: str, stranger: httpx.AsyncClient
) -> None:
    reply = await stranger.get("/api/v1/graphs", headers={"Authorization": header})
    assert reply.status_code == 401
    assert reply.json()["code"] == code


async def test_the_scheme_is_read_whatever_its_case(stranger: httpx.AsyncClient) -> None:
    reply = await stranger.get("/api/v1/graphs", headers={"Authorization": "bEaReR alice"})
    assert reply.status_code == 200


async def test_two_authorization_headers_are_refused(stranger: httpx.AsyncClient) -> None:
    both = [("Authorization", "Bearer alice"), ("Authorization", "Bearer bob")]
    reply = await stranger.get("/api/v1/graphs", headers=both)
    assert reply.json()["code"] == "invalid_token"


async def test_a_route_that_asks_who_is_calling_but_forgot_the_guard_lets_nobody_in(
    own_app: FastAPI, serve: Any
) -> None:
    @own_app.get("/api/v1/whoami")
    async def whoami(principal: CurrentPrincipal) -> str:
        return principal.subject

    async with serve(own_app) as http:
        assert (await http.get("/api/v1/whoami")).status_code == 500
