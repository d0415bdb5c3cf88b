"""The contract of a prompt's life: queue, history, interrupt, node cache, failures."""

import io
from collections.abc import Callable
from typing import Any
from uuid import uuid4

import pytest
from PIL import Image

Graph = dict[str, Any]


def names(entry: dict[str, Any]) -> list[str]:
    return [name for name, _ in entry["status"]["messages"]]


async def test_finished_prompt_in_the_history(wire: Any, quick: Callable[..., Graph]) -> None:
    graph, folder = quick(f"conform/{(stem := uuid4().hex)}"), "conform"
    prompt_id = await wire.post(graph, client_id="me")
    entry = await wire.ended(prompt_id)
    assert set(entry) == {"prompt", "outputs", "status", "meta"}
    _, told, posted, extra, outputs = entry["prompt"]
    assert (told, posted, extra["client_id"], outputs) == (prompt_id, graph, "me", ["2"])
    file = {"filename": f"{stem}_00001_.png", "subfolder": folder, "type": "output"}
    assert entry["outputs"] == {"2": {"images": [file]}}
    one = {"node_id": "2", "display_node": "2", "parent_node": None, "real_node_id": "2"}
    assert entry["meta"] == {"2": one}
    assert (entry["status"]["status_str"], entry["status"]["completed"]) == ("success", True)
    assert names(entry) == ["execution_start", "execution_cached", "execution_success"]
    assert {data["prompt_id"] for _, data in entry["status"]["messages"]} == {prompt_id}
    assert all(data["timestamp"] > 1_700_000_000_000 for _, data in entry["status"]["messages"])
    seen = await wire.http.get("/view", params=file)
    assert seen.headers["content-type"] == "image/png"
    with Image.open(io.BytesIO(seen.content)) as picture:
        assert picture.size == (8, 6)


async def test_forgotten_prompt_is_as_if_it_never_was(
    wire: Any, quick: Callable[..., Graph]
) -> None:
    prompt_id = await wire.post(quick())
    await wire.ended(prompt_id)
    for ids in ([prompt_id], [prompt_id], ["unknown"]):
        reply = await wire.http.post("/history", json={"delete": ids})
        assert (reply.status_code, reply.content) == (200, b"")
    assert await wire.history(prompt_id) == {}


async def test_history_answers_a_bad_number_with_500(wire: Any) -> None:
    assert (await wire.http.get("/history?max_items=x")).status_code == 500


async def test_waiting_prompt_can_be_taken_away_and_a_running_one_cannot(
    wire: Any, quick: Callable[..., Graph], slow: Callable[[], Graph]
) -> None:
    graph = slow()
    running = await wire.post(graph, client_id="me")
    item = await wire.running(running)
    pending = await wire.post(quick())
    assert item[1:3] == [running, graph]
    assert item[3]["client_id"] == "me"
    assert item[4] == ["save"]
    for prompt_id in (running, pending, "unknown"):
        assert await wire.history(prompt_id) == {}
    assert (await wire.http.get("/prompt")).json()["exec_info"]["queue_remaining"] >= 2
    for ids in ([running, "unknown"], [pending]):
        reply = await wire.http.post("/queue", json={"delete": ids})
        assert (reply.status_code, reply.content) == (200, b"")
    assert await wire.queued(pending) == []
    assert await wire.history(pending) == {}
    assert [place for place, _ in await wire.queued(running)] == ["queue_running"]


async def test_interrupt_takes_the_prompt_that_runs_and_no_other(
    wire: Any, quick: Callable[..., Graph], slow: Callable[[], Graph]
) -> None:
    running = await wire.post(slow())
    await wire.running(running)
    pending = await wire.post(quick())
    for other in (pending, "unknown"):
        reply = await wire.http.post("/interrupt", json={"prompt_id": other})
        assert (reply.status_code, reply.content) == (200, b"")
    assert [place for place, _ in await wire.queued(running)] == ["queue_running"]
    await wire.http.post("/interrupt", json={"prompt_id": running})
    entry = await wire.ended(running)
    assert (entry["status"]["status_str"], entry["status"]["completed"]) == ("error", False)
    name, told = entry["status"]["messages"][-1]
    assert name == "execution_interrupted"
    assert set(told) == {"prompt_id", "node_id", "node_type", "executed", "timestamp"}
    assert told["node_type"] in ("ImageBlur", "EmptyImage")
    assert (await wire.ended(pending))["status"]["status_str"] == "success"


async def test_same_graph_again_is_cached_and_names_the_first_file(
    wire: Any, quick: Callable[..., Graph]
) -> None:
    graph = quick()
    first, second = [await wire.ended(await wire.post(graph)) for _ in range(2)]
    assert second["outputs"] == first["outputs"]
    cached = [e["status"]["messages"][1][1]["nodes"] for e in (first, second)]
    assert cached[0] == []
    assert sorted(cached[1]) == ["1", "2"]


