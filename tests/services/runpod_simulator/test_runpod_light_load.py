"""Light mode behind real sockets: its websocket, and many pods at once."""

import asyncio
import json
from typing import Any

import httpx
import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

from tests.services.runpod_simulator.conftest import TOKEN, Cloud, MakeCloud, until

AS_CONTROLLER = {"Authorization": f"Bearer {TOKEN}"}
GRAPH = {
    "1": {"class_type": "LoadImage", "inputs": {"image": "a.png"}},
    "2": {"class_type": "SaveImage", "inputs": {"images": ["1", 0], "filename_prefix": "out"}},
}


@pytest.fixture
async def cloud(make_cloud: MakeCloud) -> Cloud:
    return await make_cloud(light=True, light_seconds=0.1)


def open_socket(cloud: Cloud, pod: str, **headers: str) -> Any:
    address = cloud.proxied(pod, "/ws?clientId=c1").replace("http://", "ws://")
    return connect(address, proxy=None, additional_headers=headers or AS_CONTROLLER)


async def message(socket: ClientConnection) -> tuple[str, dict[str, Any]]:
    read = json.loads(await socket.recv())
    return read["type"], read["data"]


async def post_prompt(cloud: Cloud, pod: str, prompt_id: str) -> httpx.Response:
    body = {"prompt": GRAPH, "prompt_id": prompt_id, "client_id": "c1"}
    address = cloud.proxied(pod, "/prompt")
    return await cloud.http.post(address, json=body, headers=AS_CONTROLLER)


async def test_a_socket_hears_the_whole_story_of_a_prompt(cloud: Cloud) -> None:
    pod = await cloud.create_ready("any")
    async with open_socket(cloud, pod) as socket:
        kind, data = await message(socket)
        assert (kind, data["sid"]) == ("status", "c1")
        assert data["status"]["exec_info"]["queue_remaining"] == 0
        await post_prompt(cloud, pod, "p1")
        heard = []
        async with asyncio.timeout(60):
            while True:
                kind, data = await message(socket)
                if kind != "status":
                    assert data["prompt_id"] == "p1"
                    heard.append(kind)
                if kind == "executing" and data["node"] is None:
                    break
        story = ["execution_start", "execution_cached", "executing"]
        assert heard[:3] == story
        assert heard[3:7] == ["progress"] * 4
        assert heard[7:] == ["executed", "execution_success", "executing"]


async def test_a_socket_needs_the_token(cloud: Cloud) -> None:
    pod = await cloud.create_ready("any")
    with pytest.raises(InvalidStatus) as refused:
        async with open_socket(cloud, pod, Authorization="Bearer wrong"):
            pass
    assert refused.value.response.status_code == 403


async def test_a_socket_closes_when_its_pod_dies(cloud: Cloud) -> None:
    pod = await cloud.create_ready("any")
    async with open_socket(cloud, pod) as socket:
        await message(socket)
        await cloud.plan({"kind": "dies", "when": "now", "pod": pod})
        async with asyncio.timeout(60):
            with pytest.raises(ConnectionClosed):
                await socket.recv()


async def test_two_hundred_pods_lose_nothing(cloud: Cloud) -> None:
    pods = [await cloud.create("any", name=f"rk-load-{n}") for n in range(200)]

    async def are_ready() -> bool:
        shown = (await cloud.http.get("/v2/pods")).json()["pods"]
        return len(shown) == 200 and all(pod["runtime"] for pod in shown)

    await until(are_ready)
    for pod in pods:
        replies = [await post_prompt(cloud, pod, f"{pod}-{n}") for n in range(2)]
        assert [reply.status_code for reply in replies] == [200, 200]

    async def runs() -> list[dict[str, Any]]:
        return list((await cloud.http.get("/simulator/runs")).json()["runs"])

    async def are_done() -> bool:
        return all(run["outcome"] for run in await runs())

    await until(are_done)
    done = await runs()
    assert len({run["prompt_id"] for run in done}) == len(done) == 400
    assert {run["outcome"] for run in done} == {"success"}
    for pod in pods:
        first, second = sorted(
            (run for run in done if run["pod"] == pod), key=lambda run: run["started_at"]
        )
        assert second["started_at"] >= first["ended_at"]
    for pod in pods:
        assert (await cloud.http.delete(f"/v2/pods/{pod}")).status_code == 204
    ledger = (await cloud.http.get("/simulator/ledger")).json()
    assert ledger["most_at_once"] == 200
    assert not any(pod["is_billed"] for pod in ledger["pods"])
