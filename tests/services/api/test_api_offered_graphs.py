"""Graphs whose models no pod has: neither listed nor taken."""

from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any

import httpx

from api import paths
from comfy_graphs import load_pack

CLASSIC = "restore_classic"
MakePod = Callable[..., Awaitable[str]]


async def listed(http: httpx.AsyncClient) -> set[str]:
    return {each["name"] for each in (await http.get("/api/v1/graphs")).json()["graphs"]}


async def ask(http: httpx.AsyncClient, job: dict[str, Any], **wish: Any) -> httpx.Response:
    return await http.post(job["links"]["restore"], json=wish)


async def test_while_nobody_has_asked_a_pod_every_graph_is_offered(
    http: httpx.AsyncClient, pod: MakePod
) -> None:
    await pod(None)
    assert {"restore", CLASSIC, "animate"} <= await listed(http)


async def test_a_graph_whose_models_no_pod_has_is_neither_listed_nor_taken(
    http: httpx.AsyncClient, job: dict[str, Any], pod: MakePod, world: Any
) -> None:
    await pod([CLASSIC])
    found = await listed(http)
    assert "restore" not in found
    assert {CLASSIC, "animate"} <= found  # of video pods nothing is known
    for reply in (await ask(http, job), await ask(http, job, graph="restore")):
        problem = reply.json()
        assert (reply.status_code, problem["code"]) == (409, "graph_unavailable")
        assert not problem["retryable"]
        for model in load_pack("restore").manifest.models:
            assert model.file in problem["detail"]
    assert world.jobs.restored == []
    assert (await ask(http, job, graph=CLASSIC)).status_code == 202
    unknown = (await ask(http, job, graph="undress")).json()["detail"]
    assert unknown.endswith(f"there are: {CLASSIC}.")


async def test_one_pod_with_the_models_is_enough(http: httpx.AsyncClient, pod: MakePod) -> None:
    await pod([CLASSIC])
    await pod([CLASSIC, "restore"])
    await pod(None)
    assert "restore" in await listed(http)


async def test_without_an_open_pod_the_one_that_ended_last_is_believed_for_a_day(
    http: httpx.AsyncClient, serve: Any, pod: MakePod
) -> None:
    await pod([CLASSIC], ended_ago=timedelta(days=2))
    assert "restore" in await listed(http)
    await pod(["restore"], ended_ago=timedelta(hours=20))
    await pod([CLASSIC], ended_ago=timedelta(hours=2))
    async with serve() as later:
        assert "restore" not in await listed(later)
    await pod(["restore"], ended_ago=timedelta(hours=1))
    async with serve() as later:
        assert "restore" in await listed(later)


async def test_a_restoration_at_once_is_refused_before_its_photo_is_kept(
    http: httpx.AsyncClient, make_photo: Any, pod: MakePod, world: Any
) -> None:
    await pod([CLASSIC])
    reply = await http.post(paths.RESTORATION, files={"photo": ("x", make_photo())})
    assert (reply.status_code, reply.json()["code"]) == (409, "graph_unavailable")
    assert world.jobs.opened == []
    assert (await http.get("/api/v1/jobs")).json()["jobs"] == []


async def test_an_attempt_that_was_begun_is_told_even_when_its_graph_is_gone(
    http: httpx.AsyncClient, serve: Any, job: dict[str, Any], pod: MakePod
) -> None:
    begun = await ask(http, job)
    assert begun.status_code == 202
    await pod([CLASSIC])
    async with serve() as later:
        later.headers["Authorization"] = http.headers["Authorization"]
        assert (await ask(later, job)).status_code == 409
        shown = await later.get(begun.json()["links"]["self"])
        assert shown.json()["graph"] == "restore"


async def test_what_pods_can_run_is_read_once_for_many_requests(
    http: httpx.AsyncClient, pod: MakePod
) -> None:
    assert "restore" in await listed(http)
    await pod([CLASSIC])
    assert "restore" in await listed(http)  # as it was known a moment ago
