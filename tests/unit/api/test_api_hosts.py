"""By which names the API answers, and what a wrong Host header can reach: nothing."""

from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from api.app import create_app

GRAPHS = "/api/v1/graphs"


@pytest.fixture
async def named(world: Any, make_settings: Any, serve: Any) -> AsyncIterator[httpx.AsyncClient]:
    """An API that answers by some names."""
    settings = make_settings(allowed_hosts=("api.example", "*.Photos.example", "[2001:db8::1]"))
    async with serve(create_app(settings, open_ports=world.open)) as http:
        yield http


@pytest.mark.parametrize(
    "host",
    ["api.example", "API.example", "api.example:8000", "eu.photos.example", "[2001:db8::1]:443"],
)
async def test_it_answers_by_its_names_with_any_port(host: str, named: httpx.AsyncClient) -> None:
    assert (await named.get(GRAPHS, headers={"Host": host})).status_code == 200


@pytest.mark.parametrize(
    "host",
    [
        "evil.example",
        "api.example.evil.example",
        "photos.example",
        ".photos.example",
        "evilphotos.example",
        "api.example@evil.example",
        "api.example:80:80",
        "",
    ],
)
async def test_other_names_are_refused_as_every_refusal_is(
    host: str, named: httpx.AsyncClient
) -> None:
    reply = await named.get(GRAPHS, headers={"Host": host})
    assert (reply.status_code, reply.json()["code"]) == (421, "unknown_host")
    assert reply.headers["content-type"] == "application/problem+json"
    assert reply.headers["x-content-type-options"] == "nosniff"
    assert not host or host not in reply.text


async def test_two_names_are_refused(named: httpx.AsyncClient) -> None:
    both = [("Host", "api.example"), ("Host", "evil.example")]
    assert (await named.get(GRAPHS, headers=both)).status_code == 421


@pytest.mark.parametrize("path", ["/health", "/health/ready", "/api/v1/health"])
async def test_health_checks_come_by_any_address(path: str, named: httpx.AsyncClient) -> None:
    reply = await named.get(path, headers={"Host": "10.0.0.7:8000"})
    assert reply.status_code in (200, 503)


async def test_without_the_setting_any_name_will_do_and_no_answer_repeats_it(
    http: httpx.AsyncClient,
) -> None:
    forged = {"Host": "evil.example", "X-Forwarded-Host": "evil.example"}
    for path in (GRAPHS, "/nothing", "/health", f"{GRAPHS}/", "/api/v1/jobs?limit=x"):
        reply = await http.get(path, headers=forged)
        assert "evil.example" not in reply.text + str(reply.headers)
