"""The contract of `POST /prompt`: what is accepted, what is refused, and in which words."""

from collections.abc import Callable
from typing import Any
from uuid import uuid4

import pytest

Graph = dict[str, Any]
SERVER_ERROR = "500 Internal Server Error\n\nServer got itself in trouble"


async def test_accepted_prompt_is_told_id_number_and_errors(
    wire: Any, quick: Callable[..., Graph]
) -> None:
    prompt_id = str(uuid4())
    told = (await wire.offer(quick(), prompt_id=prompt_id)).json()
    assert set(told) == {"prompt_id", "number", "node_errors"}
    assert (told["prompt_id"], told["node_errors"]) == (prompt_id, {})


@pytest.mark.parametrize("body", ["", "no json", "5", '{"prompt": 5}'])
async def test_body_that_is_no_prompt(wire: Any, body: str) -> None:
    reply = await wire.http.post("/prompt", content=body)
    assert (reply.status_code, reply.text) == (500, SERVER_ERROR)
    assert reply.headers["content-type"] == "text/plain; charset=utf-8"


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        ({}, "no_prompt"),
        ({"prompt": {}}, "prompt_no_outputs"),
        ({"prompt": {"1": {"class_type": "Nope"}}}, "invalid_prompt"),
        ({"prompt": {"1": {"inputs": {}}}}, "invalid_prompt"),
    ],
)
async def test_prompt_refused_as_a_whole(wire: Any, body: Any, kind: str) -> None:
    reply = await wire.http.post("/prompt", json=body)
    told = reply.json()
    assert (reply.status_code, told["error"]["type"], told["node_errors"] or {}) == (400, kind, {})
    assert set(told) == {"error", "node_errors"}
    assert set(told["error"]) == {"type", "message", "details", "extra_info"}


BROKEN: list[tuple[str, dict[str, Any], str, str | None]] = [
    ("EmptyImage", {"width": 8, "height": 8, "batch_size": 1}, "required_input_missing", "color"),
    (
        "EmptyImage",
        {"width": "x", "height": 8, "batch_size": 1, "color": 0},
        "invalid_input_type",
        "width",
    ),
    (
        "EmptyImage",
        {"width": 0, "height": 8, "batch_size": 1, "color": 0},
        "value_smaller_than_min",
        "width",
    ),
    (
        "EmptyImage",
        {"width": 99999, "height": 8, "batch_size": 1, "color": 0},
        "value_bigger_than_max",
        "width",
    ),
    ("LoadImage", {"image": "does_not_exist.png"}, "custom_validation_failed", "image"),
    ("VAELoader", {"vae_name": "none.safetensors"}, "value_not_in_list", "vae_name"),
]


@pytest.mark.parametrize(("name", "inputs", "kind", "where"), BROKEN)
async def test_broken_input_is_told_with_its_node(
    wire: Any, name: str, inputs: dict[str, Any], kind: str, where: str
) -> None:
    graph = {"1": {"class_type": name, "inputs": inputs}}
    if name == "VAELoader":
        size = {"width": 64, "height": 64, "batch_size": 1}
        graph["3"] = {"class_type": "EmptyLatentImage", "inputs": size}
        graph["4"] = {"class_type": "VAEDecode", "inputs": {"samples": ["3", 0], "vae": ["1", 0]}}
    source = "4" if "4" in graph else "1"
    saving = {"images": [source, 0], "filename_prefix": "x"}
    reply = await wire.offer(graph | {"2": {"class_type": "SaveImage", "inputs": saving}})
    told = reply.json()
    assert (reply.status_code, told["error"]["type"]) == (400, "prompt_outputs_failed_validation")
    assert told["error"]["message"] == "Prompt outputs failed validation"
    assert list(told["node_errors"]) == ["1"]
    found = told["node_errors"]["1"]
    assert (found["class_type"], found["dependent_outputs"]) == (name, ["2"])
    (error,) = found["errors"]
    assert set(error) == {"type", "message", "details", "extra_info"}
    assert (error["type"], error["extra_info"]["input_name"]) == (kind, where)
    assert error["details"]


async def test_link_of_another_type_and_link_to_nothing(wire: Any) -> None:
    latent = {"width": 64, "height": 64, "batch_size": 1}
    for source, kind in (("1", "return_type_mismatch"), ("9", "exception_during_validation")):
        graph = {
            "1": {"class_type": "EmptyLatentImage", "inputs": latent},
            "2": {
                "class_type": "SaveImage",
                "inputs": {"images": [source, 0], "filename_prefix": "x"},
            },
        }
        reply = await wire.offer(graph)
        assert reply.status_code == 400
        (error,) = reply.json()["node_errors"]["2"]["errors"]
        assert error["type"] == kind


async def test_cycle_is_refused_without_a_word(wire: Any) -> None:
    def invert(source: str) -> Graph:
        return {"class_type": "ImageInvert", "inputs": {"image": [source, 0]}}

    saving = {"images": ["1", 0], "filename_prefix": "x"}
    graph = {"1": invert("2"), "2": invert("1")}
    reply = await wire.offer(graph | {"3": {"class_type": "SaveImage", "inputs": saving}})
    assert (reply.status_code, reply.json()["node_errors"]) == (400, {})


async def test_one_good_branch_is_enough_and_the_other_is_dropped(
    wire: Any, quick: Callable[..., Graph]
) -> None:
    graph = quick() | {
        "9": {"class_type": "LoadImage", "inputs": {"image": "nope.png"}},
        "8": {"class_type": "PreviewImage", "inputs": {"images": ["9", 0]}},
    }
    reply = await wire.offer(graph)
    assert (reply.status_code, list(reply.json()["node_errors"])) == (200, ["9"])
    entry = await wire.ended(reply.json()["prompt_id"])
    assert entry["status"]["status_str"] == "success"
    assert list(entry["outputs"]) == ["2"]


async def test_options_of_newer_nodes_are_not_validated(
    wire: Any, quick: Callable[..., Graph]
) -> None:
    graph = quick()
    scaling = {"image": ["1", 0], "upscale_method": "nope", "megapixels": 0.01}
    graph["3"] = {"class_type": "ImageScaleToTotalPixels", "inputs": scaling}
    graph["2"]["inputs"]["images"] = ["3", 0]
    entry = await wire.ended(await wire.post(graph))
    assert entry["status"]["status_str"] == "error"
    assert entry["status"]["messages"][-1][1]["node_type"] == "ImageScaleToTotalPixels"


async def test_equal_ids_are_two_prompts(
    wire: Any, quick: Callable[..., Graph], slow: Callable[[], Graph]
) -> None:
    holding = await wire.post(slow())
    await wire.running(holding)
    prompt_id = await wire.post(quick())
    await wire.post(quick(), prompt_id=prompt_id)
    assert [place for place, _ in await wire.queued(prompt_id)] == ["queue_pending"] * 2


async def test_number_as_id_is_taken_as_text(wire: Any, quick: Callable[..., Graph]) -> None:
    number = uuid4().int % 10**12
    told = (await wire.offer(quick(), prompt_id=number)).json()
    assert told["prompt_id"] == str(number)
