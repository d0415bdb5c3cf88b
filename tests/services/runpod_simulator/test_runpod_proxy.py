"""The proxy: requests, streams and websockets into pods that are processes, and its limits."""

import asyncio
from collections.abc import AsyncIterator

import httpx
import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

from tests.services.runpod_simulator.conftest import Cloud, until


def socket_address(cloud: Cloud, pod: str, path: str) -> str:
    return cloud.proxied(pod, path).replace("http://", "ws://")


async def test_a_request_arrives_as_it_was_sent(cloud: Cloud) -> None:
    pod = await cloud.create_ready()
    address = cloud.proxied(pod, "/about/a%2Fb%20c?x=1&y=%20")
    told = (await cloud.http.get(address, headers={"X-Own": "mine"})).json()
    assert (told["path"], told["query"]) == ("/about/a%2Fb%20c", "x=1&y=%20")
    assert told["headers"]["x-own"] == "mine"
    assert told["headers"]["host"] == f"{pod}-8001.proxy.runpod.net"
    assert "transfer-encoding" not in told["headers"]


@pytest.mark.parametrize("is_chunked", [False, True], ids=["sized", "chunked"])
async def test_bodies_stream_both_ways(cloud: Cloud, is_chunked: bool) -> None:
    pod = await cloud.create_ready()
    sent = bytes(range(256)) * 8192  # 2 MiB

    async def pieces() -> AsyncIterator[bytes]:
        for start in range(0, len(sent), 100_000):
            yield sent[start : start + 100_000]

    content = pieces() if is_chunked else sent
    reply = await cloud.http.post(
        cloud.proxied(pod, "/echo"), content=content, headers={"X-Status": "418"}
    )
    assert reply.status_code == 418
    assert len(reply.content) == len(sent)
    assert reply.content == sent


async def test_a_reply_is_passed_on_before_it_is_whole(cloud: Cloud) -> None:
    pod = await cloud.create_ready()
    async with cloud.http.stream("GET", cloud.proxied(pod, "/hold?part=1")) as reply:
        chunks = reply.aiter_bytes()
        assert await anext(chunks) == b"first "
        await cloud.http.post(cloud.proxied(pod, "/release"))
        assert b"".join([chunk async for chunk in chunks]) == b"last"


async def test_it_is_502_while_nobody_listens(cloud: Cloud) -> None:
    pod = await cloud.create("mute")
    await cloud.until_status(pod, "RUNNING")

    async def is_running() -> bool:
        return (await cloud.truth(pod))["pid"] is not None

    await until(is_running)
    assert (await cloud.http.get(cloud.proxied(pod, "/about/"))).status_code == 502
    with pytest.raises(InvalidStatus) as refused:
        await connect(socket_address(cloud, pod, "/talk"), proxy=None)
    assert refused.value.response.status_code == 502
    assert (await cloud.http.get(cloud.proxied("nobody", "/about/"))).status_code == 404
    with pytest.raises(InvalidStatus) as refused:
        await connect(socket_address(cloud, "nobody", "/talk"), proxy=None)
    assert refused.value.response.status_code == 404


async def test_a_request_that_takes_too_long_is_524(cloud: Cloud) -> None:
    pod = await cloud.create_ready()
    asked = asyncio.create_task(cloud.http.get(cloud.proxied(pod, "/hold")))
    async with asyncio.timeout(60):
        while not asked.done():
            await cloud.advance(101)
            await asyncio.sleep(0.05)
    assert (await asked).status_code == 524


async def test_a_stream_that_takes_too_long_is_cut(cloud: Cloud) -> None:
    pod = await cloud.create_ready()
    async with cloud.http.stream("GET", cloud.proxied(pod, "/hold?part=1")) as reply:
        chunks = reply.aiter_bytes()
        assert await anext(chunks) == b"first "
        await cloud.advance(101)
        with pytest.raises(httpx.TransportError):
            async for _ in chunks:
                pass


async def test_a_pod_that_dies_breaks_off_its_reply(cloud: Cloud) -> None:
    pod = await cloud.create_ready()
    async with cloud.http.stream("GET", cloud.proxied(pod, "/hold?part=1")) as reply:
        chunks = reply.aiter_bytes()
        assert await anext(chunks) == b"first "
        await cloud.plan({"kind": "dies", "when": "now", "pod": pod})
        with pytest.raises(httpx.TransportError):
            async for _ in chunks:
                pass


async def test_websockets_are_carried_both_ways(cloud: Cloud) -> None:
    pod = await cloud.create_ready()
    address = socket_address(cloud, pod, "/talk?clientId=a%20b")
    async with connect(address, proxy=None, subprotocols=["rekindle"]) as socket:  # type: ignore[list-item]
        assert socket.subprotocol == "rekindle"
        assert await socket.recv() == "clientId=a%20b"
        for message in ("text", b"\x00\x01bytes", "x" * 200_000):
            await socket.send(message)
            assert await socket.recv() == message
        await socket.send("bye")
        with pytest.raises(ConnectionClosed):
            await socket.recv()
        assert socket.close_code == 4001


async def test_a_websocket_ends_with_its_pod_or_at_the_limit(cloud: Cloud) -> None:
    pod = await cloud.create_ready()
    for end in (cloud.advance(101), cloud.http.delete(f"/v2/pods/{pod}")):
        async with connect(socket_address(cloud, pod, "/talk"), proxy=None) as socket:
            await socket.recv()
            await end
            async with asyncio.timeout(60):
                with pytest.raises(ConnectionClosed):
                    await socket.recv()


async def test_a_lost_reply_is_a_broken_connection(cloud: Cloud) -> None:
    await cloud.plan({"kind": "lost_reply", "route": "POST /v2/pods"})
    with pytest.raises(httpx.TransportError):
        await cloud.create("mute")
    pods = (await cloud.http.get("/v2/pods")).json()["pods"]
    assert [pod["name"] for pod in pods] == ["rk-test-image-0-1"]


async def test_faults_reach_into_the_proxy(cloud: Cloud) -> None:
    pod = await cloud.create_ready()
    await cloud.plan({"kind": "reset", "route": "GET /proxy/*/about/*"})
    with pytest.raises(httpx.TransportError):
        await cloud.about(pod)
    assert (await cloud.about(pod))["pids"]


async def test_a_client_that_goes_away_is_noticed_in_the_pod(cloud: Cloud) -> None:
    pod = await cloud.create_ready()
    async with cloud.http.stream("GET", cloud.proxied(pod, "/hold?part=1")) as reply:
        assert await anext(reply.aiter_bytes()) == b"first "

    async def is_noticed() -> bool:
        return bool((await cloud.about(pod))["has_walked_away"])

    await until(is_noticed)
