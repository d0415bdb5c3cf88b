"""The engine's life as a process: start, crash, restart, and what is left on disk."""

import asyncio
import signal
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any
from uuid import uuid4

import av
import httpx
import pytest

Graph = dict[str, Any]


def test_idle_engine_is_small(start: Callable[..., Any]) -> None:
    server = start()
    status = Path(f"/proc/{server.process.pid}/status")
    if not status.exists():
        pytest.skip("memory is read from /proc")
    httpx.get(f"{server.url}/system_stats", timeout=60).raise_for_status()
    (line,) = [line for line in status.read_text().splitlines() if line.startswith("VmRSS")]
    assert int(line.split()[1]) < 80 * 1024


async def test_sigterm_ends_at_once_without_drain(
    start: Callable[..., Any], two_nodes: Callable[..., Graph]
) -> None:
    server = start("--node-delay", "SaveImage=3600")
    async with server.listen("me") as mine:
        await server.post(two_nodes(), client_id="me")
        await mine.until("progress")
        assert await asyncio.to_thread(server.stop, signal.SIGTERM) == -signal.SIGTERM
    await server.http.aclose()


def test_sigint_ends_it_without_a_traceback(start: Callable[..., Any]) -> None:
    server = start()
    assert server.stop(signal.SIGINT) == 130
    assert "Traceback" not in server.log()


def test_taken_port_ends_with_an_error(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        command = [sys.executable, "-m", "simulators.comfyui", "--base-directory", str(tmp_path)]
        ended = subprocess.run([*command, "--port", port], capture_output=True, timeout=60)
    assert ended.returncode != 0
    assert b"Address already in use" in ended.stderr


async def test_crash_loses_queue_and_history_and_keeps_files_and_ledger(
    start: Callable[..., Any], two_nodes: Callable[..., Graph], tmp_path: Path
) -> None:
    server = start()
    await server.upload(b"uploaded", "kept.bin")
    done = await server.post(two_nodes("done"))
    await server.ended(done)
    (server.base / "temp" / "preview.png").touch()
    await server.hold("SaveImage")
    running, waiting = [await server.post(two_nodes()) for _ in range(2)]
    async with server.listen("me") as listener:
        await listener.until("progress_state")
        server.stop()
    await server.http.aclose()

    again = start(port=int(server.url.rpartition(":")[2]))
    assert again.url == server.url
    assert (await again.http.get("/queue")).json() == {"queue_running": [], "queue_pending": []}
    assert (await again.http.get("/history")).json() == {}
    kept = {"filename": "kept.bin", "type": "input"}
    assert (await again.http.get("/view", params=kept)).content == b"uploaded"
    seen = await again.http.get("/view", params={"filename": "done_00001_.png"})
    assert seen.status_code == 200
    assert list((again.base / "temp").iterdir()) == []
    outcomes = [(await again.runs(one))[0]["outcome"] for one in (done, running, waiting)]
    assert outcomes == ["success", "lost", "lost"]

    await again.post(two_nodes(), prompt_id=running)
    await again.ended(running)
    assert [run["outcome"] for run in await again.runs(running)] == ["lost", "success"]
    await again.http.aclose()


async def test_killed_encoder_leaves_a_video_nobody_can_read(start: Callable[..., Any]) -> None:
    server = start()
    size = {"width": 640, "height": 480, "batch_size": 4096, "color": 255}
    saving = {"filename_prefix": "v", "format": "auto", "codec": "auto"}
    await server.post(
        {
            "1": {"class_type": "EmptyImage", "inputs": size},
            "2": {"class_type": "CreateVideo", "inputs": {"images": ["1", 0], "fps": 24}},
            "3": {"class_type": "SaveVideo", "inputs": {"video": ["2", 0], **saving}},
        }
    )
    video = server.base / "output" / "v_00001_.mp4"
    async with asyncio.timeout(60):
        while not video.exists():
            await asyncio.sleep(0.005)
    server.stop()
    await server.http.aclose()
    with pytest.raises(av.error.FFmpegError):
        av.open(video)


async def test_long_queue_is_served_to_its_end(
    start: Callable[..., Any], two_nodes: Callable[..., Graph]
) -> None:
    server = start("--cache-none")
    ids = [await server.post(two_nodes(f"p/{number}")) for number in range(100)]
    await server.ended(ids[-1])
    history = (await server.http.get("/history")).json()
    assert list(history) == ids
    assert {entry["status"]["status_str"] for entry in history.values()} == {"success"}
    assert len(list((server.base / "output" / "p").iterdir())) == 100
    await server.http.aclose()


async def test_models_are_placed_and_drawn_as_cards(start: Callable[..., Any]) -> None:
    name = f"{uuid4().hex}.safetensors"
    server = start("--models-mode", "listed", "--model", f"checkpoints/{name}")
    assert (await server.http.get("/models/checkpoints")).json() == [name]
    links = {"positive": ["t", 0], "negative": ["t", 0], "latent_image": ["l", 0]}
    graph = {
        "c": {"class_type": "CheckpointLoaderSimple", "inputs": {"ckpt_name": name}},
        "t": {"class_type": "CLIPTextEncode", "inputs": {"text": "x", "clip": ["c", 1]}},
        "l": {
            "class_type": "EmptyLatentImage",
            "inputs": {"width": 64, "height": 64, "batch_size": 1},
        },
        "k": {
            "class_type": "KSampler",
            "inputs": {
                **links,
                **{"model": ["c", 0], "seed": 1, "steps": 4, "cfg": 1.0, "denoise": 1.0},
                **{"sampler_name": "euler", "scheduler": "simple"},
            },
        },
        "d": {"class_type": "VAEDecode", "inputs": {"samples": ["k", 0], "vae": ["c", 2]}},
        "s": {"class_type": "SaveImage", "inputs": {"images": ["d", 0], "filename_prefix": "c"}},
    }
    async with server.listen("me") as mine:
        prompt_id = await server.post(graph, client_id="me")
        heard = await mine.until("executing", node=None)
    steps = [data["value"] for event, data in heard if event == "progress"]
    assert steps == [1, 2, 3, 4]
    entry = await server.ended(prompt_id)
    seen = await server.http.get("/view", params=entry["outputs"]["s"]["images"][0])
    assert seen.headers["content-type"] == "image/png"
    await server.http.aclose()
