"""The engine's scripted faults, as a client meets them on the wire."""

import asyncio
import signal
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any
from uuid import uuid4

import httpx
import pytest

Graph = dict[str, Any]


async def plan(server: Any, *faults: dict[str, Any]) -> None:
    reply = await server.http.post("/simulator/faults", json={"faults": list(faults)})
    reply.raise_for_status()


async def failed(server: Any, graph: Graph) -> dict[str, Any]:
    """Run a graph that fails; what its error message says."""
    entry = await server.ended(await server.post(graph))
    assert entry["status"]["status_str"] == "error"
    name, told = entry["status"]["messages"][-1]
    assert name == "execution_error"
    return dict(told)


async def test_planned_node_error_looks_like_any_other(
    server: Any, two_nodes: Callable[..., Graph]
) -> None:
    await plan(server, {"kind": "node_error", "node": "SaveImage", "message": "no luck"})
    told = await failed(server, two_nodes())
    assert (told["node_id"], told["node_type"]) == ("2", "SaveImage")
    assert (told["exception_type"], told["exception_message"]) == ("RuntimeError", "no luck\n")
    assert (await server.ended(await server.post(two_nodes())))["status"]["completed"]


async def test_out_of_memory_is_told_with_comfyuis_type_and_advice(
    server: Any, two_nodes: Callable[..., Graph]
) -> None:
    await plan(server, {"kind": "out_of_memory", "node": "EmptyImage"})
    told = await failed(server, two_nodes())
    assert told["exception_type"] == "torch.OutOfMemoryError"
    assert told["exception_message"].startswith(
        "Allocation on device \nThis error means you ran out of memory on your GPU.\n\nTIPS: "
    )


async def test_stalled_node_sends_nothing_and_can_be_interrupted(
    server: Any, two_nodes: Callable[..., Graph]
) -> None:
    await plan(server, {"kind": "stall", "node": "SaveImage"})
    me = uuid4().hex
    async with server.listen(me) as mine:
        prompt_id = await server.post(two_nodes(), client_id=me)
        await mine.until("executing", node="2")
        assert await mine.received() == []
        shown = (await server.http.get("/queue")).json()
        assert [item[1] for item in shown["queue_running"]] == [prompt_id]
        await server.http.post("/interrupt", json={"prompt_id": prompt_id})
        await mine.until("execution_interrupted")


async def test_reset_requests_are_not_served(server: Any, two_nodes: Callable[..., Graph]) -> None:
    await plan(server, {"kind": "reset", "route": "POST /prompt", "count": 2})
    prompt_id = str(uuid4())
    for _ in range(2):
        with pytest.raises((httpx.ReadError, httpx.WriteError)):
            await server.http.post("/prompt", json={"prompt": two_nodes(), "prompt_id": prompt_id})
    assert await server.runs(prompt_id) == []
    await server.ended(await server.post(two_nodes(), prompt_id=prompt_id))


async def test_lost_reply_belongs_to_a_prompt_that_was_taken(
    server: Any, two_nodes: Callable[..., Graph]
) -> None:
    await plan(server, {"kind": "lost_reply", "route": "POST /prompt"})
    prompt_id = str(uuid4())
    with pytest.raises(httpx.ReadError):
        await server.http.post("/prompt", json={"prompt": two_nodes(), "prompt_id": prompt_id})
    assert (await server.ended(prompt_id))["status"]["completed"]
    assert len(await server.runs(prompt_id)) == 1


async def test_slow_route_answers_late(server: Any) -> None:
    await plan(server, {"kind": "slow", "route": "GET /history/*", "seconds": 0.2})
    begin = time.monotonic()
    assert (await server.http.get("/history/unknown")).json() == {}
    assert time.monotonic() - begin >= 0.2


async def test_truncated_output_is_still_a_success(
    server: Any, two_nodes: Callable[..., Graph]
) -> None:
    sizes = []
    for keep in (1.0, 0.5):
        await plan(server, {"kind": "truncated", "node": "SaveImage", "keep": keep})
        entry = await server.ended(await server.post(two_nodes(width=64, height=64)))
        assert entry["status"]["completed"]
        seen = await server.http.get("/view", params=entry["outputs"]["2"]["images"][0])
        assert seen.status_code == 200
        sizes.append(len(seen.content))
    assert abs(sizes[1] - sizes[0] // 2) < 20


@pytest.mark.parametrize("when", [{"node": "SaveImage"}, {"seconds": 0.05}])
async def test_death_is_that_of_a_killed_process(
    start: Callable[..., Any], two_nodes: Callable[..., Graph], when: dict[str, Any]
) -> None:
    server = start()
    await plan(
        server,
        {"kind": "stall", "node": "EmptyImage", "count": 0 if "node" in when else 1},
        {"kind": "death", **when},
    )
    with suppress(httpx.TransportError):  # dead already, on a busy machine
        await server.post(two_nodes())
    assert await asyncio.to_thread(server.process.wait, 60) == -signal.SIGKILL
    await server.http.aclose()
