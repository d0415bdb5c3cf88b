"""Headers of every answer: what browsers may do with it, and which pages may ask."""

from typing import Any

import httpx
import pytest

from api.app import create_app

ORIGIN = "https://photos.example"
PREFLIGHT = {
    "Origin": ORIGIN,
    "Access-Control-Request-Method": "POST",
    "Access-Control-Request-Headers": "authorization,content-type",
}
ANSWERS = [
    ("GET", "/health", 200),
    ("GET", "/api/v1/graphs", 200),
    ("GET", "/nothing", 404),
    ("POST", "/health", 405),
    ("GET", "/api/v1/jobs?limit=x", 422),
    ("GET", "/api/v1/jobs", 503),
]


@pytest.mark.parametrize(("method", "path", "status"), ANSWERS)
async def test_every_answer_tells_browsers_to_do_nothing_with_it(
    method: str, path: str, status: int, http: httpx.AsyncClient
) -> None:
    reply = await http.request(method, path)
    assert reply.status_code == status
    assert reply.headers["x-content-type-options"] == "nosniff"
    assert reply.headers["referrer-policy"] == "no-referrer"
    assert reply.headers["x-frame-options"] == "DENY"
    assert reply.headers["cache-control"] == "no-store"
    assert reply.headers["content-security-policy"].startswith("default-src 'none'")
    assert "strict-transport-security" not in reply.headers
    assert "server" not in reply.headers
    assert reply.headers["x-request-id"]


async def test_an_unexpected_error_has_them_too(http: httpx.AsyncClient, world: Any) -> None:
    world.tokens.failure = RuntimeError()
    reply = await http.get("/api/v1/graphs")
    assert reply.status_code == 500
    assert reply.headers["x-content-type-options"] == "nosniff"


async def test_over_https_browsers_are_told_to_stay_there(app: Any, serve: Any) -> None:
    async with serve(app):
        transport = httpx.ASGITransport(app)
        async with httpx.AsyncClient(transport=transport, base_url="https://api.example") as http:
            reply = await http.get("/nothing")
    assert reply.headers["strict-transport-security"].startswith("max-age=63072000")


async def test_without_a_setting_no_page_may_ask(http: httpx.AsyncClient) -> None:
    reply = await http.options("/api/v1/jobs/upload", headers=PREFLIGHT)
    assert "access-control-allow-origin" not in reply.headers


@pytest.fixture
async def shared(world: Any, make_settings: Any, serve: Any) -> Any:
    app = create_app(make_settings(cors_origins=(ORIGIN,)), open_ports=world.open)
    async with serve(app) as http:
        yield http


async def test_a_page_that_is_allowed_may_ask_and_read(shared: httpx.AsyncClient) -> None:
    preflight = await shared.options("/api/v1/jobs/upload", headers=PREFLIGHT)
    assert preflight.status_code == 200
    assert preflight.headers["access-control-allow-origin"] == ORIGIN
    assert "access-control-allow-credentials" not in preflight.headers
    reply = await shared.get("/api/v1/graphs", headers={"Origin": ORIGIN})
    assert reply.headers["access-control-allow-origin"] == ORIGIN
    assert "ETag" in reply.headers["access-control-expose-headers"]


async def test_a_refusal_can_be_read_by_the_page_as_well(shared: httpx.AsyncClient) -> None:
    reply = await shared.get("/nothing", headers={"Origin": ORIGIN})
    assert reply.headers["access-control-allow-origin"] == ORIGIN


async def test_another_page_may_not(shared: httpx.AsyncClient) -> None:
    origin = {"Origin": "https://evil.example"}
    preflight = await shared.options("/api/v1/jobs/upload", headers={**PREFLIGHT, **origin})
    assert preflight.status_code == 400
    reply = await shared.get("/api/v1/graphs", headers=origin)
    assert "access-control-allow-origin" not in reply.headers
