"""The contract of the websocket: who hears what, and in which order."""

import json
from collections.abc import Callable
from typing import Any
from uuid import uuid4

import pytest

Graph = dict[str, Any]


@pytest.fixture
def me() -> str:
    return uuid4().hex


async def test_first_message_is_the_status_with_the_session(wire: Any, me: str) -> None:
    async with wire.listen(me) as mine:
        name, told = await mine.next()
    assert (name, told["sid"]) == ("status", me)
    assert told["status"]["exec_info"]["queue_remaining"] >= 0


async def test_feature_flags_are_answered(wire: Any, me: str) -> None:
    async with wire.listen(me) as mine:
        await mine.next()
        await mine.socket.send(json.dumps({"type": "feature_flags", "data": {}}))
        (told,) = [data for _, data in await mine.until("feature_flags")]
    assert told == (await wire.http.get("/features")).json()
    assert set(told) >= {"supports_preview_metadata", "max_upload_size"}


async def test_order_of_a_prompt_that_runs_and_of_one_that_is_cached(
    wire: Any, me: str, quick: Callable[..., Graph]
) -> None:
    graph = quick()
    async with wire.listen(me) as mine:
        prompt_id = await wire.post(graph, client_id=me)
        heard = await mine.until("executing", node=None)
        assert await wire.history(prompt_id)
        again = await wire.post(graph, client_id=me)
        cached = await mine.until("executing", node=None, prompt_id=again)
    assert [name for name, _ in heard] == [
        "execution_start",
        "execution_cached",
        *("progress_state", "executing", "progress_state"),
        *("progress_state", "executing", "executed", "progress_state"),
        "execution_success",
        "executing",
    ]
    assert {data["prompt_id"] for _, data in heard} == {prompt_id}
    assert [name for name, _ in cached] == [
        "execution_start",
        "execution_cached",
        *("executed", "progress_state"),
        "execution_success",
        "executing",
    ]


async def test_fields_of_every_message(wire: Any, me: str, quick: Callable[..., Graph]) -> None:
    async with wire.listen(me) as mine:
        prompt_id = await wire.post(quick(), client_id=me)
        heard = await mine.until("executing", node=None)
    fields = {name: set(data) for name, data in reversed(heard)}
    assert fields == {
        "execution_start": {"prompt_id", "timestamp"},
        "execution_cached": {"nodes", "prompt_id", "timestamp"},
        "progress_state": {"prompt_id", "nodes"},
        "executing": {"node", "display_node", "prompt_id"},
        "executed": {"node", "display_node", "output", "prompt_id"},
        "execution_success": {"prompt_id", "timestamp"},
    }
    states = [data["nodes"] for name, data in heard if name == "progress_state"]
    assert [list(nodes) for nodes in states] == [["1"], ["1"], ["1", "2"], ["1", "2"]]
    assert states[0]["1"] == {
        **{"value": 0.0, "max": 1.0, "state": "running", "node_id": "1"},
        **{"prompt_id": prompt_id, "display_node_id": "1"},
        **{"parent_node_id": None, "real_node_id": "1"},
    }
    assert (states[-1]["2"]["state"], states[-1]["2"]["value"]) == ("finished", 1.0)


async def test_error_and_interrupt_come_before_the_end(
    wire: Any, me: str, quick: Callable[..., Graph], slow: Callable[[], Graph]
) -> None:
    async with wire.listen(me) as mine:
        failing = await wire.post(quick("../../out"), client_id=me)
        heard = await mine.until("executing", node=None)
        assert [name for name, _ in heard][-2:] == ["execution_error", "executing"]
        entry = await wire.ended(failing)
        assert entry["status"]["messages"][-1] == list(heard[-2])
        running = await wire.post(slow(), client_id=me)
        await mine.until("executing", node="b1")
        await wire.http.post("/interrupt", json={"prompt_id": running})
        heard = await mine.until("executing", node=None)
        assert [name for name, _ in heard][-2:] == ["execution_interrupted", "executing"]


async def test_dropped_socket_does_not_stop_the_prompt_and_a_new_one_joins_it(
    wire: Any, me: str, slow: Callable[[], Graph]
) -> None:
    async with wire.listen(me) as first:
        prompt_id = await wire.post(slow(), client_id=me)
        await first.until("executing", node="b1")
    async with wire.listen(me) as second:
        assert (await second.next())[0] == "status"
        name, told = await second.next()
        assert (name, set(told)) == ("executing", {"node"})
        heard = await second.until("executing", prompt_id=prompt_id)
    assert not {"execution_start", "execution_cached"} & {name for name, _ in heard}
    assert [place for place, _ in await wire.queued(prompt_id)] == ["queue_running"]


async def test_only_the_newer_of_two_sockets_hears(
    wire: Any, me: str, quick: Callable[..., Graph]
) -> None:
    async with wire.listen(me) as older, wire.listen(me) as newer:
        await older.next()
        await newer.next()
        prompt_id = await wire.post(quick(), client_id=me)
        await newer.until("executing", node=None)
        await older.socket.close()
        left = [json.loads(m) async for m in older.socket if isinstance(m, str)]
    assert prompt_id not in json.dumps(left)
