"""What our packs and our client need of a server."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from fractions import Fraction
from pathlib import Path
from typing import Any
from uuid import uuid4

import av
import cv2
import numpy as np
import pytest

from comfy_graphs import FindingKind, bind, complete, installed_packs, load_pack, missing_from
from rekindle.adapters.comfyui import ComfyClient
from rekindle.errors import ModelMissing
from rekindle.ports.comfy import PromptEnd, Whereabouts

PACKS = sorted(installed_packs())


@pytest.fixture
async def comfy(wire: Any) -> AsyncIterator[ComfyClient]:
    client = ComfyClient(wire.url)
    yield client
    await client.close()


@pytest.fixture
async def photo(tmp_path: Path, comfy: ComfyClient) -> str:
    path = tmp_path / "photo.png"
    ramp = np.linspace(0, 255, 120 * 90 * 3, dtype=np.uint8).reshape(90, 120, 3)
    cv2.imwrite(str(path), ramp)
    return await comfy.upload(path, folder=f"conform/{uuid4()}", name="photo.png")


async def ended(comfy: ComfyClient, prompt_id: Any) -> PromptEnd:
    async with asyncio.timeout(110):
        while (status := await comfy.status(prompt_id)).end is None:
            assert status.place is not Whereabouts.UNKNOWN
            await asyncio.sleep(0.05)
        return status.end


@pytest.mark.parametrize("name", PACKS)
async def test_server_has_every_node_and_input_of_a_pack(comfy: ComfyClient, name: str) -> None:
    pack = load_pack(name)
    models = await comfy.models_by_folder(model.folder for model in pack.manifest.models)
    found = missing_from(await comfy.object_info(), models, pack)
    assert [f for f in found if f.kind is not FindingKind.MISSING_MODEL] == []


@pytest.mark.parametrize("name", PACKS)
async def test_server_takes_a_pack_unless_it_lacks_models(
    comfy: ComfyClient, photo: str, name: str
) -> None:
    pack, prompt_id = load_pack(name), uuid4()
    bound = bind(pack, complete(pack, {}, seed=1), photo=photo, filename_prefix="conform/out")
    models = await comfy.models_by_folder(model.folder for model in pack.manifest.models)
    lacks = any(m.file not in models.get(m.folder, ()) for m in pack.manifest.models)
    with pytest.raises(ModelMissing) if lacks else contextlib.nullcontext():
        await comfy.submit(prompt_id, bound.graph, client_id=str(prompt_id))
        if lacks:  # its loader is of the kind that is not checked before it runs
            (await ended(comfy, prompt_id)).demand_success()
    await comfy.cancel(prompt_id)


async def test_missing_upscaler_is_told_by_the_run_and_not_before(
    comfy: ComfyClient, quick: Callable[..., dict[str, Any]]
) -> None:
    prompt_id = uuid4()
    loader = {"class_type": "UpscaleModelLoader", "inputs": {"model_name": "absent.safetensors"}}
    enlarged = {"upscale_model": ["7", 0], "image": ["1", 0]}
    graph = quick() | {
        "7": loader,
        "8": {"class_type": "ImageUpscaleWithModel", "inputs": enlarged},
    }
    graph["2"]["inputs"]["images"] = ["8", 0]
    await comfy.submit(prompt_id, graph, client_id=str(prompt_id))
    end = await ended(comfy, prompt_id)
    assert (end.succeeded, end.failed_node_type) == (False, "UpscaleModelLoader")
    assert end.lacks_model


async def test_classic_restoration_runs_and_tells_how_far_it_is(
    comfy: ComfyClient, photo: str, tmp_path: Path
) -> None:
    pack, prompt_id = load_pack("restore_classic"), uuid4()
    prefix = f"conform/{prompt_id}/out"
    parameters = complete(pack, {"megapixels": 0.1}, seed=1)
    bound = bind(pack, parameters, photo=photo, filename_prefix=prefix)
    async with comfy.listen(str(prompt_id)) as listener:
        await comfy.submit(prompt_id, bound.graph, client_id=str(prompt_id))
        fractions = [f async for f in listener.fractions(prompt_id, bound.graph)]
    end = await ended(comfy, prompt_id)
    assert (end.succeeded, end.interrupted, end.failure) == (True, False, None)
    assert end.engine_seconds > 0
    assert fractions == sorted(fractions)
    assert fractions[-1] > 0.9  # nodes that nothing asks for never run
    [file] = [f for f in end.files if f.node == pack.manifest.output.node]
    assert (file.subfolder, file.kind) == (f"conform/{prompt_id}", "output")
    await comfy.fetch(file, tmp_path / "result.png")
    result = cv2.imread(str(tmp_path / "result.png"))
    assert result is not None
    height, width = result.shape[:2]
    assert abs(width / height - 120 / 90) < 0.02
    assert 90_000 < width * height < 115_000
    await comfy.forget(prompt_id)
    assert (await comfy.status(prompt_id)).place is Whereabouts.UNKNOWN


async def test_classic_animation_runs_and_tells_how_far_it_is(
    comfy: ComfyClient, photo: str, tmp_path: Path
) -> None:
    pack, prompt_id = load_pack("animate_classic"), uuid4()
    prefix = f"conform/{prompt_id}/out"
    parameters = complete(pack, {"megapixels": 0.1, "seconds": 2, "fps": 12}, seed=1)
    bound = bind(pack, parameters, photo=photo, filename_prefix=prefix)
    async with comfy.listen(str(prompt_id)) as listener:
        await comfy.submit(prompt_id, bound.graph, client_id=str(prompt_id))
        fractions = [f async for f in listener.fractions(prompt_id, bound.graph)]
    end = await ended(comfy, prompt_id)
    assert (end.succeeded, end.interrupted, end.failure) == (True, False, None)
    assert fractions == sorted(fractions)
    assert fractions[-1] > 0.9
    [file] = [f for f in end.files if f.node == pack.manifest.output.node]
    assert (file.subfolder, file.kind) == (f"conform/{prompt_id}", "output")
    await comfy.fetch(file, tmp_path / "result.mp4")
    with av.open(str(tmp_path / "result.mp4")) as container:
        stream = container.streams.video[0]
        frames = [frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)]
        assert stream.average_rate == Fraction(12)
        assert stream.pix_fmt == "yuv420p"
    assert len(frames) == 24
    height, width = frames[0].shape[:2]
    assert (height % 2, width % 2) == (0, 0)
    assert abs(width / height - 120 / 90) < 0.03
    await comfy.forget(prompt_id)


async def test_a_clip_can_be_sent_back_to_be_enlarged(
    comfy: ComfyClient, photo: str, tmp_path: Path
) -> None:
    made: list[Path] = []
    for name, source in (("animate_classic", photo), ("upscale_video_classic", "")):
        pack, prompt_id = load_pack(name), uuid4()
        short = {"megapixels": 0.1, "seconds": 2, "fps": 12} if source else {}
        if not source:
            source = await comfy.upload(made[-1], folder=f"conform/{prompt_id}", name="clip.mp4")
        values = complete(pack, short, seed=1)
        bound = bind(pack, values, photo=source, filename_prefix=f"conform/{prompt_id}/out")
        await comfy.submit(prompt_id, bound.graph, client_id=str(prompt_id))
        end = await ended(comfy, prompt_id)
        assert end.succeeded, end.failure
        [file] = [f for f in end.files if f.node == bound.output_node]
        made.append(tmp_path / f"{name}.mp4")
        await comfy.fetch(file, made[-1])
        await comfy.forget(prompt_id)
    sizes = []
    for path in made:
        with av.open(str(path)) as container:
            stream = container.streams.video[0]
            sizes.append((stream.width, stream.height, stream.frames, stream.average_rate))
    (width, height, *rest), large = sizes
    assert large == (width * 2, height * 2, *rest)


async def test_model_lists_unknown_classes_and_unknown_folders(wire: Any) -> None:
    http = wire.http
    assert {"vae", "loras", "diffusion_models"} <= set((await http.get("/models")).json())
    assert isinstance((await http.get("/models/vae")).json(), list)
    assert (await http.get("/models/nope")).status_code == 404
    assert (await http.get("/object_info/Nope")).json() == {}
    one = (await http.get("/object_info/SaveImage")).json()["SaveImage"]
    assert one == (await http.get("/object_info")).json()["SaveImage"]


async def test_statistics_tell_version_and_devices(wire: Any) -> None:
    stats = (await wire.http.get("/system_stats")).json()
    assert {"os", "ram_total", "ram_free", "comfyui_version", "python_version", "argv"} <= set(
        stats["system"]
    )
    assert {"name", "type", "index", "vram_total", "vram_free"} <= set(stats["devices"][0])
    assert (await wire.http.get("/api/system_stats")).status_code == 200


@pytest.mark.parametrize(
    ("verb", "path", "status"),
    [
        ("GET", "/interrupt", 404),
        ("POST", "/nope", 405),
        ("DELETE", "/prompt", 405),
        ("GET", "/api/nope", 404),
        ("GET", "/ws", 400),
    ],
)
async def test_routes_nobody_serves(wire: Any, verb: str, path: str, status: int) -> None:
    assert (await wire.http.request(verb, path)).status_code == status


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Origin": "http://evil.example"}, 403),
        ({"Origin": "http://evil.example", "Host": "comfy.example"}, 200),
        ({}, 200),
    ],
)
async def test_other_sites_are_kept_off(wire: Any, headers: dict[str, str], status: int) -> None:
    assert (await wire.http.get("/prompt", headers=headers)).status_code == status