async def test_shared_beginning_is_cached_and_another_prefix_is_written_anew(
    wire: Any, quick: Callable[..., Graph]
) -> None:
    graph = quick()
    first = await wire.ended(await wire.post(graph))
    graph["2"]["inputs"]["filename_prefix"] = f"conform/{uuid4().hex}"
    second = await wire.ended(await wire.post(graph))
    assert second["status"]["messages"][1][1]["nodes"] == ["1"]
    assert second["outputs"] != first["outputs"]


async def test_picture_under_the_same_name_with_other_bytes_is_read_again(wire: Any) -> None:
    folder, seen = f"conform/{uuid4().hex}", []
    for color in ("red", "blue"):
        buffer = io.BytesIO()
        Image.new("RGB", (8, 8), color).save(buffer, "PNG")
        await wire.upload(buffer.getvalue(), "p.png", subfolder=folder, overwrite="true")
        graph = {
            "1": {"class_type": "LoadImage", "inputs": {"image": f"{folder}/p.png"}},
            "2": {
                "class_type": "SaveImage",
                "inputs": {"images": ["1", 0], "filename_prefix": f"{folder}/out"},
            },
        }
        entry = await wire.ended(await wire.post(graph))
        file = entry["outputs"]["2"]["images"][0]
        with Image.open(io.BytesIO((await wire.http.get("/view", params=file)).content)) as shown:
            seen.append(shown.getpixel((0, 0)))
    assert seen == [(255, 0, 0), (0, 0, 255)]


@pytest.mark.parametrize(
    ("data", "kind"), [(b"no picture", "PIL.UnidentifiedImageError"), (b"", None)]
)
async def test_file_that_is_no_picture_fails_in_its_node(
    wire: Any, data: bytes, kind: str | None
) -> None:
    name = (await wire.upload(data, f"{uuid4().hex}.png")).json()["name"]
    graph = {
        "1": {"class_type": "LoadImage", "inputs": {"image": name}},
        "2": {"class_type": "PreviewImage", "inputs": {"images": ["1", 0]}},
    }
    prompt_id = await wire.post(graph)
    entry = await wire.ended(prompt_id)
    assert (entry["outputs"], entry["status"]["status_str"]) == ({}, "error")
    event, told = entry["status"]["messages"][-1]
    assert event == "execution_error"
    assert set(told) == {
        *("prompt_id", "node_id", "node_type", "executed", "timestamp", "traceback"),
        *("exception_message", "exception_type", "current_inputs", "current_outputs"),
    }
    assert (told["node_id"], told["node_type"], told["executed"]) == ("1", "LoadImage", [])
    assert told["exception_type"] == (kind or "PIL.UnidentifiedImageError")
    assert told["exception_message"].startswith("cannot identify image file")


async def test_truncated_picture_is_filled_in_without_a_word(wire: Any) -> None:
    buffer = io.BytesIO()
    Image.effect_noise((64, 64), 90).convert("RGB").save(buffer, "PNG")
    half = buffer.getvalue()[: len(buffer.getvalue()) // 2]
    name = (await wire.upload(half, f"{uuid4().hex}.png")).json()["name"]
    graph = {
        "1": {"class_type": "LoadImage", "inputs": {"image": name}},
        "2": {"class_type": "PreviewImage", "inputs": {"images": ["1", 0]}},
    }
    entry = await wire.ended(await wire.post(graph))
    assert entry["status"]["status_str"] == "success"
    assert entry["outputs"]["2"]["images"][0]["type"] == "temp"


async def test_prefix_that_leaves_the_folder_fails_while_running(
    wire: Any, quick: Callable[..., Graph]
) -> None:
    entry = await wire.ended(await wire.post(quick("../../out")))
    name, told = entry["status"]["messages"][-1]
    assert (name, told["node_type"], told["exception_type"]) == (
        "execution_error",
        "SaveImage",
        "Exception",
    )
    assert told["executed"] == ["1"]


@pytest.mark.parametrize(("width", "outcome"), [(64, "success"), (63, "error")])
async def test_video_is_listed_among_the_images_and_needs_even_sides(
    wire: Any, width: int, outcome: str
) -> None:
    size = {"width": width, "height": 64, "batch_size": 4, "color": uuid4().int % 0xFFFFFF}
    saving = {"filename_prefix": f"conform/{uuid4().hex}", "format": "mp4", "codec": "h264"}
    graph = {
        "1": {"class_type": "EmptyImage", "inputs": size},
        "2": {"class_type": "CreateVideo", "inputs": {"images": ["1", 0], "fps": 12}},
        "3": {"class_type": "SaveVideo", "inputs": {"video": ["2", 0], **saving}},
    }
    entry = await wire.ended(await wire.post(graph))
    assert entry["status"]["status_str"] == outcome
    if outcome == "success":
        shown = entry["outputs"]["3"]
        assert (set(shown), shown["animated"]) == ({"images", "animated"}, [True])
        assert shown["images"][0]["filename"].endswith("_00001_.mp4")
        seen = await wire.http.get("/view", params=shown["images"][0])
        assert seen.headers["content-type"] == "video/mp4"
