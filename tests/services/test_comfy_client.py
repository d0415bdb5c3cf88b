"""Our client against the ComfyUI engine, over real HTTP and a real websocket."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import cv2
import numpy as np
import pytest

from rekindle.adapters.comfyui import ComfyClient
from rekindle.errors import (
    ComfyUnavailable,
    GraphRejected,
    ModelMissing,
    ResultUnreadable,
)
from rekindle.ports.comfy import OutputFile, PromptEnd, PromptStatus, Whereabouts

BLUR = "ImageBlur"


@pytest.fixture
async def comfy(engine: Any) -> AsyncIterator[ComfyClient]:
    client = ComfyClient(engine.url)
    yield client
    await client.close()


@pytest.fixture
def photo(tmp_path: Path) -> Path:
    path = tmp_path / "photo.png"
    picture = np.linspace(0, 255, 32 * 24 * 3, dtype=np.uint8).reshape(24, 32, 3)
    cv2.imwrite(str(path), picture)
    return path


def graph(name: str, prefix: str) -> dict[str, Any]:
    return {
        "1": {"class_type": "LoadImage", "inputs": {"image": name}},
        "2": {"class_type": BLUR, "inputs": {"image": ["1", 0], "blur_radius": 1, "sigma": 0.6}},
        "9": {"class_type": "SaveImage", "inputs": {"images": ["2", 0], "filename_prefix": prefix}},
    }


async def ended(comfy: ComfyClient, prompt_id: UUID) -> PromptEnd:
    return (await until(comfy, prompt_id, Whereabouts.ENDED)).end or pytest.fail("no end")


async def until(comfy: ComfyClient, prompt_id: UUID, place: Whereabouts) -> PromptStatus:
    while True:
        status = await comfy.status(prompt_id)
        if status.place is place:
            return status
        await asyncio.sleep(0.01)


async def uploaded(comfy: ComfyClient, photo: Path, prompt_id: UUID) -> dict[str, Any]:
    name = await comfy.upload(photo, folder=f"jobs/{prompt_id}", name="photo.png")
    return graph(name, f"jobs/{prompt_id}/1/out")


async def test_a_graph_runs_from_photo_to_downloaded_result(
    comfy: ComfyClient, photo: Path, tmp_path: Path
) -> None:
    prompt_id = uuid4()
    wanted = await uploaded(comfy, photo, prompt_id)
    assert (await comfy.status(prompt_id)).place is Whereabouts.UNKNOWN
    await comfy.submit(prompt_id, wanted, client_id=str(prompt_id))
    end = await ended(comfy, prompt_id)
    assert (end.succeeded, end.interrupted, [f.node for f in end.files]) == (True, False, ["9"])
    await comfy.fetch(end.files[0], tmp_path / "result.png")
    result = cv2.imread(str(tmp_path / "result.png"))
    assert result is not None
    assert result.shape == (24, 32, 3)
    await comfy.forget(prompt_id)
    assert (await comfy.status(prompt_id)).place is Whereabouts.UNKNOWN


async def test_fractions_rise_and_the_listener_ends_with_the_prompt(
    comfy: ComfyClient, photo: Path
) -> None:
    prompt_id = uuid4()
    wanted = await uploaded(comfy, photo, prompt_id)
    async with comfy.listen(str(prompt_id)) as listener:
        await comfy.submit(prompt_id, wanted, client_id=str(prompt_id))
        seen = [f async for f in listener.fractions(prompt_id, wanted)]
    assert seen == sorted(seen)
    assert seen[-1] == 1.0
    assert (await comfy.status(prompt_id)).place is Whereabouts.ENDED


async def test_a_second_prompt_waits_and_can_be_taken_off_the_queue(
    engine: Any, comfy: ComfyClient, photo: Path
) -> None:
    engine.delay(**{BLUR: 60.0})
    first, second = uuid4(), uuid4()
    for prompt_id in (first, second):
        await comfy.submit(
            prompt_id, await uploaded(comfy, photo, prompt_id), client_id=str(prompt_id)
        )
    await until(comfy, first, Whereabouts.RUNNING)
    assert (await comfy.status(second)).place is Whereabouts.PENDING
    queue = await comfy.queue()
    assert queue.running == frozenset({str(first)})
    assert queue.pending == frozenset({str(second)})
    await comfy.cancel(second)
    assert (await comfy.status(second)).place is Whereabouts.UNKNOWN
    assert (await comfy.status(first)).place is Whereabouts.RUNNING
    await comfy.cancel(first)
    end = await ended(comfy, first)
    assert (end.succeeded, end.interrupted) == (False, True)
    assert [run["outcome"] for run in engine.runs(second)] == ["deleted"]


async def test_a_node_that_raises_is_told_apart_from_a_cancel(
    comfy: ComfyClient, tmp_path: Path
) -> None:
    prompt_id = uuid4()
    broken = tmp_path / "photo.png"
    broken.write_bytes(b"no picture")
    await comfy.submit(
        prompt_id, await uploaded(comfy, broken, prompt_id), client_id=str(prompt_id)
    )
    end = await ended(comfy, prompt_id)
    assert (end.succeeded, end.interrupted) == (False, False)
    assert end.failed_node_type == "LoadImage"


async def test_a_graph_that_does_not_fit_is_rejected(comfy: ComfyClient) -> None:
    with pytest.raises(GraphRejected, match="does_not_exist"):
        await comfy.submit(uuid4(), graph("does_not_exist.png", "x"), client_id="c")
    unknown = {"1": {"class_type": "NoSuchNode", "inputs": {}}}
    with pytest.raises(GraphRejected):
        await comfy.submit(uuid4(), unknown, client_id="c")


async def test_a_graph_of_which_one_branch_is_broken_is_rejected_and_cancelled(
    comfy: ComfyClient, photo: Path
) -> None:
    prompt_id = uuid4()
    half = await uploaded(comfy, photo, prompt_id)
    half["10"] = {"class_type": "LoadImage", "inputs": {"image": "absent.png"}}
    half["11"] = {
        "class_type": "SaveImage",
        "inputs": {"images": ["10", 0], "filename_prefix": "x"},
    }
    with pytest.raises(GraphRejected):
        await comfy.submit(prompt_id, half, client_id=str(prompt_id))


async def test_a_model_that_is_not_installed_is_its_own_error(comfy: ComfyClient) -> None:
    needs_model = {
        "1": {
            "class_type": "UNETLoader",
            "inputs": {"unet_name": "none.safetensors", "weight_dtype": "default"},
        },
        "2": {"class_type": "VAELoader", "inputs": {"vae_name": "none.safetensors"}},
        "3": {
            "class_type": "VAEDecode",
            "inputs": {"samples": ["4", 0], "vae": ["2", 0]},
        },
        "4": {
            "class_type": "KSampler",
            "inputs": {
                "model": ["1", 0],
                "seed": 1,
                "steps": 1,
                "cfg": 1.0,
                "sampler_name": "euler",
                "scheduler": "simple",
                "positive": ["5", 0],
                "negative": ["5", 0],
                "latent_image": ["7", 0],
                "denoise": 1.0,
            },
        },
        "5": {"class_type": "CLIPTextEncode", "inputs": {"text": "", "clip": ["6", 0]}},
        "6": {
            "class_type": "CLIPLoader",
            "inputs": {"clip_name": "none.safetensors", "type": "qwen_image"},
        },
        "7": {
            "class_type": "VAEEncode",
            "inputs": {"pixels": ["8", 0], "vae": ["2", 0]},
        },
        "8": {
            "class_type": "EmptyImage",
            "inputs": {"width": 64, "height": 64, "batch_size": 1, "color": 0},
        },
        "9": {"class_type": "SaveImage", "inputs": {"images": ["3", 0], "filename_prefix": "x"}},
    }
    with pytest.raises(ModelMissing):
        await comfy.submit(uuid4(), needs_model, client_id="c")


async def test_a_missing_upscaler_shows_only_when_the_graph_runs(comfy: ComfyClient) -> None:
    prompt_id = uuid4()
    size = {"width": 8, "height": 8, "batch_size": 1, "color": 0}
    enlarged = {"upscale_model": ["2", 0], "image": ["1", 0]}
    needs_model = {
        "1": {"class_type": "EmptyImage", "inputs": size},
        "2": {"class_type": "UpscaleModelLoader", "inputs": {"model_name": "absent.safetensors"}},
        "3": {"class_type": "ImageUpscaleWithModel", "inputs": enlarged},
        "9": {"class_type": "SaveImage", "inputs": {"images": ["3", 0], "filename_prefix": "x"}},
    }
    await comfy.submit(prompt_id, needs_model, client_id="c")
    with pytest.raises(ModelMissing, match="absent"):
        (await ended(comfy, prompt_id)).demand_success()


async def test_a_file_that_is_gone_is_unreadable(comfy: ComfyClient, tmp_path: Path) -> None:
    gone = OutputFile(node="9", filename="gone.png", subfolder="", kind="output")
    with pytest.raises(ResultUnreadable):
        await comfy.fetch(gone, tmp_path / "gone.png")


async def test_a_server_that_is_away_is_its_own_error_and_progress_just_ends(
    unused_tcp_port: int,
) -> None:
    away = ComfyClient(f"http://127.0.0.1:{unused_tcp_port}")
    with pytest.raises(ComfyUnavailable):
        await away.check()
    async with away.listen("c") as listener:
        assert [f async for f in listener.fractions(uuid4(), {})] == []
    await away.close()
