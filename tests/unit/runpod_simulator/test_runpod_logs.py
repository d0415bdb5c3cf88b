"""Pods' logs as server-sent events. A stream ends with its pod, which is how these tests end it."""

import asyncio
import json
from typing import Any

import pytest

from tests.unit.runpod_simulator.conftest import Cloud


def events(text: str) -> list[tuple[str, dict[str, str]]]:
    """Id and data of each event."""
    found = []
    for block in text.strip().split("\n\n") if text.strip() else []:
        name, data = block.split("\n")
        found.append((name.removeprefix("id: "), json.loads(data.removeprefix("data: "))))
    return found


async def read_all(cloud: Cloud, pod_id: str, **more: Any) -> list[tuple[str, dict[str, str]]]:
    """A stream from its start to the end of the pod."""
    asked = asyncio.create_task(cloud.http.get(f"/v2/pods/{pod_id}/logs", **more))
    log = cloud.app.log_of(pod_id)
    while not log.is_watched and not asked.done():
        await asyncio.sleep(0)
    if not asked.done():
        await cloud.http.delete(f"/v2/pods/{pod_id}")
    reply = await asked
    assert reply.headers["Content-Type"].startswith("text/event-stream")
    return events(reply.text)


async def test_lines_come_with_a_moment_and_a_source(cloud: Cloud) -> None:
    pod = await cloud.create_ready()
    seen = await read_all(cloud, pod["id"])
    assert [data["line"] for _, data in seen] == [
        "create container registry.example/gpu:1",
        "pull image registry.example/gpu:1",
        "start container",
    ]
    for name, data in seen:
        assert set(data) == {"ts", "source", "line"}
        assert name.partition("/")[0] == data["ts"]
        assert data["source"] == "system"


@pytest.mark.parametrize(("tail", "count"), [("0", 0), ("1", 1), ("5000", 3)])
async def test_only_the_last_lines_are_sent(cloud: Cloud, tail: str, count: int) -> None:
    pod = await cloud.create_ready()
    assert len(await read_all(cloud, pod["id"], params={"tail": tail})) == count


async def test_a_source_can_be_chosen(cloud: Cloud) -> None:
    pod = await cloud.create_ready()
    assert await read_all(cloud, pod["id"], params={"source": "container"}) == []


@pytest.mark.parametrize("cut", [0, 1, 2])
async def test_a_stream_goes_on_after_the_last_event(cloud: Cloud, cut: int) -> None:
    pods = [await cloud.create(), await cloud.create()]
    cloud.clock.advance(60)
    whole = await read_all(cloud, pods[0]["id"])
    header = {"Last-Event-ID": whole[cut][0]}
    rest = await read_all(cloud, pods[1]["id"], headers=header)
    assert [data["line"] for _, data in rest] == [data["line"] for _, data in whole[cut + 1 :]]


async def test_a_stream_can_begin_at_a_moment(cloud: Cloud) -> None:
    pods = [await cloud.create(), await cloud.create()]
    cloud.clock.advance(60)
    whole = await read_all(cloud, pods[0]["id"])
    rest = await read_all(cloud, pods[1]["id"], params={"since": whole[1][1]["ts"], "tail": "0"})
    assert [data["line"] for _, data in rest] == [data["line"] for _, data in whole[1:]]


@pytest.mark.parametrize(
    "query", [{"tail": "5001"}, {"tail": "x"}, {"since": "now"}, {"source": "kernel"}], ids=str
)
async def test_bad_questions_about_logs_are_refused(cloud: Cloud, query: dict[str, str]) -> None:
    pod = await cloud.create_ready()
    reply = await cloud.http.get(f"/v2/pods/{pod['id']}/logs", params=query)
    assert reply.status_code == 422
    assert (await cloud.http.get("/v2/pods/nobody/logs")).status_code == 404
