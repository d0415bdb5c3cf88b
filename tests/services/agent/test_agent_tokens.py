"""Whoever does not hold the token learns nothing, whatever they ask for."""

import asyncio
from typing import Any
from uuid import uuid4

import httpx
import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus

from worker.agent.allowed import ALLOWED

METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")
OTHER_PATHS = (
    *("/", "/generate", "/ws", "/history", "/prompt/", "/health/", "//health", "/internal/logs"),
    *("/users", "/userdata", "/settings", "/features", "/extensions", "/simulator/ledger"),
    *("/docs", "/openapi.json", "/a/custom/node/route", "/queue/%2e%2e/health", "/%2e%2e/queue"),
)


def known_paths() -> list[str]:
    return sorted(
        {entry.path.format(prompt_id="x", node_class="y", folder="z") for entry in ALLOWED}
    )


def every_path() -> list[str]:
    known = known_paths()
    return [*known, *(f"/api{path}" for path in known), "/api/ws", "/api/health", *OTHER_PATHS]


def strangers(token: str) -> dict[str, list[tuple[str, str]]]:
    return {
        "none": [],
        "another": [("Authorization", f"Bearer {token[:-1]}X")],
        "shortened": [("Authorization", f"Bearer {token[:-1]}")],
        "longer": [("Authorization", f"Bearer {token}0")],
        "empty": [("Authorization", "Bearer")],
        "without scheme": [("Authorization", token)],
        "basic": [("Authorization", f"Basic {token}")],
        "two": [("Authorization", f"Bearer {token}"), ("Authorization", "Bearer x")],
        "cookie": [("Cookie", f"token={token}")],
        "other bytes": [("Authorization", "Bearer \u00e9\u00e9")],
    }


@pytest.mark.parametrize("who", sorted(strangers("")))
async def test_everything_but_health_is_a_401_without_the_token(pod: Any, who: str) -> None:
    headers = [(k.encode(), v.encode("latin-1")) for k, v in strangers(pod.token)[who]]
    answers = {}
    async with httpx.AsyncClient(base_url=pod.url, timeout=60) as http:
        for path in every_path():
            for method in METHODS:
                reply = await http.request(method, path, headers=headers)
                answers[method, path] = reply.status_code
        for method in METHODS[1:]:
            answers[method, "/health"] = (
                await http.request(method, "/health", headers=headers)
            ).status_code
    assert {door: status for door, status in answers.items() if status != 401} == {}


async def test_a_token_in_the_query_is_none(pod: Any) -> None:
    async with pod.http(token=None) as http:
        assert (await http.get("/queue", params={"token": pod.token})).status_code == 401


async def test_what_is_not_in_the_table_does_not_exist_for_the_holder(http: Any) -> None:
    asked = {(m, p) for p in every_path() for m in METHODS}
    allowed = {
        (e.method, e.path.format(prompt_id="x", node_class="y", folder="z")) for e in ALLOWED
    }
    found = {}
    for method, path in sorted(asked - allowed - {("POST", "/generate")}):
        found[method, path] = (await http.request(method, path)).status_code
    assert {door: status for door, status in found.items() if status != 404} == {}


async def test_health_is_open_and_tells_four_things(pod: Any) -> None:
    async with pod.http(token=None) as http:
        reply = await http.get("/health")
    assert reply.status_code == 200
    assert reply.json() == {
        "status": "healthy",
        "comfyui_available": True,
        "service": "rekindle-agent",
        "version": reply.json()["version"],
        "host": "",
    }


@pytest.mark.parametrize("path", ["/ws", "/api/ws", "/", "/health", "/else"])
@pytest.mark.parametrize("headers", [{}, {"Authorization": "Bearer wrong"}], ids=["none", "wrong"])
async def test_no_websocket_opens_without_the_token(
    pod: Any, path: str, headers: dict[str, str]
) -> None:
    address = pod.url.replace("http", "ws") + path + "?clientId=x"
    with pytest.raises(InvalidStatus) as refused:
        await connect(address, additional_headers=headers, proxy=None)
    assert refused.value.response.status_code == 401


@pytest.mark.parametrize(
    ("path", "status"), [("/api/ws?clientId=x", 404), ("/?clientId=x", 404), ("/ws", 422)]
)
async def test_the_holder_opens_one_kind_of_websocket(pod: Any, path: str, status: int) -> None:
    address = pod.url.replace("http", "ws") + path
    headers = {"Authorization": f"Bearer {pod.token}"}
    with pytest.raises(InvalidStatus) as refused:
        await connect(address, additional_headers=headers, proxy=None)
    assert refused.value.response.status_code == status


async def test_the_token_is_in_no_log(pod: Any) -> None:
    async with pod.http() as http, pod.http(token=pod.token + "x") as stranger:
        await http.get("/queue")
        await stranger.get("/queue")
        await http.post("/prompt", json={"prompt": {}, "prompt_id": str(uuid4())})
    log = (pod.folder / "agent.log").read_text()
    assert "token_refused" in log
    assert pod.token not in log


async def test_the_engine_listens_on_loopback_alone(pod: Any) -> None:
    """As ComfyUI does on a pod, so that the agent's port is the only one."""
    port = int(pod.engine_url.rpartition(":")[2])
    assert await asyncio.to_thread(_listeners, port) == {"0100007F"}


def _listeners(port: int) -> set[str]:
    """Addresses on which something listens there, as /proc/net has them."""
    found = set()
    for table in ("/proc/net/tcp", "/proc/net/tcp6"):
        with open(table) as lines:
            for line in list(lines)[1:]:
                address, _, number = line.split()[1].rpartition(":")
                if int(number, 16) == port and line.split()[3] == "0A":
                    found.add(address)
    return found
