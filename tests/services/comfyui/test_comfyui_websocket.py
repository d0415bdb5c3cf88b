"""ComfyUI's websocket: who hears what, in which order, and what is never repeated."""

import json
from collections.abc import Callable
from typing import Any
from uuid import uuid4

import pytest

Graph = dict[str, Any]
TEXT_FRAME = 3


@pytest.fixture
def me() -> str:
    return uuid4().hex


def names(messages: list[tuple[Any, Any]]) -> list[Any]:
    """Names of messages, without those about the queue's length."""
    return [name for name, _ in messages if name != "status"]


async def test_first_message_is_the_status_with_the_session(server: Any, me: str) -> None:
    async with server.listen(me) as mine, server.listen() as unnamed:
        expected = {"status": {"exec_info": {"queue_remaining": 0}}, "sid": me}
        assert await mine.next() == ("status", expected)
        _, told = await unnamed.next()
        assert len(told["sid"]) == 32


async def test_feature_flags_are_answered_in_the_first_message_only(server: Any, me: str) -> None:
    flags = json.dumps({"type": "feature_flags", "data": {"any": True}})
    async with server.listen(me) as mine:
        await mine.next()
        await mine.socket.send(flags)
        assert await mine.next() == (
            "feature_flags",
            {"supports_preview_metadata": True, "max_upload_size": 1048576},
        )
        await mine.socket.send(flags)
        await mine.socket.send("no json")
        await server.settle()
        assert names(await mine.received()) == [TEXT_FRAME]


async def test_client_of_a_prompt_hears_it_from_start_to_end(
    server: Any, me: str, two_nodes: Callable[..., Graph]
) -> None:
    async with server.listen(me) as mine, server.listen("other") as other:
        prompt_id = await server.post(two_nodes(), client_id=me)
        heard = await mine.until("executing", node=None)
        assert names(heard) == [
            "execution_start",
            "execution_cached",
            *("progress_state", "executing", "progress_state"),
            *("progress_state", "executing", "executed", "progress_state"),
            "execution_success",
            "executing",
        ]
        assert all(data.get("prompt_id") == prompt_id for name, data in heard if name != "status")
        assert await server.history(prompt_id)
        await server.settle()
        assert names(await other.received()) == [TEXT_FRAME]


async def test_prompt_without_client_is_heard_in_part_by_everyone(
    server: Any, two_nodes: Callable[..., Graph]
) -> None:
    async with server.listen("one") as one, server.listen("two") as two:
        await server.ended(await server.post(two_nodes()))
        await server.settle()
        for listener in (one, two):
            heard = names(await listener.received())
            assert heard == ["progress_state"] * 4 + [TEXT_FRAME]


async def test_reconnecting_client_learns_the_node_and_nothing_it_missed(
    server: Any, me: str, two_nodes: Callable[..., Graph]
) -> None:
    await server.hold("SaveImage")
    async with server.listen(me) as first:
        prompt_id = await server.post(two_nodes(), client_id=me)
        await first.until("progress")
    async with server.listen(me) as second:
        assert (await second.next())[0] == "status"
        assert await second.next() == ("executing", {"node": "2"})
        await server.hold()
        heard = names(await second.until("executing", node=None))
    assert not {"execution_start", "execution_cached"} & set(heard)
    assert heard[-2:] == ["execution_success", "executing"]
    assert (await server.ended(prompt_id))["status"]["status_str"] == "success"


async def test_closed_socket_does_not_stop_the_prompt(
    server: Any, me: str, two_nodes: Callable[..., Graph]
) -> None:
    await server.hold("SaveImage")
    async with server.listen(me) as mine:
        prompt_id = await server.post(two_nodes(), client_id=me)
        await mine.until("progress")
    await server.hold()
    assert (await server.ended(prompt_id))["status"]["status_str"] == "success"


async def test_newer_socket_takes_the_client_over_and_falls_silent_with_the_older(
    server: Any, me: str, two_nodes: Callable[..., Graph]
) -> None:
    async with server.listen(me) as older:
        await older.next()
        async with server.listen(me) as newer:
            await newer.next()
            await server.post(two_nodes(), client_id=me)
            await newer.until("executing", node=None)
            assert await older.received() == []
            await older.socket.close()
            await server.ended(await server.post(two_nodes(), client_id=me))
            await server.settle()
            assert await newer.received() == []


async def test_failed_prompt_ends_with_the_error_and_then_with_no_node(
    server: Any, me: str, two_nodes: Callable[..., Graph]
) -> None:
    async with server.listen(me) as mine:
        prompt_id = await server.post(two_nodes("../../out"), client_id=me)
        heard = await mine.until("executing", node=None)
    assert names(heard)[-2:] == ["execution_error", "executing"]
    (told,) = [data for name, data in heard if name == "execution_error"]
    entry = await server.ended(prompt_id)
    assert entry["status"]["messages"][-1] == ["execution_error", told]


async def test_interrupt_is_told_with_five_fields(
    server: Any, me: str, two_nodes: Callable[..., Graph]
) -> None:
    await server.hold("SaveImage")
    async with server.listen(me) as mine:
        prompt_id = await server.post(two_nodes(), client_id=me)
        await mine.until("progress")
        await server.http.post("/interrupt", json={"prompt_id": prompt_id})
        heard = await mine.until("executing", node=None)
    (told,) = [data for name, data in heard if name == "execution_interrupted"]
    assert told.pop("timestamp") > 0
    assert told == {
        "prompt_id": prompt_id,
        "node_id": "2",
        "node_type": "SaveImage",
        "executed": ["1"],
    }


async def test_deleted_pending_prompt_is_heard_of_only_in_the_status(
    server: Any, me: str, two_nodes: Callable[..., Graph]
) -> None:
    await server.hold("SaveImage")
    running = await server.post(two_nodes())
    async with server.listen(me) as mine:
        doomed = await server.post(two_nodes(), client_id=me)
        await server.http.post("/queue", json={"delete": [doomed]})
        await server.hold()
        await server.ended(running)
        await server.settle()
        heard = await mine.received()
    assert doomed not in json.dumps([data for name, data in heard if name != TEXT_FRAME])
    assert "status" in {name for name, _ in heard}


async def test_size_of_a_picture_is_told_to_everyone_in_a_binary_frame(server: Any) -> None:
    graph = {
        "1": {
            "class_type": "EmptyImage",
            "inputs": {"width": 8, "height": 6, "batch_size": 1, "color": 3},
        },
        "2": {"class_type": "GetImageSize", "inputs": {"image": ["1", 0]}},
        "3": {"class_type": "PreviewAny", "inputs": {"source": ["2", 0]}},
    }
    async with server.listen("anyone") as anyone:
        await server.post(graph, client_id="somebody else")
        name = data = None
        while name != TEXT_FRAME:
            name, data = await anyone.next()
    assert data == b"\0\0\0\x012width: 8, height: 6\n batch size: 1"
