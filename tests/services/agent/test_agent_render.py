"""The production client through the agent: every call it makes, over real HTTP and websockets."""

import asyncio
import hashlib
import os
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import cv2
import numpy as np
import pytest

from comfy_graphs import bind, complete, load_pack
from rekindle.adapters.comfyui import ComfyClient
from rekindle.errors import ComfyUnavailable, GraphRejected, ModelMissing, PodGone, ResultUnreadable
from rekindle.ports.comfy import OutputFile, PromptEnd, Whereabouts


@pytest.fixture
def photo(tmp_path: Path) -> Path:
    path = tmp_path / "photo.png"
    picture = np.linspace(0, 255, 64 * 48 * 3, dtype=np.uint8).reshape(48, 64, 3)
    cv2.imwrite(str(path), picture)
    return path


async def ended(comfy: ComfyClient, prompt_id: UUID) -> PromptEnd:
    async with asyncio.timeout(60):
        while (end := (await comfy.status(prompt_id)).end) is None:
            await asyncio.sleep(0.02)
    return end


async def test_a_pack_renders_from_photo_to_result_with_progress(
    comfy: ComfyClient, photo: Path, tmp_path: Path
) -> None:
    pack, prompt_id = load_pack("restore_classic"), uuid4()
    name = await comfy.upload(photo, folder=f"jobs/{prompt_id}", name="photo.png")
    values = complete(pack, {"megapixels": 0.1}, seed=1)
    bound = bind(pack, values, photo=name, filename_prefix=f"jobs/{prompt_id}/1/out")
    client_id = str(uuid4())
    async with comfy.listen(client_id) as listener:
        await comfy.submit(prompt_id, bound.graph, client_id=client_id)
        async with asyncio.timeout(60):
            seen = [f async for f in listener.fractions(prompt_id, bound.graph)]
    assert seen
    assert seen[-1] == 1.0
    end = await ended(comfy, prompt_id)
    file = next(f for f in end.files if f.node == bound.output_node)
    await comfy.fetch(file, tmp_path / "result.png")
    assert cv2.imread(str(tmp_path / "result.png")) is not None
    await comfy.forget(prompt_id)
    assert (await comfy.status(prompt_id)).place is Whereabouts.UNKNOWN


async def test_what_the_server_has_is_told(comfy: ComfyClient) -> None:
    await comfy.check()
    assert "system" in await comfy.system_stats()
    assert "SaveImage" in await comfy.object_info()
    assert set(await comfy.models_by_folder(["loras", "vae", "no such"])) == {"loras", "vae"}


async def test_a_running_prompt_is_cancelled(pod: Any, comfy: ComfyClient, prompt: Any) -> None:
    pod.hold("EmptyImage")
    prompt_id = uuid4()
    await comfy.submit(prompt_id, prompt(str(prompt_id))["prompt"], client_id="c")
    async with asyncio.timeout(60):
        while str(prompt_id) not in (await comfy.queue()).running:
            await asyncio.sleep(0.02)
    assert [p.prompt_id for p in await comfy.queued_prompts()] == [str(prompt_id)]
    await comfy.cancel(prompt_id)
    assert (await ended(comfy, prompt_id)).interrupted


async def test_a_refusal_of_the_server_arrives_as_it_was(comfy: ComfyClient) -> None:
    with pytest.raises(GraphRejected, match="NoSuchNode"):
        await comfy.submit(
            uuid4(), {"1": {"class_type": "NoSuchNode", "inputs": {}}}, client_id="c"
        )
    graph = {
        "1": {"class_type": "CheckpointLoaderSimple", "inputs": {"ckpt_name": "none.safetensors"}},
        "2": {"class_type": "CLIPTextEncode", "inputs": {"text": "", "clip": ["1", 1]}},
        "3": {"class_type": "PreviewAny", "inputs": {"source": ["2", 0]}},
    }
    with pytest.raises(ModelMissing):
        await comfy.submit(uuid4(), graph, client_id="c")


async def test_a_wrong_token_looks_like_a_pod_that_is_gone(pod: Any) -> None:
    stranger = ComfyClient(pod.url, token=pod.token + "x")
    with pytest.raises(PodGone):
        await stranger.check()
    await stranger.close()


async def test_a_file_nobody_made_is_unreadable(comfy: ComfyClient, tmp_path: Path) -> None:
    with pytest.raises(ResultUnreadable):
        await comfy.fetch(OutputFile("1", "none.png", "", "output"), tmp_path / "x")


async def test_a_large_photo_passes_in_pieces(pod: Any, comfy: ComfyClient, tmp_path: Path) -> None:
    large = tmp_path / "large.png"
    large.write_bytes(os.urandom(1 << 20) * 60)
    before = peak_kb(pod.agent.pid)
    name = await comfy.upload(large, folder="jobs/large", name="large.png")
    stored = (pod.base / "input" / name).read_bytes()
    assert hashlib.sha256(stored).digest() == hashlib.sha256(large.read_bytes()).digest()
    (pod.base / "input" / name).unlink()
    grown_mb = (peak_kb(pod.agent.pid) - before) >> 10
    assert grown_mb < 30, "the agent kept the photo in memory"


def peak_kb(pid: int) -> int:
    """The most memory that a process ever had."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM"))


async def test_a_body_that_is_too_large_is_refused_unread(pod: Any) -> None:
    host, port = pod.url.removeprefix("http://").split(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    head = (
        f"POST /upload/image HTTP/1.1\r\nHost: pod\r\nAuthorization: Bearer {pod.token}\r\n"
        f"Content-Type: multipart/form-data; boundary=b\r\nContent-Length: {121 << 20}\r\n\r\n"
    )
    writer.write(head.encode())
    async with asyncio.timeout(60):
        assert b" 413 " in await reader.readline()
    writer.close()
    await writer.wait_closed()


async def test_a_body_that_grows_too_large_is_refused(http: Any) -> None:
    async def pieces() -> Any:
        for _ in range(20):
            yield b" " * 65536

    assert (await http.post("/queue", content=pieces())).status_code == 413
    assert (await http.get("/queue")).status_code == 200


async def test_a_result_can_be_fetched_in_ranges(pod: Any, http: Any, prompt: Any) -> None:
    prompt_id = str(uuid4())
    (await http.post("/prompt", json=prompt(prompt_id))).raise_for_status()
    entry = await pod.ended(prompt_id)
    file = entry["outputs"]["2"]["images"][0]
    whole = await http.get("/view", params=file)
    assert (whole.status_code, whole.headers["content-type"]) == (200, "image/png")
    assert whole.headers["x-content-type-options"] == "nosniff"
    part = await http.get("/view", params=file, headers={"range": "bytes=4-9"})
    assert (part.status_code, part.content) == (206, whole.content[4:10])
    assert part.headers["content-range"] == f"bytes 4-9/{len(whole.content)}"
    tag = {"if-none-match": whole.headers["etag"]}
    assert (await http.get("/view", params=file, headers=tag)).status_code == 304


async def test_a_server_that_died_is_unavailable(make_pod: Any) -> None:
    pod = make_pod().start()
    comfy = ComfyClient(pod.url, token=pod.token)
    client_id = str(uuid4())
    async with comfy.listen(client_id) as listener:
        pod.engine.kill()
        async with asyncio.timeout(60):
            assert [f async for f in listener.fractions(uuid4(), {})] == []
    with pytest.raises(ComfyUnavailable):
        await comfy.check()
    await comfy.close()
